//! The start command of a Workload.

use super::dereference::Resolved;
use crate::core::durations;
use crate::core::pull_secret::Login;
use crate::core::{aliases, http};
use crate::watch;
use crd_types::names::{DEPLOYMENT_LABEL, TEMPLATE_HASH_ANNOTATION};
use crd_types::{LocalResources, PullPolicy, Resources, Timeouts, Workload};
use kube::ResourceExt;
use protocol::{ext, v2};
use std::collections::BTreeMap;

/// The command, base and extension; a base host is sent the base alone.
pub(super) fn start(
    workload: &Workload,
    resolved: Resolved,
    control_plane: &str,
    cluster_domain: &str,
) -> ext::WorkloadStartV1 {
    let namespace = workload.namespace().unwrap_or_default();
    // A workload that has nothing but a port of its own answers there for every name.
    let names = workload
        .spec
        .host_interfaces
        .iter()
        .any(http::answers_names);
    let hostnames = watch::service_of(workload)
        .filter(|_| names)
        .map(|s| aliases::of_service(s, &namespace, cluster_domain).to_vec())
        .unwrap_or_default();
    let tokens = tokens(&resolved);
    let base = base(workload, resolved, &namespace, &hostnames);
    let extension = ext::StartExtension {
        control_plane: control_plane.to_owned(),
        revision: workload
            .annotations()
            .get(TEMPLATE_HASH_ANNOTATION)
            .cloned()
            .unwrap_or_default(),
        components: component_extensions(workload, &tokens),
        drain_seconds: u32::try_from(workload.spec.drain_seconds.unwrap_or(30)).unwrap_or(30),
        owner: workload
            .labels()
            .get(DEPLOYMENT_LABEL)
            .cloned()
            .unwrap_or_else(|| workload.name_any()),
        service_hostnames: hostnames,
    };
    ext::WorkloadStartV1 {
        base: Some(v2::WorkloadStartRequest {
            workload_id: workload.uid().unwrap_or_default(),
            workload: Some(base),
        }),
        extension: Some(extension),
    }
}

fn base(
    workload: &Workload,
    resolved: Resolved,
    namespace: &str,
    service: &[String],
) -> v2::Workload {
    let spec = &workload.spec;
    let host_interfaces = spec
        .host_interfaces
        .iter()
        .zip(resolved.interfaces)
        .map(|(interface, mut config)| {
            if !service.is_empty() && http::answers_names(interface) {
                aliases::inject(&mut config, service);
            } else if http::takes_requests(interface) {
                aliases::complete(&mut config);
            }
            v2::WitInterface {
                namespace: interface.namespace.clone(),
                package: interface.package.clone(),
                version: interface.version.clone().unwrap_or_default(),
                interfaces: interface.interfaces.clone(),
                config,
                name: interface.name.clone().unwrap_or_default(),
            }
        })
        .collect();
    let components = spec
        .components
        .iter()
        .zip(resolved.components)
        .zip(resolved.logins)
        .map(|((component, environment), login)| v2::Component {
            name: component.name.clone(),
            image: component.image.clone(),
            image_pull_secret: login.and_then(pull_secret),
            image_pull_policy: pull_policy(component.image_pull_policy.as_deref()).into(),
            pool_size: component.pool_size,
            max_invocations: component.max_invocations,
            max_concurrency: component.max_concurrency,
            local_resources: Some(local_resources(
                component.local_resources.as_ref(),
                environment,
            )),
        })
        .collect();
    v2::Workload {
        namespace: namespace.to_owned(),
        name: workload.name_any(),
        annotations: workload.annotations().clone(),
        service: spec.service.as_ref().map(|service| v2::Service {
            image: service.image.clone(),
            image_pull_secret: resolved.service_login.and_then(pull_secret),
            image_pull_policy: pull_policy(service.image_pull_policy.as_deref()).into(),
            max_restarts: u64::try_from(service.max_restarts).unwrap_or_default(),
            local_resources: Some(local_resources(
                service.local_resources.as_ref(),
                resolved.service,
            )),
        }),
        wit_world: Some(v2::WitWorld {
            components,
            host_interfaces,
        }),
        volumes: spec.volumes.iter().map(volume).collect(),
    }
}

/// Registry tokens, for hosts with the extension.
struct Tokens {
    components: Vec<Option<String>>,
    service: Option<String>,
}

