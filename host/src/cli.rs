//! Flags of a host: those of the reference's `wash host`, and ours. `wasmcloud-host` and `wash host` share
//! them. A flag that is accepted either does what it says or the host says at start that it does not.

mod bus;
mod egress;
mod engine;
mod http;
mod identity;
mod images;
mod unserved;
mod values;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use service::telemetry::{LogFormat, LogOptions};

pub use images::ImageOptions;

use crate::{engine::EngineOptions, run::HostOptions};

/// A flag whose value cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{flag}: {problem}")]
pub struct FlagError {
    /// The flag, with its dashes.
    pub flag: &'static str,
    /// What is wrong and what to do; names files and addresses, never secrets.
    pub problem: String,
}

impl FlagError {
    fn new(flag: &'static str, problem: impl std::fmt::Display) -> Self {
        Self {
            flag,
            problem: problem.to_string(),
        }
    }
}

/// Everything a host is told on its command line.
#[derive(clap::Args)]
pub struct HostArgs {
    #[command(flatten)]
    identity: identity::IdentityArgs,
    #[command(flatten)]
    bus: bus::BusArgs,
    #[command(flatten)]
    http: http::HttpArgs,
    #[command(flatten)]
    egress: egress::EgressArgs,
    #[command(flatten)]
    images: images::ImageArgs,
    #[command(flatten)]
    engine: engine::EngineArgs,
    /// Folder under which workloads may mount `hostPath` volumes; several are possible, none allows none.
    #[arg(long, value_name = "DIR", help_heading = "Volumes")]
    host_path_root: Vec<PathBuf>,
    /// Folder for ephemeral volumes [default: the system's folder for temporary files].
    #[arg(long, value_name = "DIR", help_heading = "Volumes")]
    scratch_dir: Option<PathBuf>,
    /// How long the host keeps answering for a workload that stops, so that others learn of it.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration, help_heading = "Shutdown")]
    endpoint_delay: Duration,
    /// How long a host that is told to stop leaves its workloads running, so that other hosts can take over first;
    /// 0s does not wait. A Pod's grace period must allow this and `--drain`.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration, help_heading = "Shutdown")]
    handover: Duration,
    /// How long open requests may take to end when the host is told to stop, `--endpoint-delay` included.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration, help_heading = "Shutdown")]
    drain: Duration,
    /// Address of /livez, /readyz and /metrics; without it there are none.
    #[arg(
        long,
        value_name = "IP:PORT",
        env = "WASMCLOUD_ADMIN_ADDR",
        help_heading = "Observability"
    )]
    pub admin_addr: Option<SocketAddr>,
    /// Which log lines to write, in the syntax of RUST_LOG (which wins).
    #[arg(
        short = 'l',
        long,
        value_name = "FILTER",
        default_value = "info",
        help_heading = "Observability"
    )]
    log_level: String,
    /// `text` or `json`.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Observability"
    )]
    log_format: LogFormat,
    #[command(flatten)]
    unserved: unserved::UnservedArgs,
}

impl HostArgs {
    /// How to log.
    pub fn log(&self) -> LogOptions {
        LogOptions {
            format: self.log_format,
            filter: self.log_level.clone(),
            colour: None,
        }
    }

    /// How to reach the bus.
    pub fn bus(&self) -> Result<protocol::bus::nats::NatsOptions, FlagError> {
        self.bus.options(self.identity.name())
    }

    /// How to run guests.
    pub fn engine(&self) -> Result<EngineOptions, FlagError> {
        self.engine.options()
    }

    /// Where images come from.
    pub fn images(&self) -> Result<ImageOptions, FlagError> {
        self.images.options()
    }

    /// The host itself. Reads certificates and the environment's proxies.
    pub fn host(&self) -> Result<HostOptions, FlagError> {
        if self.endpoint_delay > self.drain {
            return Err(FlagError::new(
                "--endpoint-delay",
                "must not be longer than --drain",
            ));
        }
        Ok(HostOptions {
            identity: self.identity.identity()?,
            ingress: self.http.ingress()?,
            egress: self.egress.config()?,
            scratch: self.scratch_dir.clone().unwrap_or_else(std::env::temp_dir),
            volume_roots: self.host_path_root.clone(),
            endpoint_delay: self.endpoint_delay,
            handover: self.handover,
            drain: self.drain,
        })
    }

    /// Sentences about accepted flags without effect, to be logged; an error for a flag whose absence of
    /// effect would mislead.
    pub fn notices(&self) -> Result<Vec<String>, FlagError> {
        self.unserved.notices()
    }
}

#[cfg(test)]
mod tests;
