//! Stops for hosts that cannot list what they have, and that cannot be reached or may still carry out a start: they are
//! noted at the Host before anybody lets go of the Workload, and sent until nothing of it can be there.

use super::status;
use crate::controllers::queue::Next;
use crate::controllers::{Context, inventory};
use crate::core::owed::Owed;
use crate::watch::Key;
use crd_types::{OwedStop, Workload};
use kube::ResourceExt;
use std::time::{Duration, Instant};

/// Until a stop that is owed is written down.
pub(super) const NOTING: Next = Next::After(Duration::from_millis(300));
/// Time for the note to be written. Installed CRDs that do not know the field never show it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Notes the stop that a lost host did not get, if it has to be noted; true once it is, or there is nothing to note it
/// at.
pub(super) fn noted(context: &Context, workload: &Workload, host: &str) -> bool {
    let starts = if status::was_confirmed(workload) {
        1
    } else {
        let uid = workload.uid().unwrap_or_default();
        context.memory.sends.may_arrive(&uid, host).max(1)
    };
    note(context, workload, host, starts)
}

/// The same where the host says that it does not have the Workload: a start that went unanswered may still arrive.
pub(super) fn late(context: &Context, workload: &Workload, host: &str) -> bool {
    let uid = workload.uid().unwrap_or_default();
    let starts = context.memory.sends.may_arrive(&uid, host);
    status::was_confirmed(workload) || starts == 0 || note(context, workload, host, starts)
}

fn note(context: &Context, workload: &Workload, host: &str, starts: u32) -> bool {
    let Some(view) = context.fleet.get(host) else {
        return true;
    };
    let key = Key::new(&context.options.namespace, &view.beat.name);
    let Some(object) = context.caches.hosts.get(&key) else {
        return true;
    };
    let held = object.status.as_ref();
    if view.announced.is_some() || held.is_some_and(|s| s.protocol.is_some()) {
        return true;
    }
    // Another process has taken the name: this one will not be back.
    if object.host_id != host {
        return true;
    }
    let now = Instant::now();
    let arrived = status::was_confirmed(workload);
    let stop = OwedStop {
        workload_id: workload.uid().unwrap_or_default(),
        namespace: workload.namespace().unwrap_or_default(),
        name: workload.name_any(),
    };
    let is_written = held.is_some_and(|s| s.owed_stops.contains(&stop));
    let owed = Owed {
        stop,
        starts,
        until: if arrived {
            now
        } else {
            now + context.options.late_starts
        },
        since: now,
    };
    let since = context.fleet.owe(host, owed);
    context.queues.inventories.add(inventory::key(host));
    if is_written {
        return true;
    }
    context.queues.hosts.add(key);
    since.is_none_or(|since| now.saturating_duration_since(since) > PATIENCE)
}
