//! What is done with what is heard on the bus: the fleet learns of it, and whoever it concerns looks again.

use super::verify;
use crate::bus::{Announced, Beat, CallError, Heard, Report, RunState, Said, watch_over};
use crate::controllers::{Context, inventory};
use crate::watch::{self, Key};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use protocol::bus::SharedBus;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often hosts that are long gone are forgotten.
const SWEEP: Duration = Duration::from_mins(1);
/// How long an announcement may follow a first heartbeat before the host is asked whether it has the extension.
const ANNOUNCEMENT_GRACE: Duration = Duration::from_millis(500);

/// Tells the fleet when the bus connection comes and goes. What hosts told while it was away was not heard: when it
/// is back, each is asked what it has.
pub(super) fn connection(
    bus: &SharedBus,
    context: &Arc<Context>,
    tracker: &TaskTracker,
    stop: &CancellationToken,
) {
    let (mut status, context, stop) = (bus.status(), context.clone(), stop.clone());
    let mut was_up = status.borrow_and_update().is_connected();
    context.fleet.connection(was_up, Instant::now());
    tracker.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = status.changed() => if changed.is_err() { return },
            }
            let up = status.borrow_and_update().is_connected();
            context.fleet.connection(up, Instant::now());
            if up && !was_up {
                for host in context.fleet.all() {
                    context
                        .queues
                        .inventories
                        .add(inventory::key(&host.beat.id));
                }
            }
            was_up = up;
        }
    });
}

/// What is done with each message of a host.
pub(super) fn heard(
    context: Arc<Context>,
    tracker: TaskTracker,
    stop: CancellationToken,
) -> impl Fn(Said) + Send + 'static {
    move |said| match said {
        Said::Beat(beat) => took_beat(&context, &tracker, &stop, beat),
        Said::Announced(id, announced) => {
            if context.fleet.announced(&id, announced) {
                host_changed(&context, &id);
            }
        }
        Said::Goodbye(id) => has_left(&context, &id, "the host has said goodbye"),
        Said::Nonsense {
            host,
            name,
            problem,
        } => verify::complain(&context, &tracker, &host, &name, problem),
        Said::State {
            host,
            workload,
            control_plane,
            report,
        } => took_state(&context, &host, &workload, &control_plane, &report),
    }
}

fn took_state(context: &Context, host: &str, workload: &str, control_plane: &str, report: &Report) {
    let mut asked_for = context.memory.chose(workload, host);
    for object in context.caches.workloads.find(&watch::by_uid(workload)) {
        asked_for |= object.status.as_ref().and_then(|s| s.host_id.as_deref()) == Some(host);
        // What a host says that does not have the workload, or not any more, must not hide what its own says.
        if asked_for {
            context.observed.put(workload, host, report.clone());
            context.queues.workloads.add(Key::of(object.as_ref()));
        }
    }
    // A start that arrived after its Workload was deleted or moved.
    let runs = matches!(report.state, RunState::Starting | RunState::Running);
    if runs && !asked_for && control_plane == context.control_plane {
        context.queues.inventories.add(inventory::key(host));
    }
}

fn took_beat(context: &Arc<Context>, tracker: &TaskTracker, stop: &CancellationToken, beat: Beat) {
    let id = beat.id.clone();
    let in_pod = match verify::heartbeat(context, &beat) {
        Ok(in_pod) => in_pod,
        Err(contradiction) => {
            context.metrics.heartbeats.rejected.inc();
            let problem = contradiction.to_string();
            verify::complain(context, tracker, &id, &beat.name, problem);
            return;
        }
    };
    let before = context.fleet.get(&id).map(|view| view.beat.name.clone());
    let renamed = before.filter(|name| *name != beat.name);
    let (heard, replaced) = context.fleet.heard(beat.clone(), in_pod, Instant::now());
    if let Some(before) = renamed {
        let left_behind = Key::new(&context.options.namespace, &before);
        context.queues.hosts.add(left_behind);
    }
    for old in replaced {
        tracing::info!(host = %old, by = %id, "host was replaced by a new process of its name");
        host_gone(context, &old);
    }
    match heard {
        Heard::Same => {}
        Heard::Superseded => {
            let problem = "a younger process is in its place".to_owned();
            verify::complain(context, tracker, &id, "", problem);
        }
        Heard::Contested(holder) => contested(context, tracker, stop, beat, holder),
        Heard::Back => context.queues.inventories.add(inventory::key(&id)),
        Heard::Changed => host_changed(context, &id),
        Heard::Arrived => {
            // Its Pod may have been on its way out before anybody knew the host.
            let pods = watch::pods_at(&context.caches.pods, &beat.hostname);
            context.fleet.leaving(&id, watch::are_leaving(&pods));
            host_changed(context, &id);
            if context.hosts.extended(&id) {
                context.queues.inventories.add(inventory::key(&id));
                return;
            }
            let context = context.clone();
            let asking = async move {
                tokio::time::sleep(ANNOUNCEMENT_GRACE).await;
                if !context.hosts.extended(&id) && context.hosts.has_extension(&id).await {
                    let announced = Announced {
                        protocol: protocol::EXTENSION_LEVEL,
                        ..Announced::default()
                    };
                    if context.fleet.announced(&id, announced) {
                        host_changed(&context, &id);
                    }
                }
                context.queues.inventories.add(inventory::key(&id));
            };
            // A host without the extension does not answer; an operator that is to end does not wait for that.
            let stop = stop.clone();
            tracker.spawn(async move { stop.run_until_cancelled(asking).await });
        }
    }
}

