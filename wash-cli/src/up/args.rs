//! What `wash up` can be told, and what follows from it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::dirs;
use crate::failure::Failure;
use crate::store::StoreArgs;

/// Arguments of `wash up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Hosts in this process
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=64))]
    hosts: u16,
    /// Do not run the operator: another one serves this API
    #[arg(long)]
    no_operator: bool,
    /// Use this NATS server as the bus, so that hosts on other machines can join
    #[arg(
        long,
        value_name = "URL",
        env = "WASH_NATS_URL",
        hide_env_values = true
    )]
    nats: Option<String>,
    /// Folder for objects, keys and the kubeconfig. Default: wash/up in the user's data folder
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Keep objects in memory: they end with the process
    #[arg(long)]
    ephemeral: bool,
    /// Address of the API server; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    api_addr: SocketAddr,
    /// Address of the first host's HTTP ingress; each further host takes the next port. Port 0 takes free ones
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8000")]
    http_addr: SocketAddr,
    /// Where to write the kubeconfig. Default: kubeconfig in the data folder
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Apply this manifest once everything is ready
    #[arg(long, value_name = "FILE")]
    deploy: Option<PathBuf>,
    /// Flags for every host, as of `wash host`. Those that concern a process have no effect here: --admin-addr,
    /// --scheduler-nats-*, --log-level, --log-format
    #[arg(last = true, value_name = "HOST FLAGS")]
    host_flags: Vec<String>,
}

/// Everything decided, nothing done.
#[derive(Debug)]
pub struct Plan {
    /// One entry per host: name and HTTP address.
    pub hosts: Vec<(String, SocketAddr)>,
    pub operator: bool,
    pub nats: Option<String>,
    pub data_dir: PathBuf,
    pub ephemeral: bool,
    pub api_addr: SocketAddr,
    pub kubeconfig: PathBuf,
    pub store: PathBuf,
    pub deploy: Option<PathBuf>,
    pub host_flags: Vec<String>,
}

impl UpArgs {
    /// Applies the defaults.
    pub fn plan(self) -> Result<Plan, Failure> {
        let data_dir = self
            .data_dir
            .or_else(dirs::default_data_dir)
            .ok_or_else(|| {
                Failure::new("there is no folder for data: neither HOME nor XDG_DATA_HOME is set")
                    .hint_at("name one with --data-dir")
            })?;
        Ok(Plan {
            hosts: hosts(self.hosts, self.http_addr)?,
            operator: !self.no_operator,
            nats: self.nats,
            kubeconfig: self
                .kubeconfig
                .unwrap_or_else(|| data_dir.join(dirs::KUBECONFIG)),
            data_dir,
            ephemeral: self.ephemeral,
            api_addr: self.api_addr,
            store: self.store.folder()?,
            deploy: self.deploy,
            host_flags: self.host_flags,
        })
    }
}

fn hosts(count: u16, first: SocketAddr) -> Result<Vec<(String, SocketAddr)>, Failure> {
    (0..count)
        .map(|index| {
            let port = match first.port() {
                0 => 0,
                port => port.checked_add(index).ok_or_else(|| {
                    anyhow::anyhow!(
                        "--http-addr: {count} hosts from port {port} on pass the last port, 65535"
                    )
                })?,
            };
            Ok((format!("host-{index}"), SocketAddr::new(first.ip(), port)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_take_consecutive_ports() {
        let ports = |count, first: &str| {
            hosts(count, first.parse().unwrap())
                .map(|hosts| hosts.iter().map(|(_, at)| at.port()).collect::<Vec<_>>())
                .map_err(|failure| failure.message())
        };
        assert_eq!(ports(3, "127.0.0.1:8000").unwrap(), [8000, 8001, 8002]);
        assert_eq!(ports(2, "127.0.0.1:0").unwrap(), [0, 0]);
        assert!(ports(0, "127.0.0.1:0").unwrap().is_empty());
        assert!(ports(2, "127.0.0.1:65535").unwrap_err().contains("65535"));
    }
}
