//! The hosts behind a Service: gathers what the pure part asks for.

use crate::bus::HostView;
use crate::controllers::Context;
use crate::core::http;
use crate::core::routes::{Backend, Listeners, canonical};
use crate::watch;
use crd_types::{Workload, condition};
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::{Resource, ResourceExt};
use std::net::IpAddr;
use std::time::Instant;

/// Kubernetes' label of a zone, on nodes and by topology-aware set-ups on Pods.
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// The host of a Workload, when requests can go there.
pub(super) fn backend(context: &Context, workload: &Workload) -> Option<Backend> {
    let status = workload.status.as_ref()?;
    let host = context.fleet.get(status.host_id.as_deref()?)?;
    if host.lost_since.is_some_and(|at| at <= Instant::now())
        || !condition::is_true(&status.conditions, "Ready")
    {
        return None;
    }
    // The Pod that the host runs in: the one with its address, else the one of its name.
    let pods = watch::pods_at(&context.caches.pods, &host.beat.hostname);
    let pod = pods.first();
    let leaving = workload.meta().deletion_timestamp.is_some() || host.draining();
    Some(Backend {
        host: host.beat.id.clone(),
        addresses: addresses(&host, pod.map(AsRef::as_ref)),
        listeners: listeners(&host, workload),
        terminating: leaving,
        node: pod.and_then(|p| p.spec.as_ref()?.node_name.clone()),
        zone: pod
            .and_then(|p| p.labels().get(ZONE_LABEL).cloned())
            .or_else(|| zone(&host)),
        target: pod.map(AsRef::as_ref).map(reference),
    })
}

fn listeners(host: &HostView, workload: &Workload) -> Listeners {
    let named = workload.spec.host_interfaces.iter().any(http::answers_names)
        // A service that is triggered by requests may declare nothing.
        || !workload.spec.host_interfaces.iter().any(http::takes_requests);
    Listeners {
        named: (named && host.beat.http_port > 0).then_some(host.beat.http_port),
        own: http::own_addresses(&workload.spec)
            .iter()
            .map(|address| i32::from(address.port()))
            .collect(),
    }
}

/// The host's name when it is an address, then those of its Pod, then those it announced.
fn addresses(host: &HostView, pod: Option<&Pod>) -> Vec<IpAddr> {
    let announced = host.announced.iter().flat_map(|a| &a.addresses);
    let mut all: Vec<IpAddr> = Vec::new();
    let texts = std::iter::once(host.beat.hostname.as_str())
        .chain(pod.into_iter().flat_map(watch::addresses_of))
        .chain(announced.map(String::as_str));
    for address in texts.filter_map(|text| text.parse().ok()).map(canonical) {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    all
}

fn zone(host: &HostView) -> Option<String> {
    let announced = host
        .announced
        .as_ref()
        .and_then(|a| a.labels.get(ZONE_LABEL));
    announced
        .or_else(|| host.beat.labels.get(ZONE_LABEL))
        .cloned()
}

fn reference(pod: &Pod) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".into()),
        name: Some(pod.name_any()),
        namespace: pod.namespace(),
        uid: pod.uid(),
        ..ObjectReference::default()
    }
}