fn tokens(resolved: &Resolved) -> Tokens {
    let token = |login: Option<&Login>| login.and_then(|l| l.registry_token.clone());
    Tokens {
        components: resolved.logins.iter().map(|l| token(l.as_ref())).collect(),
        service: token(resolved.service_login.as_ref()),
    }
}

fn local_resources(
    resources: Option<&LocalResources>,
    environment: BTreeMap<String, String>,
) -> v2::LocalResources {
    let Some(resources) = resources else {
        return v2::LocalResources {
            environment,
            ..v2::LocalResources::default()
        };
    };
    v2::LocalResources {
        environment,
        config: resources.config.clone(),
        volume_mounts: resources
            .volume_mounts
            .iter()
            .map(|m| v2::VolumeMount {
                name: m.name.clone(),
                mount_path: m.mount_path.clone(),
                read_only: m.read_only,
            })
            .collect(),
        allowed_hosts: resources.allowed_hosts.clone(),
        allowed_ip_name_lookups: resources.allowed_ip_name_lookups.clone(),
        allowed_host_loopback_ports: resources.allowed_host_loopback_ports.clone(),
        ..v2::LocalResources::default()
    }
}

fn volume(volume: &crd_types::Volume) -> v2::Volume {
    use v2::volume::VolumeType;
    v2::Volume {
        name: volume.name.clone(),
        volume_type: Some(match &volume.host_path {
            Some(path) => VolumeType::HostPath(v2::HostPathVolume {
                local_path: path.path.clone(),
            }),
            None => VolumeType::EmptyDir(v2::EmptyDirVolume {}),
        }),
    }
}

/// User and password; a token travels in the extension.
fn pull_secret(login: Login) -> Option<v2::ImagePullSecret> {
    login
        .registry_token
        .is_none()
        .then_some(v2::ImagePullSecret {
            username: login.username,
            password: login.password,
        })
}

fn pull_policy(policy: Option<&str>) -> v2::ImagePullPolicy {
    match PullPolicy::parse(policy) {
        None => v2::ImagePullPolicy::Unspecified,
        Some(PullPolicy::Always) => v2::ImagePullPolicy::Always,
        Some(PullPolicy::IfNotPresent) => v2::ImagePullPolicy::IfNotPresent,
        Some(PullPolicy::Never) => v2::ImagePullPolicy::Never,
    }
}

/// Limits by component name; the service's under the empty name.
fn component_extensions(
    workload: &Workload,
    tokens: &Tokens,
) -> BTreeMap<String, ext::ComponentExtension> {
    let spec = &workload.spec;
    let mut all: BTreeMap<String, ext::ComponentExtension> = spec
        .components
        .iter()
        .map(|c| {
            (
                c.name.clone(),
                extension(c.resources.as_ref(), c.timeouts.as_ref(), c.max_in_flight),
            )
        })
        .collect();
    for (component, token) in spec.components.iter().zip(&tokens.components) {
        if let Some(extension) = all.get_mut(&component.name) {
            extension.registry_token = token.clone().unwrap_or_default();
        }
    }
    if let Some(s) = &spec.service {
        all.insert(
            String::new(),
            ext::ComponentExtension {
                registry_token: tokens.service.clone().unwrap_or_default(),
                ..extension(s.resources.as_ref(), s.timeouts.as_ref(), s.max_in_flight)
            },
        );
    }
    all.retain(|_, extension| *extension != ext::ComponentExtension::default());
    all
}

fn extension(
    resources: Option<&Resources>,
    timeouts: Option<&Timeouts>,
    max_in_flight: Option<i32>,
) -> ext::ComponentExtension {
    let limits = resources.and_then(|r| r.limits.as_ref());
    let quantity = |q: Option<&k8s_openapi::apimachinery::pkg::api::resource::Quantity>,
                    scale: f64| {
        q.and_then(durations::quantity)
            .map_or(0, |value| (value * scale).ceil() as u64)
    };
    ext::ComponentExtension {
        memory_limit: quantity(limits.and_then(|l| l.memory.as_ref()), 1.0),
        cpu_millis: quantity(limits.and_then(|l| l.cpu.as_ref()), 1000.0),
        request_timeout_ms: timeouts
            .and_then(|t| t.request.as_deref())
            .and_then(durations::duration)
            .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        max_in_flight: max_in_flight
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or_default(),
        registry_token: String::new(),
    }
}

#[cfg(test)]
mod tests;
