//! Stops for hosts that cannot be reached and cannot list what they have: they are noted at the Host before anybody
//! lets go of the Workload, and sent when the host comes back.

use crate::controllers::{Context, inventory};
use crate::watch::Key;
use crd_types::{OwedStop, Workload};
use kube::ResourceExt;
use std::time::{Duration, Instant};

/// Time for the note to be written. Installed CRDs that do not know the field never show it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Notes the stop if it has to be noted; true once it is, or there is nothing to note it at.
pub(super) fn noted(context: &Context, workload: &Workload, host: &str) -> bool {
    let Some(view) = context.fleet.get(host) else {
        return true;
    };
    let key = Key::new(&context.options.namespace, &view.beat.name);
    let Some(object) = context.caches.hosts.get(&key) else {
        return true;
    };
    let status = object.status.as_ref();
    if view.announced.is_some() || status.is_some_and(|s| s.protocol.is_some()) {
        return true;
    }
    let stop = OwedStop {
        workload_id: workload.uid().unwrap_or_default(),
        namespace: workload.namespace().unwrap_or_default(),
        name: workload.name_any(),
    };
    if status.is_some_and(|s| s.owed_stops.contains(&stop)) {
        return true;
    }
    // Another process has taken the name: this one will not be back.
    if object.host_id != host {
        return true;
    }
    context.fleet.owe(host, stop);
    context.queues.hosts.add(key);
    context.queues.inventories.add(inventory::key(host));
    view.lost_since
        .is_some_and(|at| Instant::now().saturating_duration_since(at) > PATIENCE)
}
