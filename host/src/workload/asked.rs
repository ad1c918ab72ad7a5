//! From the messages of the bus to a [`WorkloadSpec`]: everything is checked here, once, and every error
//! names the field, what was found and what to do.

use super::{
    running::SERVICE,
    spec::{
        ComponentSpec, Environment, HostInterface, ImageSpec, LocalResources, RequestLimits,
        ServiceSpec, Volume, VolumeMount, VolumeSource, WorkloadSpec,
    },
};
use crate::{
    agent::StartRequest,
    net::{EgressPolicy, IpNameLookups, LoopbackPorts},
};
use host_api::WorkloadIdentity;
use oci::{Credentials, PullPolicy};
use protocol::{
    Reason,
    ext::ComponentExtension,
    v2::{self, volume::VolumeType},
};
use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

/// How long requests in flight may take when nobody says.
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);

/// A workload that somebody asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub spec: WorkloadSpec,
    /// In the order of the components.
    pub images: Vec<ImageSpec>,
    pub service_image: Option<ImageSpec>,
}

/// The request cannot be met as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refusal {
    pub reason: Reason,
    pub message: String,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal {
        reason: Reason::InvalidSpec,
        message: message.into(),
    }
}

/// Reads a request.
pub(super) fn read(request: &StartRequest) -> Result<Asked, Refusal> {
    let StartRequest {
        id,
        workload,
        extension,
    } = request;
    for (field, value) in [
        ("workload_id", id),
        ("namespace", &workload.namespace),
        ("name", &workload.name),
    ] {
        if value.is_empty() {
            return Err(invalid(format!("{field} is empty")));
        }
    }
    let world = workload.wit_world.clone().unwrap_or_default();
    if world.components.is_empty() && workload.service.is_none() {
        return Err(invalid("the workload has neither components nor a service"));
    }
    let mut allow_lists = AllowLists::default();
    let mut components = Vec::new();
    let mut images = Vec::new();
    let mut names = HashSet::from([SERVICE.to_owned()]);
    for (index, component) in world.components.iter().enumerate() {
        let name = match component.name.as_str() {
            "" => format!("component-{index}"),
            name => name.to_owned(),
        };
        if !names.insert(name.clone()) {
            return Err(invalid(format!(
                "the component name {name:?} is taken (`{SERVICE}` always is)"
            )));
        }
        let extra = extension.components.get(&component.name);
        images.push(image(
            &name,
            &component.image,
            component.image_pull_policy,
            component.image_pull_secret.as_ref(),
            extra,
        )?);
        components.push(ComponentSpec {
            resources: resources(
                &name,
                component.local_resources.as_ref(),
                extra,
                &mut allow_lists,
            )?,
            name,
            // Zero and negative numbers stand for "not set".
            pool_size: u32::try_from(component.pool_size).unwrap_or(0),
            max_invocations: u32::try_from(component.max_invocations)
                .ok()
                .filter(|max| *max > 0),
            max_concurrency: u32::try_from(component.max_concurrency).unwrap_or(0).max(1),
            limits: limits(extra),
        });
    }
    let extra = extension.components.get("");
    let mut service_image = None;
    let mut service = None;
    if let Some(asked) = &workload.service {
        service_image = Some(image(
            SERVICE,
            &asked.image,
            asked.image_pull_policy,
            asked.image_pull_secret.as_ref(),
            extra,
        )?);
        let local = asked.local_resources.as_ref();
        service = Some(ServiceSpec {
            resources: resources(SERVICE, local, extra, &mut allow_lists)?,
            max_restarts: asked.max_restarts,
        });
    }
    allow_lists.check()?;
    let volumes = volumes(&workload.volumes)?;
    let host_interfaces = world
        .host_interfaces
        .iter()
        .map(interface)
        .collect::<Result<Vec<_>, _>>()?;
    let spec = WorkloadSpec {
        identity: Arc::new(WorkloadIdentity {
            id: id.clone(),
            namespace: workload.namespace.clone(),
            name: workload.name.clone(),
        }),
        owner: match extension.owner.as_str() {
            "" => workload.name.clone(),
            owner => owner.to_owned(),
        },
        components,
        service,
        host_interfaces,
        volumes,
        service_hostnames: extension.service_hostnames.clone(),
        drain: match extension.drain_seconds {
            0 => DEFAULT_DRAIN,
            seconds => Duration::from_secs(seconds.into()),
        },
    };
    Ok(Asked {
        spec,
        images,
        service_image,
    })
}

