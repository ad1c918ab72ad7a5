use std::collections::BTreeMap;

use protocol::ext::StartExtension;

use super::*;

const DEFAULTS: Defaults = Defaults {
    drain: Duration::from_secs(30),
    allow_host_loopback: false,
};

fn component(image: &str) -> v2::Component {
    v2::Component {
        image: image.to_owned(),
        ..v2::Component::default()
    }
}

fn request(components: Vec<v2::Component>, change: impl FnOnce(&mut StartRequest)) -> StartRequest {
    let mut request = StartRequest {
        id: "uid-1".to_owned(),
        workload: v2::Workload {
            namespace: "default".to_owned(),
            name: "web-0".to_owned(),
            wit_world: Some(v2::WitWorld {
                components,
                host_interfaces: Vec::new(),
            }),
            ..v2::Workload::default()
        },
        extension: StartExtension::default(),
    };
    change(&mut request);
    request
}

fn refused(request: &StartRequest) -> Refusal {
    plan(request, &DEFAULTS).err().expect("a refusal")
}

#[test]
fn a_base_request_gets_the_host_s_defaults() {
    let plan = plan(
        &request(vec![component("registry.example/web:1")], |_| {}),
        &DEFAULTS,
    )
    .unwrap();
    let only = &plan.spec.components[0];
    assert_eq!(
        (
            &*only.name,
            only.pool_size,
            only.max_invocations,
            only.max_concurrency
        ),
        ("component-0", 0, None, 1)
    );
    assert_eq!(
        (&*plan.spec.owner, plan.drain),
        ("web-0", Duration::from_secs(30))
    );
    assert!(only.resources.allowed_hosts.denies_all());
    assert_eq!(plan.images[0].policy, PullPolicy::IfNotPresent);
    assert!(plan.images[0].credentials.is_none());
}

#[test]
fn the_extension_goes_before_the_base() {
    let mut web = component("registry.example/web:1");
    web.name = "web".to_owned();
    web.local_resources = Some(v2::LocalResources {
        memory_limit_mb: 64,
        ..v2::LocalResources::default()
    });
    web.image_pull_secret = Some(v2::ImagePullSecret {
        username: "u".to_owned(),
        password: "p".to_owned(),
    });
    let mut given = request(vec![web], |_| {});
    let base = plan(&given, &DEFAULTS).unwrap();
    assert_eq!(
        base.spec.components[0].resources.memory_limit,
        Some(64 << 20)
    );
    assert_eq!(
        base.images[0].credentials,
        Some(Credentials::basic("u", "p"))
    );

    let extension = ComponentExtension {
        memory_limit: 1 << 20,
        request_timeout_ms: 1500,
        max_in_flight: 7,
        registry_token: "token".to_owned(),
        ..ComponentExtension::default()
    };
    given.extension = StartExtension {
        components: BTreeMap::from([("web".to_owned(), extension)]),
        owner: "web".to_owned(),
        drain_seconds: 5,
        ..StartExtension::default()
    };
    let extended = plan(&given, &DEFAULTS).unwrap();
    assert_eq!(
        extended.spec.components[0].resources.memory_limit,
        Some(1 << 20)
    );
    assert_eq!(
        extended.images[0].credentials,
        Some(Credentials::bearer("token"))
    );
    assert_eq!(
        extended.spec.limits.request_timeout,
        Duration::from_millis(1500)
    );
    assert_eq!(extended.spec.limits.max_in_flight, 7);
    assert_eq!(
        (&*extended.spec.owner, extended.drain),
        ("web", Duration::from_secs(5))
    );
}

#[test]
fn hostnames_of_the_service_join_the_aliases() {
    let http = v2::WitInterface {
        namespace: "wasi".to_owned(),
        package: "http".to_owned(),
        version: "0.2".to_owned(),
        interfaces: vec!["incoming-handler".to_owned()],
        config: BTreeMap::from([("host-aliases".to_owned(), "a.example".to_owned())]),
        ..v2::WitInterface::default()
    };
    let given = request(vec![component("r.example/web:1")], |request| {
        request.workload.wit_world.as_mut().unwrap().host_interfaces = vec![http];
        request.extension.service_hostnames = vec!["web".to_owned(), "web.default".to_owned()];
    });
    let interface = &plan(&given, &DEFAULTS).unwrap().spec.host_interfaces[0];
    assert_eq!(
        interface.config["host-aliases"],
        "a.example,web,web.default"
    );
    assert_eq!(interface.version, Some(semver::Version::new(0, 2, 0)));
}

#[test]
fn every_malformed_allow_list_entry_is_named_at_once() {
    let mut web = component("r.example/web:1");
    web.local_resources = Some(v2::LocalResources {
        allowed_hosts: vec!["*foo".to_owned(), "ok.example".to_owned()],
        allowed_ip_name_lookups: vec!["a b".to_owned()],
        ..v2::LocalResources::default()
    });
    let refusal = refused(&request(vec![web], |_| {}));
    assert_eq!(refusal.reason, Reason::InvalidAllowList);
    assert!(
        refusal.message.contains("*foo") && refusal.message.contains("a b"),
        "{}",
        refusal.message
    );
    assert!(
        !refusal.message.contains("ok.example"),
        "{}",
        refusal.message
    );
}

#[test]
fn what_cannot_be_is_an_invalid_spec_that_names_the_field() {
    let mut loopback = component("r.example/web:1");
    loopback.local_resources = Some(v2::LocalResources {
        allowed_host_loopback_ports: vec!["5432".to_owned()],
        ..v2::LocalResources::default()
    });
    let bad_version = v2::WitInterface {
        namespace: "wasi".to_owned(),
        package: "config".to_owned(),
        version: "one".to_owned(),
        ..v2::WitInterface::default()
    };
    let no_path = v2::Volume {
        name: "data".to_owned(),
        volume_type: Some(VolumeType::HostPath(v2::HostPathVolume::default())),
    };
    for (given, named) in [
        (request(vec![], |_| {}), "neither components nor a service"),
        (
            request(vec![component("NOT A REFERENCE")], |_| {}),
            "NOT A REFERENCE",
        ),
        (request(vec![loopback], |_| {}), "--allow-host-loopback"),
        (
            request(vec![component("r.example/web:1")], |request| {
                request.workload.wit_world.as_mut().unwrap().host_interfaces = vec![bad_version];
            }),
            "wasi:config",
        ),
        (
            request(vec![component("r.example/web:1")], |request| {
                request.workload.volumes = vec![no_path]
            }),
            "data",
        ),
    ] {
        let refusal = refused(&given);
        assert_eq!(refusal.reason, Reason::InvalidSpec);
        assert!(refusal.message.contains(named), "{}", refusal.message);
    }
}