/// Asks the holder of a name that another host claims whether it still lives. If nobody answers, the other takes its
/// place at once; otherwise it waits until the holder has left, and somebody is told.
fn contested(
    context: &Arc<Context>,
    tracker: &TaskTracker,
    stop: &CancellationToken,
    beat: Beat,
    holder: String,
) {
    if !context.contests.lock().insert(holder.clone()) {
        return;
    }
    let (context, own, stop) = (context.clone(), tracker.clone(), stop.clone());
    let ending = stop.clone();
    let asking = async move {
        let answer = context.hosts.probe(&holder).await;
        context.contests.lock().remove(&holder);
        match answer {
            Err(CallError::NoResponders | CallError::Timeout(_)) => {
                let now = Instant::now();
                if context.fleet.succeeded(&holder, &beat.id, now) {
                    tracing::info!(host = %holder, by = %beat.id, name = beat.name, "host was replaced by a new process of its name");
                    host_gone(&context, &holder);
                }
                took_beat(&context, &own, &stop, beat);
            }
            Ok(_) | Err(CallError::Answer(_)) => {
                let problem = format!(
                    "host {holder} has the name {} and answers; this one is let in when that one has left",
                    beat.name
                );
                context.metrics.heartbeats.rejected.inc();
                verify::complain(&context, &own, &beat.id, &beat.name, problem);
            }
            Err(error) => {
                tracing::debug!(host = %holder, %error, "cannot ask whether the host still has its name");
            }
        }
    };
    tracker.spawn(async move { ending.run_until_cancelled(asking).await });
}

/// Forgets hosts that are long gone until the token is cancelled.
pub(super) async fn forget_the_gone(context: Arc<Context>, stop: CancellationToken) {
    let options = &context.options;
    let keep = options.retention(true) + options.liveness.window;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
        if let Some(before) = Instant::now().checked_sub(keep) {
            context.fleet.sweep(before, |beat| {
                let key = Key::new(&options.namespace, &beat.name);
                let object = context.caches.hosts.get(&key);
                object.is_some_and(|object| object.host_id == beat.id)
            });
        }
    }
}

/// A host is gone for good: its id does not come back.
fn has_left(context: &Context, id: &str, how: &'static str) {
    if context.fleet.left(id, how, Instant::now()) {
        tracing::info!(host = %id, how, "host has left");
        host_gone(context, id);
    }
}

/// A Pod changed. With it goes the host in it, unless another Pod has its address.
pub(super) fn pod_changed(context: &Context, pod: &Pod, gone: bool) {
    let mut names: Vec<&str> = watch::addresses_of(pod).collect();
    names.extend(pod.metadata.name.as_deref());
    names.extend(pod.spec.as_ref().and_then(|s| s.hostname.as_deref()));
    for host in context.fleet.all() {
        let hostname = host.beat.hostname.as_str();
        if !names.contains(&hostname) {
            continue;
        }
        let others = watch::pods_at(&context.caches.pods, hostname);
        let id = &host.beat.id;
        if others.is_empty() && (gone || !watch::is_live(pod)) {
            has_left(context, id, "the host's Pod is gone");
        } else if !others.is_empty() && context.fleet.leaving(id, watch::are_leaving(&others)) {
            host_changed(context, id);
        }
    }
}

/// A host came or changed: its object follows, and what waits for a host looks again.
fn host_changed(context: &Context, id: &str) {
    look_at_host(context, id);
    context.changed.add(id);
    work_of(context, id);
}

/// What has no host is looked at again, whatever it waits for.
pub(super) fn look_at_waiting(context: &Context) {
    for waiting in context.caches.workloads.find(watch::UNPLACED) {
        context.queues.workloads.add(Key::of(waiting.as_ref()));
    }
}

/// Endpoints at a host are looked at.
pub(super) fn routes_of(context: &Context, host: &str) {
    for placed in context.caches.workloads.find(&watch::on_host(host)) {
        if let Some(service) = watch::service_of(&placed) {
            let namespace = placed.namespace().unwrap_or_default();
            context.queues.routes.add(Key::new(namespace, service));
        }
    }
}

/// A host is lost or has left: its endpoints leave, its workloads are replaced.
fn host_gone(context: &Context, id: &str) {
    look_at_host(context, id);
    work_of(context, id);
}

fn look_at_host(context: &Context, id: &str) {
    if let Some(view) = context.fleet.get(id) {
        context
            .queues
            .hosts
            .add(Key::new(&context.options.namespace, &view.beat.name));
    }
}

fn work_of(context: &Context, host: &str) {
    for placed in context.caches.workloads.find(&watch::on_host(host)) {
        let key = Key::of(placed.as_ref());
        if let Some(service) = watch::service_of(&placed) {
            context.queues.routes.add(Key::new(&key.namespace, service));
        }
        // Replacements for what a draining host still serves.
        if let Some(set) = watch::controller_of(placed.as_ref()) {
            context
                .queues
                .replica_sets
                .add(Key::new(&key.namespace, &set.name));
        }
        context.queues.workloads.add(key);
    }
}

/// Probes hosts that are silent, and acts on those found lost.
pub(super) async fn watch_fleet(context: Arc<Context>, stop: CancellationToken) {
    let tracker = TaskTracker::new();
    let answered = {
        let (context, tracker, stop) = (context.clone(), tracker.clone(), stop.clone());
        Arc::new(move |beat| took_beat(&context, &tracker, &stop, beat))
    };
    let lost = {
        let context = context.clone();
        move |id: String| {
            tracing::warn!(host = %id, "host is lost");
            host_gone(&context, &id);
        }
    };
    watch_over(
        context.fleet.clone(),
        context.hosts.clone(),
        context.options.probe_interval,
        answered,
        lost,
        stop,
    )
    .await;
    tracker.close();
    tracker.wait().await;
}