fn image(
    component: &str,
    reference: &str,
    policy: i32,
    secret: Option<&v2::ImagePullSecret>,
    extra: Option<&ComponentExtension>,
) -> Result<ImageSpec, Refusal> {
    let parsed = reference.parse().map_err(|error| {
        invalid(format!(
            "component `{component}`: image {reference:?}: {error}"
        ))
    })?;
    let policy = match v2::ImagePullPolicy::try_from(policy) {
        Ok(v2::ImagePullPolicy::Always) => PullPolicy::Always,
        Ok(v2::ImagePullPolicy::Never) => PullPolicy::Never,
        Ok(_) => PullPolicy::IfNotPresent,
        Err(_) => {
            return Err(invalid(format!(
                "component `{component}`: unknown image pull policy {policy}"
            )));
        }
    };
    let token = extra
        .map(|extra| extra.registry_token.as_str())
        .filter(|token| !token.is_empty());
    let credentials = token
        .map(Credentials::bearer)
        .or_else(|| secret.map(|secret| Credentials::basic(&secret.username, &secret.password)));
    Ok(ImageSpec {
        reference: parsed,
        policy,
        credentials,
    })
}

fn limits(extra: Option<&ComponentExtension>) -> RequestLimits {
    let default = RequestLimits::default();
    let Some(extra) = extra else { return default };
    RequestLimits {
        request_timeout: match extra.request_timeout_ms {
            0 => default.request_timeout,
            milliseconds => Duration::from_millis(milliseconds),
        },
        max_in_flight: match extra.max_in_flight {
            0 => default.max_in_flight,
            max => max,
        },
    }
}

/// Bad entries of all lists of all components: the user shall see them at once.
#[derive(Default)]
struct AllowLists(Vec<String>);

impl AllowLists {
    fn read<T: Default>(&mut self, component: &str, parsed: Result<T, Vec<String>>) -> T {
        parsed.unwrap_or_else(|problems| {
            let problems = problems.into_iter();
            self.0
                .extend(problems.map(|problem| format!("component `{component}`: {problem}")));
            T::default()
        })
    }

    fn check(self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Refusal {
            reason: Reason::InvalidAllowList,
            message: self.0.join("; "),
        })
    }
}

fn resources(
    component: &str,
    local: Option<&v2::LocalResources>,
    extra: Option<&ComponentExtension>,
    allow_lists: &mut AllowLists,
) -> Result<LocalResources, Refusal> {
    let local = local.cloned().unwrap_or_default();
    let mut mounts = Vec::new();
    for mount in &local.volume_mounts {
        if !mount.mount_path.starts_with('/') {
            return Err(invalid(format!(
                "component `{component}`: mount path {:?} of volume `{}` does not begin with `/`",
                mount.mount_path, mount.name
            )));
        }
        mounts.push(VolumeMount {
            volume: mount.name.clone(),
            path: mount.mount_path.clone(),
            read_only: mount.read_only,
        });
    }
    // Checked, and used once workloads have a loopback network of their own.
    allow_lists.read(
        component,
        LoopbackPorts::parse(&local.allowed_host_loopback_ports).map(drop),
    );
    let exact = extra.map_or(0, |extra| extra.memory_limit);
    let memory_limit = match (
        usize::try_from(exact),
        usize::try_from(local.memory_limit_mb),
    ) {
        (Ok(bytes @ 1..), _) => Some(bytes),
        (_, Ok(megabytes @ 1..)) => Some(megabytes << 20),
        _ => None,
    };
    Ok(LocalResources {
        memory_limit,
        allowed_hosts: allow_lists.read(component, EgressPolicy::parse(&local.allowed_hosts)),
        allowed_lookups: allow_lists.read(
            component,
            IpNameLookups::parse(&local.allowed_ip_name_lookups),
        ),
        config: local.config,
        environment: Environment(local.environment),
        mounts,
    })
}

fn volumes(asked: &[v2::Volume]) -> Result<Vec<Volume>, Refusal> {
    let mut names = HashSet::new();
    asked
        .iter()
        .map(|volume| {
            if volume.name.is_empty() || !names.insert(&volume.name) {
                return Err(invalid(format!(
                    "the volume name {:?} is empty or taken",
                    volume.name
                )));
            }
            let source = match &volume.volume_type {
                Some(VolumeType::HostPath(path)) => {
                    VolumeSource::HostPath(PathBuf::from(&path.local_path))
                }
                Some(VolumeType::EmptyDir(_)) => VolumeSource::Ephemeral,
                None => {
                    return Err(invalid(format!(
                        "volume `{}` is neither a host path nor ephemeral",
                        volume.name
                    )));
                }
            };
            Ok(Volume {
                name: volume.name.clone(),
                source,
            })
        })
        .collect()
}

