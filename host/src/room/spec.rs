//! From what came over the bus to what is to run. Pure: every complaint here is about the request alone.

use std::{path::PathBuf, sync::Arc, time::Duration};

use host_api::WorkloadIdentity;
use oci::{Credentials, PullPolicy, Reference};
use protocol::{
    Reason,
    ext::ComponentExtension,
    v2::{self, ImagePullPolicy, volume::VolumeType},
};

use super::{failure::Refusal, life::drain_or, pull::Wanted};
use crate::{
    agent::StartRequest,
    net::{EgressPolicy, IpNameLookups, LoopbackPorts},
    workload::spec::{
        ComponentSpec, Environment, HostInterface, LocalResources, ServiceSpec, Volume,
        VolumeMount, VolumeSource, WorkloadLimits, WorkloadSpec,
    },
};

/// What the host decides where a request says nothing.
pub(super) struct Defaults {
    pub(super) drain: Duration,
    pub(super) allow_host_loopback: bool,
}

/// A checked request.
pub(super) struct Plan {
    pub(super) spec: WorkloadSpec,
    /// In the order of the components, the service's last.
    pub(super) images: Vec<Wanted>,
    pub(super) drain: Duration,
}

impl Plan {
    /// Components, the service included.
    pub(super) fn components(&self) -> u64 {
        self.images.len() as u64
    }
}

/// Checks a request. Malformed allow-lists are reported all at once.
pub(super) fn plan(request: &StartRequest, defaults: &Defaults) -> Result<Plan, Refusal> {
    let (workload, extension) = (&request.workload, &request.extension);
    let world = workload.wit_world.clone().unwrap_or_default();
    if world.components.is_empty() && workload.service.is_none() {
        return Err(invalid("the workload has neither components nor a service"));
    }
    let mut reader = Reader {
        bad_entries: Vec::new(),
        allow_host_loopback: defaults.allow_host_loopback,
    };
    let mut components = Vec::with_capacity(world.components.len());
    let mut images = Vec::with_capacity(world.components.len() + 1);
    let mut extensions = Vec::new();
    for (index, component) in world.components.into_iter().enumerate() {
        let name = if component.name.is_empty() {
            format!("component-{index}")
        } else {
            component.name
        };
        let extension = extension.components.get(&name).cloned().unwrap_or_default();
        images.push(Wanted {
            reference: reference(&name, &component.image)?,
            policy: policy(component.image_pull_policy),
            credentials: credentials(component.image_pull_secret, &extension),
            name: name.clone(),
        });
        components.push(ComponentSpec {
            resources: reader.resources(&name, component.local_resources, &extension)?,
            pool_size: positive(component.pool_size).unwrap_or(0),
            max_invocations: positive(component.max_invocations),
            max_concurrency: positive(component.max_concurrency).unwrap_or(1),
            name,
        });
        extensions.push(extension);
    }
    let service = workload
        .service
        .clone()
        .map(|service| -> Result<ServiceSpec, Refusal> {
            let extension = extension.components.get("").cloned().unwrap_or_default();
            images.push(Wanted {
                name: String::new(),
                reference: reference("service", &service.image)?,
                policy: policy(service.image_pull_policy),
                credentials: credentials(service.image_pull_secret, &extension),
            });
            let resources = reader.resources("service", service.local_resources, &extension)?;
            Ok(ServiceSpec {
                resources,
                max_restarts: service.max_restarts,
            })
        });
    let service = service.transpose()?;
    if !reader.bad_entries.is_empty() {
        return Err(Refusal {
            reason: Reason::InvalidAllowList,
            message: reader.bad_entries.join("; "),
        });
    }
    let host_interfaces = world
        .host_interfaces
        .into_iter()
        .map(|declared| interface(declared, &extension.service_hostnames))
        .collect::<Result<_, _>>()?;
    let spec = WorkloadSpec {
        identity: Arc::new(WorkloadIdentity {
            id: request.id.clone(),
            namespace: workload.namespace.clone(),
            name: workload.name.clone(),
        }),
        owner: if extension.owner.is_empty() {
            workload.name.clone()
        } else {
            extension.owner.clone()
        },
        components,
        service,
        host_interfaces,
        volumes: workload
            .volumes
            .iter()
            .map(volume)
            .collect::<Result<_, _>>()?,
        limits: limits(&extensions),
    };
    Ok(Plan {
        spec,
        images,
        drain: drain_or(extension.drain_seconds, defaults.drain),
    })
}

struct Reader {
    bad_entries: Vec<String>,
    allow_host_loopback: bool,
}

