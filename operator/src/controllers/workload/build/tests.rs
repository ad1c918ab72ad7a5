use super::*;

fn workload() -> Workload {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "Workload",
        "metadata": {"name": "w", "namespace": "n", "uid": "u"},
        "spec": {
            "components": [{
                "name": "c", "image": "i:1", "imagePullPolicy": "Never",
                "resources": {"limits": {"memory": "64Mi", "cpu": "250m"}}, "timeouts": {"request": "1m30s"}
            }],
            "hostInterfaces": [{"namespace": "wasi", "package": "http", "interfaces": ["handler"]}],
            "volumes": [{"name": "v", "hostPath": {"path": "/data"}}, {"name": "e", "ephemeral": {}}],
            "kubernetes": {"service": {"name": "web"}},
        }
    }))
    .unwrap()
}

fn resolved() -> Resolved {
    Resolved {
        interfaces: vec![BTreeMap::new()],
        components: vec![BTreeMap::from([("K".to_owned(), "V".to_owned())])],
        logins: vec![Some(Login {
            username: "u".into(),
            password: "p".into(),
            registry_token: None,
        })],
        ..Resolved::default()
    }
}

#[test]
fn the_command_says_what_the_spec_says() {
    let start = start(&workload(), resolved(), "cp", "cluster.local");
    let base = start.base.unwrap();
    assert_eq!(base.workload_id, "u");
    let workload = base.workload.unwrap();
    let world = workload.wit_world.unwrap();
    let component = &world.components[0];
    assert_eq!(component.image_pull_policy(), v2::ImagePullPolicy::Never);
    assert_eq!(
        component.local_resources.as_ref().unwrap().environment["K"],
        "V"
    );
    assert_eq!(component.image_pull_secret.as_ref().unwrap().username, "u");
    assert_eq!(
        world.host_interfaces[0].config[aliases::KEY],
        "web,web.n,web.n.svc,web.n.svc.cluster.local"
    );
    assert!(matches!(
        workload.volumes[0].volume_type,
        Some(v2::volume::VolumeType::HostPath(_))
    ));
    assert!(matches!(
        workload.volumes[1].volume_type,
        Some(v2::volume::VolumeType::EmptyDir(_))
    ));
}

#[test]
fn limits_travel_beside_the_base_command() {
    let extension = start(&workload(), resolved(), "cp", "cluster.local")
        .extension
        .unwrap();
    assert_eq!(
        (extension.control_plane.as_str(), extension.owner.as_str()),
        ("cp", "w")
    );
    let limits = &extension.components["c"];
    assert_eq!(
        (
            limits.memory_limit,
            limits.cpu_millis,
            limits.request_timeout_ms
        ),
        (64 << 20, 250, 90_000)
    );
}
