//! `bench-control-plane`: the built operator, a real API server and NATS server, and a fleet of fake hosts.
//!
//! Measures how long it takes until everything is Ready, what that costs the API server and the operator, what a fleet
//! at rest costs, and how long one Deployment takes on a system that is otherwise idle. `cargo xtask bench
//! control-plane` builds what it needs and runs it.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the output of a command line"
)]

mod cluster;
mod latency;
mod load;
mod measure;
mod operator;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use protocol::bus::SharedBus;
use protocol::bus::nats::{NatsOptions, connect};
use testbed::fake_hosts::{FakeFleet, HostOptions};
use testbed::nats::NatsServer;

use cluster::Cluster;
use measure::Reading;
use operator::Operator;
use report::{Phase, Report};

/// What hosts keep to.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long anything of this may take.
const PATIENCE: Duration = Duration::from_mins(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// etcd and kube-apiserver.
    Apiserver,
    /// The embedded API server, served by `wash up`.
    Embedded,
}

/// Measures the operator with many hosts and Workloads.
#[derive(Debug, Parser)]
struct Arguments {
    /// Fake hosts
    #[arg(long, default_value_t = 1000)]
    hosts: usize,
    /// Workloads in total
    #[arg(long, default_value_t = 10_000)]
    workloads: usize,
    /// Workloads of one Deployment
    #[arg(long, default_value_t = 10)]
    replicas: usize,
    /// Deployments of one Workload each whose time to Ready is measured on the idle system
    #[arg(long, default_value_t = 50)]
    probes: usize,
    /// Seconds of rest that are measured
    #[arg(long, default_value_t = 60)]
    rest: u64,
    /// Where the API comes from
    #[arg(long, value_enum, default_value_t = Kind::Apiserver)]
    cluster: Kind,
    /// Also write the table to this file, as Markdown
    #[arg(long)]
    output: Option<PathBuf>,
    /// Fail unless the bars are met
    #[arg(long)]
    check: bool,
    /// What the operator logs
    #[arg(long, default_value = "warn")]
    log_level: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match bench(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the bars are met, or were not asked for.
async fn bench(arguments: &Arguments) -> Result<bool> {
    ensure!(
        arguments.replicas > 0 && arguments.hosts > 0,
        "--replicas and --hosts must not be 0"
    );
    let started = Instant::now();
    let say = |what: &str| eprintln!("bench: {:6.1} s  {what}", started.elapsed().as_secs_f32());
    let nats = NatsServer::start().await?;
    let cluster = Cluster::start(arguments.cluster).await?;
    say("servers are up");
    let operator = Operator::start(&cluster.kubeconfig, &nats.url(), &arguments.log_level).await?;
    say("the operator serves");
    let result = phases(arguments, &nats, &cluster, &operator, &say).await;
    if result.is_err() {
        eprintln!("{}", operator.log_tail());
    }
    let report = result?;
    println!("{}", report.text());
    if let Some(file) = &arguments.output {
        std::fs::write(file, report.markdown())?;
    }
    let missed = report.missed_bars();
    for bar in &missed {
        println!("bar missed: {bar}");
    }
    Ok(missed.is_empty() || !arguments.check)
}

async fn phases(
    arguments: &Arguments,
    nats: &NatsServer,
    cluster: &Cluster,
    operator: &Operator,
    say: &impl Fn(&str),
) -> Result<Report> {
    let client = &cluster.client;
    let bus: SharedBus = connect(&NatsOptions::server(nats.url())).await?;
    let fleet = FakeFleet::new(&bus);
    let mut report = Report::new(
        arguments.hosts,
        arguments.workloads,
        arguments.replicas,
        &cluster.name,
    );

    let before = Reading::take(operator, &fleet).await?;
    fleet
        .add_many(arguments.hosts, |n| {
            HostOptions::named(format!("host-{n:04}"))
                .hostname(format!(
                    "10.{}.{}.{}",
                    1 + n / 62_500,
                    n / 250 % 250,
                    1 + n % 250
                ))
                .offering_what_the_reference_does()
                .capacity(1000, 16 << 30)
        })
        .await?;
    fleet.beat_every(HEARTBEAT);
    load::hosts_ready(client, arguments.hosts).await?;
    let after = Reading::take(operator, &fleet).await?;
    report
        .phases
        .push(Phase::new("hosts Ready", &before, &after));
    say("all hosts are Ready");

    let before = after;
    load::create(client, arguments.workloads, arguments.replicas).await?;
    say("all Deployments are created");
    load::deployments_ready(client, arguments.workloads, arguments.replicas, say).await?;
    let after = Reading::take(operator, &fleet).await?;
    report
        .phases
        .push(Phase::new("Workloads Ready", &before, &after));
    say("all Deployments are Ready");
    load::verify(client, &fleet, arguments.workloads).await?;
    load::quiet(operator).await?;
    say("the API server is left alone");

    let before = Reading::take(operator, &fleet).await?;
    tokio::time::sleep(Duration::from_secs(arguments.rest)).await;
    let after = Reading::take(operator, &fleet).await?;
    report.phases.push(Phase::new("at rest", &before, &after));
    say("rest is measured");

    let before = after;
    report.latencies = latency::measure(client, arguments.probes).await?;
    let after = Reading::take(operator, &fleet).await?;
    report
        .phases
        .push(Phase::new("single Deployments", &before, &after));
    load::verify(client, &fleet, arguments.workloads + arguments.probes).await?;
    report.not_ready_hosts = load::hosts_not_ready(client).await?;
    report.peak_rss = operator.peak_rss()?;
    Ok(report)
}