fn interface(asked: &v2::WitInterface) -> Result<HostInterface, Refusal> {
    let text = format!("{}:{}", asked.namespace, asked.package);
    if asked.namespace.is_empty() || asked.package.is_empty() || asked.interfaces.is_empty() {
        return Err(invalid(format!(
            "host interface `{text}` needs a namespace, a package and at least one interface"
        )));
    }
    let version = match asked.version.as_str() {
        "" => None,
        version => Some(version.parse().map_err(|_| {
            invalid(format!(
                "host interface `{text}`: version {version:?} is not a semantic version like 0.2.0"
            ))
        })?),
    };
    Ok(HostInterface {
        namespace: asked.namespace.clone(),
        package: asked.package.clone(),
        interfaces: asked.interfaces.clone(),
        version,
        config: asked.config.clone(),
        name: Some(asked.name.clone()).filter(|name| !name.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ext::StartExtension;

    fn request(components: Vec<v2::Component>) -> StartRequest {
        StartRequest {
            id: "1".to_owned(),
            workload: v2::Workload {
                namespace: "default".to_owned(),
                name: "hello".to_owned(),
                wit_world: Some(v2::WitWorld {
                    components,
                    ..v2::WitWorld::default()
                }),
                ..v2::Workload::default()
            },
            extension: StartExtension::default(),
        }
    }

    fn component(name: &str) -> v2::Component {
        v2::Component {
            name: name.to_owned(),
            image: "localhost:5000/hello:1".to_owned(),
            pool_size: -1,
            max_invocations: -1,
            ..v2::Component::default()
        }
    }

    fn refusal(request: &StartRequest) -> Refusal {
        read(request).err().unwrap()
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let asked = read(&request(vec![component("a"), component("")])).unwrap();
        let spec = asked.spec;
        assert_eq!((spec.owner.as_str(), spec.drain), ("hello", DEFAULT_DRAIN));
        assert_eq!(spec.components[1].name, "component-1");
        let first = &spec.components[0];
        assert_eq!(
            (
                first.pool_size,
                first.max_invocations,
                first.max_concurrency
            ),
            (0, None, 1)
        );
        assert!(
            first.resources.memory_limit.is_none() && first.resources.allowed_hosts.denies_all()
        );
        assert_eq!(asked.images[0].policy, PullPolicy::IfNotPresent);
    }

    #[test]
    fn the_extension_says_more() {
        let mut request = request(vec![component("a")]);
        request.extension.owner = "deployment".to_owned();
        let extra = ComponentExtension {
            memory_limit: 5,
            request_timeout_ms: 7,
            max_in_flight: 9,
            ..ComponentExtension::default()
        };
        request.extension.components.insert("a".to_owned(), extra);
        let spec = read(&request).unwrap().spec;
        assert_eq!(spec.owner, "deployment");
        assert_eq!(spec.components[0].resources.memory_limit, Some(5));
        assert_eq!(
            spec.components[0].limits.request_timeout,
            Duration::from_millis(7)
        );
        assert_eq!(spec.components[0].limits.max_in_flight, 9);
    }

    #[test]
    fn all_bad_entries_of_all_lists_are_in_one_error() {
        let with = |name: &str, hosts: &[&str]| v2::Component {
            local_resources: Some(v2::LocalResources {
                allowed_hosts: hosts.iter().map(ToString::to_string).collect(),
                allowed_ip_name_lookups: vec!["*bad".to_owned()],
                ..v2::LocalResources::default()
            }),
            ..component(name)
        };
        let refused = refusal(&request(vec![
            with("a", &["http://x/path"]),
            with("b", &["ok.example"]),
        ]));
        assert_eq!(refused.reason, Reason::InvalidAllowList);
        assert_eq!(
            refused.message.matches("component `").count(),
            3,
            "{}",
            refused.message
        );
    }

    #[test]
    fn nonsense_names_its_field() {
        let mut nameless = request(vec![component("a")]);
        nameless.workload.namespace.clear();
        assert!(refusal(&nameless).message.contains("namespace"));
        assert!(
            refusal(&request(Vec::new()))
                .message
                .contains("neither components nor a service")
        );
        let twice = request(vec![component("a"), component("a")]);
        assert!(refusal(&twice).message.contains("\"a\" is taken"));
        let bad = v2::Component {
            image: "::".to_owned(),
            ..component("a")
        };
        assert!(
            refusal(&request(vec![bad]))
                .message
                .contains("component `a`: image")
        );
        let mut version = request(vec![component("a")]);
        if let Some(world) = &mut version.workload.wit_world {
            world.host_interfaces.push(v2::WitInterface {
                namespace: "wasi".to_owned(),
                package: "http".to_owned(),
                interfaces: vec!["handler".to_owned()],
                version: "new".to_owned(),
                ..v2::WitInterface::default()
            });
        }
        assert!(refusal(&version).message.contains("version \"new\""));
    }
}
