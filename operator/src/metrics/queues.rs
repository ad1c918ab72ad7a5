//! The work queues, under the names that client-go gave their numbers.

use crate::controllers::Queues;
use crate::controllers::queue::QueueState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use std::fmt;

#[derive(Debug)]
pub(super) struct QueueNumbers(pub Queues);

type Write = fn(&QueueState, MetricEncoder<'_>) -> fmt::Result;

/// Name, help, type, and how it is written.
const NUMBERS: [(&str, &str, MetricType, Write); 7] = [
    (
        "depth",
        "Keys that wait for a reconcile",
        MetricType::Gauge,
        |q, mut e| e.encode_gauge(&q.depth),
    ),
    (
        "delayed",
        "Keys that wait for their time",
        MetricType::Gauge,
        |q, mut e| e.encode_gauge(&q.delayed),
    ),
    ("adds", "Keys queued", MetricType::Counter, |q, mut e| {
        e.encode_counter(&q.adds, NONE)
    }),
    (
        "retries",
        "Looks asked for after a failure",
        MetricType::Counter,
        |q, mut e| e.encode_counter(&q.retries, NONE),
    ),
    (
        "longest_running_processor_seconds",
        "How long the reconcile that runs longest has been running",
        MetricType::Gauge,
        |q, mut e| e.encode_gauge(&q.longest.as_secs_f64()),
    ),
    (
        "unfinished_work_seconds",
        "Seconds that the reconciles under way have taken so far, added up",
        MetricType::Gauge,
        |q, mut e| e.encode_gauge(&q.unfinished.as_secs_f64()),
    ),
    (
        "queue_duration_seconds",
        "How long keys waited before their reconcile began",
        MetricType::Histogram,
        |q, e| q.waited.encode(e),
    ),
];

const NONE: Option<&Exemplar<[(&str, &str); 0], u64>> = None;

impl Collector for QueueNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let queues = self.0.named().map(|(name, queue)| (name, queue.state()));
        for (number, help, type_, write) in NUMBERS {
            let mut family = encoder.encode_descriptor(number, help, None, type_)?;
            for (name, state) in &queues {
                write(state, family.encode_family(&[("name", *name)])?)?;
            }
        }
        Ok(())
    }
}
