//! What was measured, as a table, and against the bars.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::measure::{Reading, is_write, writes};

/// Writes a minute that a fleet at rest may cause.
const WRITES_PER_MINUTE: f64 = 60.0;
/// Memory the operator may take.
const MEMORY: u64 = 400 << 20;
/// Half of single Deployments are Ready within this.
const HALF_READY: Duration = Duration::from_millis(100);

pub struct Phase {
    name: &'static str,
    took: Duration,
    cpu: Duration,
    rss: u64,
    requests: BTreeMap<(String, String), u64>,
    beats_sent: u64,
    beats_heard: u64,
    probes: u64,
    reconciles: u64,
}

impl Phase {
    pub fn new(name: &'static str, before: &Reading, after: &Reading) -> Self {
        let requests = after
            .requests
            .iter()
            .map(|(kind, count)| {
                (
                    kind.clone(),
                    count - before.requests.get(kind).unwrap_or(&0),
                )
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        Self {
            name,
            took: after.at - before.at,
            cpu: after.cpu.saturating_sub(before.cpu),
            rss: after.rss,
            requests,
            beats_sent: after.beats_sent - before.beats_sent,
            beats_heard: after.beats_heard - before.beats_heard,
            probes: after.probes - before.probes,
            reconciles: after.reconciles - before.reconciles,
        }
    }

    fn writes_per_minute(&self) -> f64 {
        writes(&self.requests) as f64 * 60.0 / self.took.as_secs_f64()
    }

    fn by_verb(&self) -> BTreeMap<&str, u64> {
        let mut all = BTreeMap::new();
        for ((verb, _), count) in &self.requests {
            *all.entry(verb.as_str()).or_default() += count;
        }
        all
    }
}

pub struct Report {
    hosts: usize,
    workloads: usize,
    replicas: usize,
    cluster: String,
    pub phases: Vec<Phase>,
    pub latencies: Vec<Duration>,
    pub not_ready_hosts: usize,
    pub peak_rss: u64,
    load: String,
}

impl Report {
    pub fn new(hosts: usize, workloads: usize, replicas: usize, cluster: &str) -> Self {
        Self {
            hosts,
            workloads,
            replicas,
            cluster: cluster.to_owned(),
            phases: Vec::new(),
            latencies: Vec::new(),
            not_ready_hosts: 0,
            peak_rss: 0,
            load: load(),
        }
    }

    fn percentile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }

    fn rest(&self) -> Option<&Phase> {
        self.phases.iter().find(|p| p.name == "at rest")
    }

    /// The bars that are not met.
    pub fn missed_bars(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let writes = self.rest().map_or(0.0, Phase::writes_per_minute);
        if writes >= WRITES_PER_MINUTE {
            missed.push(format!(
                "{writes:.0} writes a minute at rest, not below {WRITES_PER_MINUTE}"
            ));
        }
        if self.peak_rss >= MEMORY {
            missed.push(format!(
                "{} MB of memory, not below {}",
                self.peak_rss >> 20,
                MEMORY >> 20
            ));
        }
        let half = self.percentile(0.5);
        if half >= HALF_READY {
            missed.push(format!(
                "half of single Deployments take {half:?}, not below {HALF_READY:?}"
            ));
        }
        for phase in &self.phases {
            // Those sent around a reading count in the next phase: the difference never grows.
            let lag = phase.beats_sent.saturating_sub(phase.beats_heard);
            if lag > self.hosts as u64 / 10 {
                missed.push(format!("{}: {lag} heartbeats were not heard", phase.name));
            }
        }
        if self.not_ready_hosts > 0 {
            missed.push(format!("{} hosts are not Ready", self.not_ready_hosts));
        }
        missed
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        self.markdown()
    }

    pub fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "{} hosts, {} Workloads ({} a Deployment), {}; {}; load before and after: {}, {}\n",
            self.hosts,
            self.workloads,
            self.replicas,
            self.cluster,
            processors(),
            self.load,
            load()
        )?;
        let header: Vec<&str> = self.phases.iter().map(|p| p.name).collect();
        writeln!(out, "| | {} |", header.join(" | "))?;
        writeln!(out, "|---|{}", "---:|".repeat(header.len()))?;
        self.row(out, "time", |p| format!("{:.1} s", p.took.as_secs_f64()))?;
        self.row(out, "operator: processor time", |p| {
            format!("{:.1} s", p.cpu.as_secs_f64())
        })?;
        self.row(out, "operator: processor share", |p| {
            format!(
                "{:.1} %",
                100.0 * p.cpu.as_secs_f64() / p.took.as_secs_f64()
            )
        })?;
        self.row(out, "operator: memory at the end", |p| {
            format!("{} MB", p.rss >> 20)
        })?;
        self.row(out, "reconciles", |p| p.reconciles.to_string())?;
        self.row(out, "heartbeats sent / heard", |p| {
            format!("{} / {}", p.beats_sent, p.beats_heard)
        })?;
        self.row(out, "probes of hosts", |p| p.probes.to_string())?;
        self.row(out, "API writes", |p| writes(&p.requests).to_string())?;
        self.row(out, "API writes a minute", |p| {
            format!("{:.0}", p.writes_per_minute())
        })?;
        let mut verbs: Vec<&str> = self
            .phases
            .iter()
            .flat_map(|p| p.by_verb().into_keys())
            .collect();
        verbs.sort_by_key(|verb| (!is_write(verb), *verb));
        verbs.dedup();
        for verb in verbs {
            self.row(out, &format!("requests: {verb}"), |p| {
                p.by_verb()
                    .get(verb)
                    .copied()
                    .unwrap_or_default()
                    .to_string()
            })?;
        }
        writeln!(out, "\n| | |\n|---|---:|")?;
        writeln!(
            out,
            "| operator: most memory | {} MB |",
            self.peak_rss >> 20
        )?;
        for (name, share) in [("half", 0.5), ("9 of 10", 0.9), ("99 of 100", 0.99)] {
            let within = self.percentile(share).as_secs_f64() * 1000.0;
            writeln!(
                out,
                "| single Deployment, apply to Ready: {name} within | {within:.0} ms |"
            )?;
        }
        writeln!(out, "\nRequests by verb and resource:\n")?;
        for phase in &self.phases {
            let all: Vec<String> = phase
                .requests
                .iter()
                .map(|((verb, resource), count)| format!("{verb} {resource} {count}"))
                .collect();
            writeln!(out, "- {}: {}", phase.name, all.join(", "))?;
        }
        Ok(())
    }

    fn row(
        &self,
        out: &mut String,
        name: &str,
        value: impl Fn(&Phase) -> String,
    ) -> std::fmt::Result {
        let values: Vec<String> = self.phases.iter().map(value).collect();
        writeln!(out, "| {name} | {} |", values.join(" | "))
    }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

fn processors() -> String {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{count} processors for all of it")
}
