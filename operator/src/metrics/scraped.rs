//! Numbers that are read when somebody asks, since what they count is kept anyway: queues, hosts, workloads. Nothing is
//! counted twice, and a heartbeat costs nothing here.

use crate::bus::HostView;
use crate::controllers::Context;
use crd_types::{ConditionStatus, Workload, condition};
use kube::Resource;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Weak;
use std::time::Instant;

/// Upper bounds of heartbeat ages, in seconds: hosts send every 15, and 45 make one lost.
const AGES: [(f64, &str); 9] = [
    (1.0, "1"),
    (5.0, "5"),
    (10.0, "10"),
    (15.0, "15"),
    (20.0, "20"),
    (30.0, "30"),
    (45.0, "45"),
    (60.0, "60"),
    (f64::INFINITY, "+Inf"),
];
/// States of a host. All are always there, so that an alert on one finds a series.
const HOST_STATES: [&str; 5] = ["expected", "ready", "draining", "unresponsive", "lost"];
/// States of a workload.
const WORKLOAD_STATES: [&str; 6] = [
    "unplaced",
    "starting",
    "ready",
    "not-ready",
    "host-lost",
    "terminating",
];

/// The numbers of one operator; none when it has ended.
#[derive(Clone)]
pub(super) struct Scraped(pub Weak<Context>);

impl fmt::Debug for Scraped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scraped")
    }
}

impl Collector for Scraped {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(context) = self.0.upgrade() else {
            return Ok(());
        };
        hosts(&context, &mut encoder)?;
        workloads(&context, &mut encoder)?;
        schemas(&context, &mut encoder)
    }
}

fn schemas(context: &Context, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "crds_fields_lacking",
        "Fields of this operator that the installed CRD does not declare; run `runtime-operator install-crds`",
        None,
        MetricType::Gauge,
    )?;
    for (kind, fields) in context.schemas.lacking() {
        family
            .encode_family(&[("kind", kind.as_str())])?
            .encode_gauge(&fields)?;
    }
    Ok(())
}

fn hosts(context: &Context, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let now = Instant::now();
    let mut states: BTreeMap<&str, u64> = HOST_STATES.iter().map(|s| (*s, 0)).collect();
    let mut ages = Ages::default();
    for host in context.fleet.all() {
        *states.entry(state_of_host(&host)).or_default() += 1;
        if host.heard && host.lost_since.is_none() {
            ages.add(now.saturating_duration_since(host.last_seen).as_secs_f64());
        }
    }
    gauges(encoder, "hosts", "Hosts by state", &states)?;
    encoder
        .encode_descriptor(
            "heartbeat_age_max_seconds",
            "Time since the last heartbeat of the host that was silent longest, lost ones left out",
            None,
            MetricType::Gauge,
        )?
        .encode_gauge(&ages.max)?;
    let mut family = encoder.encode_descriptor(
        "heartbeat_age_hosts",
        "Hosts whose last heartbeat is at most `le` seconds ago, lost ones left out",
        None,
        MetricType::Gauge,
    )?;
    // A gauge for each bound and no histogram: the counts of now go up and down, and nothing may take their rate.
    for (bound, count) in ages.up_to() {
        family
            .encode_family(&[("le", bound)])?
            .encode_gauge(&count)?;
    }
    Ok(())
}

fn workloads(context: &Context, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut states: BTreeMap<&str, u64> = WORKLOAD_STATES.iter().map(|s| (*s, 0)).collect();
    for workload in context.caches.workloads.all() {
        *states.entry(state_of_workload(&workload)).or_default() += 1;
    }
    gauges(encoder, "workloads", "Workloads by state", &states)
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    states: &BTreeMap<&str, u64>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (state, count) in states {
        family
            .encode_family(&[("state", *state)])?
            .encode_gauge(count)?;
    }
    Ok(())
}

fn state_of_host(host: &HostView) -> &'static str {
    if host.lost_since.is_some() {
        "lost"
    } else if !host.heard {
        "expected"
    } else if host.draining() {
        "draining"
    } else if host.answers() {
        "ready"
    } else {
        "unresponsive"
    }
}

fn state_of_workload(workload: &Workload) -> &'static str {
    if workload.meta().deletion_timestamp.is_some() {
        return "terminating";
    }
    let Some(status) = &workload.status else {
        return "unplaced";
    };
    let ready = condition::find(&status.conditions, "Ready");
    match ready {
        Some(ready) if ready.status == ConditionStatus::True => "ready",
        Some(ready) if ready.reason == protocol::Reason::HostLost.as_str() => "host-lost",
        _ if status.host_id.is_none() => "unplaced",
        Some(ready) if ready.status == ConditionStatus::False => "not-ready",
        _ => "starting",
    }
}

#[derive(Debug, Default)]
struct Ages {
    counts: [u64; AGES.len()],
    max: f64,
}

impl Ages {
    fn add(&mut self, age: f64) {
        for ((bound, _), count) in AGES.iter().zip(&mut self.counts) {
            *count += u64::from(age <= *bound);
        }
        self.max = self.max.max(age);
    }

    fn up_to(&self) -> impl Iterator<Item = (&'static str, u64)> {
        AGES.iter().map(|(_, label)| *label).zip(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_counted_up_to_each_bound() {
        let mut ages = Ages::default();
        for age in [0.5, 12.0, 100.0] {
            ages.add(age);
        }
        let counts: Vec<u64> = ages.up_to().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 1, 1, 2, 2, 2, 2, 2, 3]);
        assert!(ages.max > 99.0);
    }

    #[test]
    fn a_workload_has_one_state() {
        let of = |value: serde_json::Value| {
            let mut object = serde_json::json!({"apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "Workload",
                "metadata": {"name": "w"}, "spec": {}});
            object["status"] = value;
            state_of_workload(&serde_json::from_value(object).unwrap())
        };
        let ready = |status: &str, reason: &str| {
            serde_json::json!([{"type": "Ready", "status": status, "reason": reason,
                "lastTransitionTime": "2026-11-21T00:00:00Z"}])
        };
        let placed = |conditions| serde_json::json!({"hostId": "h", "conditions": conditions});
        assert_eq!(of(serde_json::Value::Null), "unplaced");
        assert_eq!(of(serde_json::json!({"hostId": "h"})), "starting");
        assert_eq!(of(placed(ready("True", "Ready"))), "ready");
        assert_eq!(of(placed(ready("Unknown", "Starting"))), "starting");
        assert_eq!(of(placed(ready("False", "Trap"))), "not-ready");
        assert_eq!(of(placed(ready("False", "HostLost"))), "host-lost");
        assert_eq!(
            of(serde_json::json!({"conditions": ready("False", "NoHostFits")})),
            "unplaced"
        );
    }
}