impl Reader {
    fn resources(
        &mut self,
        component: &str,
        resources: Option<v2::LocalResources>,
        extension: &ComponentExtension,
    ) -> Result<LocalResources, Refusal> {
        let resources = resources.unwrap_or_default();
        let allowed_hosts = self.list(component, EgressPolicy::parse(&resources.allowed_hosts));
        let allowed_lookups = self.list(
            component,
            IpNameLookups::parse(&resources.allowed_ip_name_lookups),
        );
        self.list(
            component,
            LoopbackPorts::parse(&resources.allowed_host_loopback_ports),
        );
        if !resources.allowed_host_loopback_ports.is_empty() && !self.allow_host_loopback {
            return Err(invalid(format!(
                "component {component:?} has allowedHostLoopbackPorts, but this host does not let workloads reach its \
                 loopback (--allow-host-loopback)"
            )));
        }
        let megabytes = u64::from(positive(resources.memory_limit_mb).unwrap_or(0)) << 20;
        let memory = if extension.memory_limit > 0 {
            extension.memory_limit
        } else {
            megabytes
        };
        Ok(LocalResources {
            memory_limit: (memory > 0).then(|| usize::try_from(memory).unwrap_or(usize::MAX)),
            config: resources.config,
            environment: Environment(resources.environment),
            mounts: resources
                .volume_mounts
                .into_iter()
                .map(|mount| VolumeMount {
                    volume: mount.name,
                    path: mount.mount_path,
                    read_only: mount.read_only,
                })
                .collect(),
            allowed_hosts,
            allowed_lookups,
        })
    }

    fn list<T: Default>(&mut self, component: &str, parsed: Result<T, Vec<String>>) -> T {
        parsed.unwrap_or_else(|problems| {
            self.bad_entries.extend(
                problems
                    .into_iter()
                    .map(|problem| format!("component {component:?}: {problem}")),
            );
            T::default()
        })
    }
}

fn reference(component: &str, image: &str) -> Result<Reference, Refusal> {
    image.parse().map_err(|error| {
        invalid(format!(
            "image {image:?} of component {component:?}: {error}"
        ))
    })
}

fn policy(policy: i32) -> PullPolicy {
    match ImagePullPolicy::try_from(policy) {
        Ok(ImagePullPolicy::Always) => PullPolicy::Always,
        Ok(ImagePullPolicy::Never) => PullPolicy::Never,
        Ok(ImagePullPolicy::IfNotPresent | ImagePullPolicy::Unspecified) | Err(_) => {
            PullPolicy::IfNotPresent
        }
    }
}

fn credentials(
    secret: Option<v2::ImagePullSecret>,
    extension: &ComponentExtension,
) -> Option<Credentials> {
    if !extension.registry_token.is_empty() {
        return Some(Credentials::bearer(extension.registry_token.clone()));
    }
    secret
        .filter(|secret| !secret.username.is_empty() || !secret.password.is_empty())
        .map(|secret| Credentials::basic(secret.username, secret.password))
}

fn interface(
    declared: v2::WitInterface,
    service_hostnames: &[String],
) -> Result<HostInterface, Refusal> {
    let version = declared.version.trim();
    let version = (!version.is_empty())
        .then(|| version_of(version))
        .transpose()
        .map_err(|problem| {
            let (namespace, package) = (&declared.namespace, &declared.package);
            invalid(format!(
                "host interface {namespace}:{package}: version {version:?} {problem}"
            ))
        })?;
    let mut interface = HostInterface {
        namespace: declared.namespace,
        package: declared.package,
        interfaces: declared.interfaces,
        version,
        config: declared.config,
        name: (!declared.name.is_empty()).then_some(declared.name),
    };
    let incoming = interface
        .interfaces
        .iter()
        .any(|name| matches!(name.as_str(), "incoming-handler" | "handler"));
    if interface.is_package("wasi", "http") && incoming && !service_hostnames.is_empty() {
        let aliases = interface
            .config
            .entry("host-aliases".to_owned())
            .or_default();
        for hostname in service_hostnames {
            if !aliases.is_empty() {
                aliases.push(',');
            }
            aliases.push_str(hostname);
        }
    }
    Ok(interface)
}

/// A version with one to three numbers.
fn version_of(text: &str) -> Result<semver::Version, String> {
    let dots = text
        .split(['-', '+'])
        .next()
        .unwrap_or_default()
        .matches('.')
        .count();
    let whole = match dots {
        0 => format!("{text}.0.0"),
        1 => format!("{text}.0"),
        _ => text.to_owned(),
    };
    semver::Version::parse(&whole).map_err(|error| format!("is not a semantic version ({error})"))
}

fn volume(volume: &v2::Volume) -> Result<Volume, Refusal> {
    let source = match &volume.volume_type {
        None | Some(VolumeType::EmptyDir(_)) => VolumeSource::Ephemeral,
        Some(VolumeType::HostPath(path)) if path.local_path.is_empty() => {
            return Err(invalid(format!(
                "volume {:?}: hostPath is empty",
                volume.name
            )));
        }
        Some(VolumeType::HostPath(path)) => VolumeSource::HostPath(PathBuf::from(&path.local_path)),
    };
    Ok(Volume {
        name: volume.name.clone(),
        source,
    })
}

/// Requests are counted and timed for the whole workload: the strictest of its components' bounds holds.
fn limits(extensions: &[ComponentExtension]) -> WorkloadLimits {
    let default = WorkloadLimits::default();
    let timeout = extensions
        .iter()
        .map(|extension| extension.request_timeout_ms)
        .filter(|ms| *ms > 0)
        .min();
    let in_flight = extensions
        .iter()
        .map(|extension| extension.max_in_flight)
        .filter(|max| *max > 0)
        .min();
    WorkloadLimits {
        request_timeout: timeout.map_or(default.request_timeout, Duration::from_millis),
        max_in_flight: in_flight.unwrap_or(default.max_in_flight),
    }
}

fn positive(number: i32) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number > 0)
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal {
        reason: Reason::InvalidSpec,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;
