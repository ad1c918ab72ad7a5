//! What hosts publish: heartbeats, announcements, state changes. A message is believed only when the subject's
//! id is the payload's.

use super::client::{Report, report_of};
use super::host::{Announced, Beat};
use crate::core::host_words;
use crate::core::scheduler::Offer;
use crate::metrics::Heartbeats;
use futures::StreamExt;
use protocol::bus::{BusError, Message, SharedBus};
use protocol::subject::{ALL_ANNOUNCEMENTS, ALL_HEARTBEATS, ALL_WORKLOAD_STATES, Parsed, parse};
use protocol::{ext, json, v2};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// What was heard.
#[derive(Debug)]
pub enum Said {
    /// A heartbeat.
    Beat(Beat),
    /// An announcement of this host.
    Announced(String, Announced),
    /// The last message of this host.
    Goodbye(String),
    /// Something that cannot be read or contradicts itself, on a subject of this host.
    Nonsense {
        /// Host id; empty when the subject names none.
        host: String,
        /// Name of the host that it was to pass for, as far as it can be read.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A workload's state changed.
    State {
        /// Host id.
        host: String,
        /// Workload id.
        workload: String,
        /// Who started it; empty for a base peer.
        control_plane: String,
        /// How it does.
        report: Report,
    },
}

/// When an intake may go on.
#[derive(Debug)]
pub struct Gates {
    /// Told once the bus has every subscription.
    pub listening: oneshot::Sender<()>,
    /// Tells when what was received may be read; until then it waits.
    pub begun: oneshot::Receiver<()>,
}

/// Id of the host that may send on a subject; empty when it is none of hosts.
fn sender(subject: &str) -> &str {
    match parse(subject) {
        Some(
            Parsed::Heartbeat { host }
            | Parsed::Announcement { host }
            | Parsed::WorkloadState { host, .. },
        ) => host,
        _ => "",
    }
}

/// The name that a heartbeat gives, whatever else is wrong with it.
fn alleged(message: &Message) -> String {
    match parse(&message.subject) {
        Some(Parsed::Heartbeat { .. }) => {
            decode::<v2::HostHeartbeat>(message).map_or_else(|_| String::new(), |b| b.friendly_name)
        }
        _ => String::new(),
    }
}

/// Listens until the token is cancelled. Fails only when the bus takes no subscription.
pub async fn listen(
    bus: SharedBus,
    heard: impl Fn(Said),
    gates: Gates,
    counted: Heartbeats,
    token: CancellationToken,
) -> Result<(), BusError> {
    let mut messages = futures::stream::select_all([
        bus.subscribe(ALL_HEARTBEATS).await?,
        bus.subscribe(ALL_ANNOUNCEMENTS).await?,
        bus.subscribe(ALL_WORKLOAD_STATES).await?,
    ]);
    bus.flush().await?;
    if gates.listening.send(()).is_err() {
        return Ok(());
    }
    tokio::select! {
        () = token.cancelled() => return Ok(()),
        begun = gates.begun => if begun.is_err() { return Ok(()) },
    }
    loop {
        let message = tokio::select! {
            () = token.cancelled() => return Ok(()),
            message = messages.next() => message,
        };
        let Some(message) = message else {
            return Err(BusError::Closed);
        };
        match read(&message) {
            Ok(said) => {
                if matches!(said, Said::Beat(_)) {
                    counted.received.inc();
                }
                heard(said);
            }
            Err(problem) => {
                counted.rejected.inc();
                heard(Said::Nonsense {
                    host: sender(&message.subject).to_owned(),
                    name: alleged(&message),
                    problem: host_words::message(&problem),
                });
            }
        }
    }
}

fn read(message: &Message) -> Result<Said, String> {
    match parse(&message.subject) {
        Some(Parsed::Heartbeat { host }) => {
            let beat: v2::HostHeartbeat = decode(message)?;
            same("id", &beat.id, host)?;
            host_words::name(&beat.friendly_name)?;
            host_words::text("hostname", &beat.hostname)?;
            host_words::text("environment", &beat.environment)?;
            host_words::labels(&beat.labels)?;
            Ok(Said::Beat(beat_of(beat)))
        }
        Some(Parsed::Announcement { host }) => {
            let announced: ext::HostAnnouncement = decode(message)?;
            same("id", &announced.id, host)?;
            if announced.goodbye {
                return Ok(Said::Goodbye(announced.id));
            }
            Ok(Said::Announced(host.to_owned(), announced_of(announced)))
        }
        Some(Parsed::WorkloadState { host, workload }) => {
            let changed: ext::WorkloadStateChanged = decode(message)?;
            same("hostId", &changed.host_id, host)?;
            let report = changed.report.ok_or("it has no report")?;
            let id = report
                .status
                .as_ref()
                .map_or("", |s| s.workload_id.as_str());
            same("workloadId", id, workload)?;
            let report = report_of(report).map_err(|e| e.to_string())?;
            Ok(Said::State {
                host: host.to_owned(),
                workload: workload.to_owned(),
                control_plane: changed.control_plane,
                report,
            })
        }
        _ => Err("the subject is none that hosts use".into()),
    }
}

fn decode<M: serde::de::DeserializeOwned>(message: &Message) -> Result<M, String> {
    json::decode(&message.payload).map_err(|error| error.to_string())
}

fn same(field: &str, said: &str, subject: &str) -> Result<(), String> {
    if said == subject {
        Ok(())
    } else {
        Err(format!("{field} is {said:?}, the subject's is {subject:?}"))
    }
}

/// A heartbeat as the operator understands it.
pub(super) fn beat_of(beat: v2::HostHeartbeat) -> Beat {
    let started_at = beat
        .started_at
        .as_ref()
        .and_then(|t| jiff::Timestamp::new(t.seconds, t.nanos).ok());
    let mut offers: Vec<Offer> = Vec::with_capacity(beat.imports.len() + beat.exports.len());
    for interface in beat.imports.into_iter().chain(beat.exports) {
        push_offer(&mut offers, interface);
    }
    offers.sort_by(|a, b| {
        (&a.namespace, &a.package, &a.version).cmp(&(&b.namespace, &b.package, &b.version))
    });
    Beat {
        id: beat.id,
        name: beat.friendly_name,
        hostname: beat.hostname,
        environment: beat.environment,
        http_port: i32::try_from(beat.http_port).unwrap_or_default(),
        version: beat.version,
        labels: beat.labels,
        started_at,
        os_name: beat.os_name,
        os_arch: beat.os_arch,
        os_kernel: beat.os_kernel,
        cpu_usage: beat.system_cpu_usage,
        memory_total: beat.system_memory_total,
        memory_free: beat.system_memory_free,
        components: beat.component_count,
        workloads: beat.workload_count,
        offers,
    }
}

fn push_offer(offers: &mut Vec<Offer>, interface: v2::WitInterface) {
    let offer = Offer {
        namespace: interface.namespace,
        package: interface.package,
        version: interface.version,
    };
    if !offers.contains(&offer) {
        offers.push(offer);
    }
}

fn announced_of(announcement: ext::HostAnnouncement) -> Announced {
    let mut offers = Vec::with_capacity(announcement.offers.len());
    for interface in announcement.offers {
        push_offer(&mut offers, interface);
    }
    let some = |n: u64| (n > 0).then_some(n);
    let capacity = announcement.capacity.unwrap_or_default();
    let allocated = announcement.allocated.unwrap_or_default();
    Announced {
        protocol: announcement.protocol,
        instances: some(capacity.instances),
        memory: some(capacity.memory),
        allocated_instances: some(allocated.instances),
        allocated_memory: some(allocated.memory),
        draining: announcement.draining,
        labels: announcement.labels,
        addresses: announcement
            .addresses
            .into_iter()
            .filter(|address| host_words::text("addresses", address).is_ok())
            .take(host_words::ADDRESSES)
            .collect(),
        offers,
        // Empty, or words of a later version: the host itself refuses what it does not allow.
        workload_ports: announcement.workload_ports.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use protocol::bus::Headers;

    fn message(subject: &str, payload: &str) -> Message {
        Message {
            subject: subject.into(),
            reply: None,
            headers: Headers::new(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        }
    }

    #[test]
    fn a_heartbeat_of_the_reference_is_understood() {
        let payload = r#"{"id":"h","hostname":"10.9.9.9","friendlyName":"weak-lace","version":"2.7.0",
            "labels":{"hostgroup":"default"},"startedAt":"2026-11-21T02:57:05.055538564+00:00",
            "systemMemoryTotal":"25274793984","imports":[{"namespace":"wasi","package":"config","version":"0.2.0-rc.1"}],
            "exports":[{"namespace":"wasi","package":"config","version":"0.2.0-rc.1"}],"httpPort":18000}"#;
        let Ok(Said::Beat(beat)) = read(&message("runtime.operator.heartbeat.h", payload)) else {
            panic!("it is a heartbeat");
        };
        assert_eq!(
            (beat.name.as_str(), beat.http_port, beat.memory_total),
            ("weak-lace", 18000, 25_274_793_984)
        );
        assert_eq!(beat.offers.len(), 1);
        assert!(beat.started_at.is_some());
    }

    #[test]
    fn a_heartbeat_for_another_host_is_refused() {
        let problem = read(&message(
            "runtime.operator.heartbeat.h",
            r#"{"id":"x","friendlyName":"n"}"#,
        ))
        .unwrap_err();
        assert_eq!(problem, r#"id is "x", the subject's is "h""#);
        assert!(read(&message("runtime.operator.heartbeat.h", r#"{"id":"h"}"#)).is_err());
        assert!(read(&message("runtime.operator.heartbeat.h", "nonsense")).is_err());
    }

    #[test]
    fn a_state_change_names_its_workload_twice() {
        let payload = r#"{"hostId":"h","report":{"reason":"ImageNotFound","status":{"workloadId":"w","workloadState":"WORKLOAD_STATE_ERROR","message":"m"}}}"#;
        let Ok(Said::State { report, .. }) =
            read(&message("runtime.operator.workload.h.w", payload))
        else {
            panic!("it is a state change");
        };
        assert_eq!(report.reason, Some(protocol::Reason::ImageNotFound));
        assert!(read(&message("runtime.operator.workload.h.other", payload)).is_err());
    }
}
