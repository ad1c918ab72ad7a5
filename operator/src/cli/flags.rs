//! Flags and environment, by the names that the reference's operator gave them. A flag may be written with one
//! dash, as Go programs take them, or with two.

use anyhow::Context;
use clap::{ArgAction, Parser, Subcommand};
use service::telemetry::{LogFormat, LogOptions};
use std::ffi::OsString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// Runs WebAssembly workloads on wasmCloud hosts, as Kubernetes objects ask for them.
#[derive(Debug, Parser)]
#[command(name = "runtime-operator", version)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Namespace of the operator; Hosts live in it
    #[arg(long, env = "OPERATOR_NAMESPACE", hide_env_values = true)]
    pub namespace: Option<String>,

    /// Where metrics are served: HOST:PORT, :PORT, or 0 for nowhere
    #[arg(long, default_value = ":8081", value_parser = bind_address)]
    pub metrics_bind_address: Bind,

    /// Where health is served: HOST:PORT, :PORT, or 0 for nowhere
    #[arg(long, default_value = ":8082", value_parser = bind_address)]
    pub health_probe_bind_address: Bind,

    /// Work only while holding the Lease, so that several operators can stand by
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
    pub leader_elect: bool,

    /// Address of the NATS server
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,

    /// File with NATS credentials
    #[arg(long)]
    pub nats_creds: Option<PathBuf>,

    /// File with the authority that signed the NATS server's certificate
    #[arg(long)]
    pub nats_ca: Option<PathBuf>,

    /// File with the operator's certificate for NATS
    #[arg(long, requires = "nats_client_key")]
    pub nats_client_cert: Option<PathBuf>,

    /// File with the key of that certificate
    #[arg(long, requires = "nats_client_cert")]
    pub nats_client_key: Option<PathBuf>,

    /// Start TLS before the NATS server says anything
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
    pub nats_tls_first: bool,

    /// Log as JSON
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
    pub json_log: bool,

    /// What is logged: error, warn, info, debug, trace, or a filter such as info,operator=debug
    #[arg(long, alias = "zap-log-level", default_value = "info")]
    pub log_level: String,

    /// Leave Artifacts alone
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
    pub disable_artifact_controller: bool,

    /// Namespaces to serve, separated by commas; all when empty
    #[arg(long, value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,

    /// Workloads may run on hosts of other environments
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true")]
    pub allow_shared_hosts: bool,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Install the CRDs, or bring those that are there up to date
    InstallCrds,
    /// Print the accounts, roles and bindings that an operator with these flags needs
    Rbac {
        /// Also those of `install-crds`, which runs under an account of its own
        #[arg(long)]
        install_crds: bool,
    },
}

/// An address to serve at, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bind(pub Option<SocketAddr>);

fn bind_address(text: &str) -> Result<Bind, String> {
    if text == "0" || text.is_empty() {
        return Ok(Bind(None));
    }
    if let Some(port) = text.strip_prefix(':') {
        let port = port
            .parse()
            .map_err(|_| format!("{port:?} is not a port; expected 0 to 65535"))?;
        return Ok(Bind(Some(SocketAddr::new(
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            port,
        ))));
    }
    text.parse()
        .map(|addr| Bind(Some(addr)))
        .map_err(|_| "expected HOST:PORT, :PORT or 0".to_owned())
}

impl Arguments {
    /// The namespace the operator runs in.
    pub fn own_namespace(&self) -> anyhow::Result<String> {
        self.namespace
            .clone()
            .filter(|n| !n.is_empty())
            .context("OPERATOR_NAMESPACE is not set; set it to the namespace the operator runs in")
    }

    /// The namespaces to serve; none means all.
    pub fn served_namespaces(&self) -> Vec<String> {
        named(&self.watch_namespaces)
    }

    pub fn log_options(&self) -> LogOptions {
        LogOptions {
            format: if self.json_log {
                LogFormat::Json
            } else {
                LogFormat::Text
            },
            filter: self.log_level.clone(),
            colour: None,
        }
    }
}

/// What a list has besides empty words: `--watch-namespaces=` is an empty list.
fn named(words: &[String]) -> Vec<String> {
    let words = words.iter().map(|word| word.trim());
    words.filter(|w| !w.is_empty()).map(Into::into).collect()
}

/// Gives a flag written with one dash its second.
pub(super) fn normalise(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    arguments
        .into_iter()
        .map(|argument| match argument.to_str() {
            Some(text) if is_long_with_one_dash(text) => OsString::from(format!("-{text}")),
            _ => argument,
        })
        .collect()
}

fn is_long_with_one_dash(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('-') else {
        return false;
    };
    let name = rest.split('=').next().unwrap_or(rest);
    name.len() > 1 && name.starts_with(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        let all = std::iter::once("runtime-operator").chain(arguments.iter().copied());
        Arguments::try_parse_from(normalise(all.map(OsString::from)))
    }

    #[test]
    fn go_style_flags_are_taken() {
        let a = parse(&[
            "-nats-url=nats://n:1",
            "-leader-elect",
            "-allow-shared-hosts=false",
            "-watch-namespaces",
            "a,b",
        ])
        .unwrap();
        assert_eq!(a.nats_url, "nats://n:1");
        assert!(a.leader_elect && !a.allow_shared_hosts);
        assert_eq!(a.watch_namespaces, ["a", "b"]);
        assert!(matches!(
            parse(&["install-crds"]).unwrap().command,
            Some(Command::InstallCrds)
        ));
    }

    #[test]
    fn addresses_are_those_of_go() {
        let a = parse(&[
            "--metrics-bind-address=0",
            "-health-probe-bind-address=127.0.0.1:9",
        ])
        .unwrap();
        assert_eq!(a.metrics_bind_address, Bind(None));
        assert_eq!(a.health_probe_bind_address.0.unwrap().port(), 9);
        assert_eq!(
            parse(&[]).unwrap().metrics_bind_address.0.unwrap().port(),
            8081
        );
        assert!(parse(&["--metrics-bind-address=x"]).is_err());
        assert!(parse(&["--nats-client-cert=x"]).is_err());
    }
}
