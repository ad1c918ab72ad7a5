//! What the process takes of its machine, under the names every Prometheus client gives it.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::metrics::Metrics;

/// Registers `process_cpu_seconds_total`, `process_resident_memory_bytes` and `process_start_time_seconds`.
pub fn register(metrics: &Metrics) {
    let registry = metrics.sub_registry("process", Vec::new());
    registry.with(|r| r.register_collector(Box::new(Process)));
}

/// Looked up at each scrape.
#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let pid = Pid::from_u32(std::process::id());
        let mut system = System::new();
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
        let Some(process) = system.process(pid) else {
            return Ok(());
        };
        // Milliseconds as the kernel counts them.
        let seconds = process.accumulated_cpu_time() as f64 / 1000.0;
        encoder
            .encode_descriptor(
                "cpu_seconds",
                "Processor time taken, user and system",
                None,
                MetricType::Counter,
            )?
            .encode_counter(&seconds, None::<&Exemplar<[(&str, &str); 0], f64>>)?;
        encoder
            .encode_descriptor(
                "resident_memory_bytes",
                "Resident memory",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&process.memory())?;
        encoder
            .encode_descriptor(
                "start_time_seconds",
                "When the process started, in seconds since 1970",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&process.start_time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_beginning() {
        let metrics = Metrics::new();
        register(&metrics);
        let text = metrics.encode().unwrap();
        let value = |name: &str| {
            let line = text.lines().find(|l| l.starts_with(&format!("{name} ")));
            line.unwrap()
                .rsplit(' ')
                .next()
                .unwrap()
                .parse::<f64>()
                .unwrap()
        };
        assert!(
            value("process_resident_memory_bytes") > 1_000_000.0,
            "{text}"
        );
        assert!(
            value("process_start_time_seconds") > 1_700_000_000.0,
            "{text}"
        );
        assert!(value("process_cpu_seconds_total") >= 0.0, "{text}");
    }
}
