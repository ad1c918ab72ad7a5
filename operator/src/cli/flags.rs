//! Flags and environment, by the names that the reference's operator gave them. A flag may be written with one dash, as
//! Go programs take them, or with two; each can come from a variable instead: `OPERATOR_` and its name in capitals.

use super::values::{Bind, bind_address, boolean, duration, path, percent, share, zap_level};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use service::telemetry::{LogFormat, LogOptions};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Runs WebAssembly workloads on wasmCloud hosts, as Kubernetes objects ask for them.
///
/// A flag may be written with one dash or two. Each has a variable that is read when the flag is not given; a flag that
/// is given wins.
#[derive(Debug, Parser)]
#[command(name = "runtime-operator", version, args_override_self = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten, next_help_heading = "Kubernetes")]
    pub kubernetes: Kubernetes,
    #[command(flatten, next_help_heading = "Bus")]
    pub bus: Bus,
    #[command(flatten, next_help_heading = "Metrics and health")]
    pub admin: Admin,
    #[command(flatten, next_help_heading = "Logs")]
    pub logs: Logs,
    #[command(flatten, next_help_heading = "Work")]
    pub work: Work,
    #[command(flatten, next_help_heading = "Configuration of workloads")]
    pub configuration: Configuration,
    #[command(flatten, next_help_heading = "Taken and ignored")]
    pub ignored: Ignored,
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

#[derive(Args, Debug)]
pub(super) struct Kubernetes {
    /// Namespace of the operator; Hosts live in it, and the Lease
    #[arg(long, env = "OPERATOR_NAMESPACE")]
    pub namespace: Option<String>,

    /// File that says where the API server is; without it KUBECONFIG, ~/.kube/config or the Pod's own account
    #[arg(long, env = "OPERATOR_KUBECONFIG", value_parser = path())]
    pub kubeconfig: Option<PathBuf>,

    /// Work only while holding the Lease, so that several operators can stand by
    #[arg(long, env = "OPERATOR_LEADER_ELECT", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", value_parser = boolean)]
    pub leader_elect: bool,

    /// Namespaces to serve, separated by commas; all when empty
    #[arg(long, env = "OPERATOR_WATCH_NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,

    /// Namespaces besides the operator's own in which hosts run as Pods, separated by commas
    #[arg(long, env = "OPERATOR_HOST_NAMESPACES", value_delimiter = ',')]
    pub host_namespaces: Vec<String>,

    /// Every host is a Pod there: heartbeats from elsewhere are ignored
    #[arg(long, env = "OPERATOR_REQUIRE_HOST_PODS", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", value_parser = boolean)]
    pub require_host_pods: bool,

    /// Domain of the cluster's Services, the end of SERVICE.NAMESPACE.svc.DOMAIN
    #[arg(long, env = "OPERATOR_CLUSTER_DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,
}

#[derive(Args, Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "fields are named as their flags are"
)]
pub(super) struct Bus {
    /// Address of the NATS server
    #[arg(
        long,
        env = "OPERATOR_NATS_URL",
        default_value = "nats://127.0.0.1:4222"
    )]
    pub nats_url: String,

    /// File with NATS credentials
    #[arg(long, env = "OPERATOR_NATS_CREDS", value_parser = path())]
    pub nats_creds: Option<PathBuf>,

    /// File with the authority that signed the NATS server's certificate
    #[arg(long, env = "OPERATOR_NATS_CA", value_parser = path())]
    pub nats_ca: Option<PathBuf>,

    /// File with the operator's certificate for NATS
    #[arg(long, env = "OPERATOR_NATS_CLIENT_CERT", value_parser = path(), requires = "nats_client_key")]
    pub nats_client_cert: Option<PathBuf>,

    /// File with the key of that certificate
    #[arg(long, env = "OPERATOR_NATS_CLIENT_KEY", value_parser = path(), requires = "nats_client_cert")]
    pub nats_client_key: Option<PathBuf>,

    /// Start TLS before the NATS server says anything
    #[arg(long, env = "OPERATOR_NATS_TLS_FIRST", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", value_parser = boolean)]
    pub nats_tls_first: bool,
}

#[derive(Args, Debug)]
pub(super) struct Admin {
    /// Where metrics are served: HOST:PORT, :PORT, or 0 for nowhere
    #[arg(long, env = "OPERATOR_METRICS_BIND_ADDRESS", default_value = ":8081", value_parser = bind_address)]
    pub metrics_bind_address: Bind,

    /// Serve metrics over HTTPS, and only to who may: a client certificate with --metrics-client-ca, a fixed token with
    /// --metrics-token-file, else a token that the API server knows, of somebody who may get /metrics
    #[arg(long, env = "OPERATOR_METRICS_SECURE", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", value_parser = boolean)]
    pub metrics_secure: bool,

    /// Folder with the certificate for metrics; without it one is made at each start and signed by nobody
    #[arg(long, env = "OPERATOR_METRICS_CERT_PATH", value_parser = path())]
    pub metrics_cert_path: Option<PathBuf>,

    /// Name of the certificate's file in that folder
    #[arg(long, env = "OPERATOR_METRICS_CERT_NAME", default_value = "tls.crt")]
    pub metrics_cert_name: PathBuf,

    /// Name of the key's file in that folder
    #[arg(long, env = "OPERATOR_METRICS_CERT_KEY", default_value = "tls.key")]
    pub metrics_cert_key: PathBuf,

    /// File with the authority of clients that may read metrics; needs no right in the cluster
    #[arg(long, env = "OPERATOR_METRICS_CLIENT_CA", value_parser = path(), conflicts_with = "metrics_token_file")]
    pub metrics_client_ca: Option<PathBuf>,

    /// File with the token of those who may read metrics; needs no right in the cluster
    #[arg(long, env = "OPERATOR_METRICS_TOKEN_FILE", value_parser = path())]
    pub metrics_token_file: Option<PathBuf>,

    /// Offer HTTP/2 where metrics are served over HTTPS
    #[arg(long, env = "OPERATOR_ENABLE_HTTP2", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", value_parser = boolean)]
    pub enable_http2: bool,

    /// Where health is served: HOST:PORT, :PORT, or 0 for nowhere
    #[arg(long, env = "OPERATOR_HEALTH_PROBE_BIND_ADDRESS", default_value = ":8082", value_parser = bind_address)]
    pub health_probe_bind_address: Bind,
}

#[derive(Args, Debug)]
pub(super) struct Logs {
    /// Log as JSON
    #[arg(long, env = "OPERATOR_JSON_LOG", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", value_parser = boolean)]
    pub json_log: bool,

    /// What is logged: error, warn, info, debug, trace, or a filter such as info,operator=debug; RUST_LOG wins
    #[arg(long, env = "OPERATOR_LOG_LEVEL", default_value = "info")]
    pub log_level: String,

    /// The same in zap's words: debug, info, error, panic, or a number of levels below info
    #[arg(long, env = "OPERATOR_ZAP_LOG_LEVEL", value_parser = zap_level)]
    pub zap_log_level: Option<&'static str>,

    /// How lines look: json, or console for text
    #[arg(long, env = "OPERATOR_ZAP_ENCODER", value_parser = ["json", "console"])]
    pub zap_encoder: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Work {
    /// Workloads may run on hosts of other environments
    #[arg(long, env = "OPERATOR_ALLOW_SHARED_HOSTS", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value = "true", default_missing_value = "true", value_parser = boolean)]
    pub allow_shared_hosts: bool,

    /// Leave Artifacts alone
    #[arg(long, env = "OPERATOR_DISABLE_ARTIFACT_CONTROLLER", action = ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_value = "false", default_missing_value = "true", value_parser = boolean)]
    pub disable_artifact_controller: bool,

    /// Certificate authorities of registries that Artifacts name (PEM); several separated by commas
    #[arg(long, env = "OPERATOR_OCI_CA_PATH", value_delimiter = ',')]
    pub oci_ca_path: Vec<PathBuf>,

    /// Ask registries that do not speak TLS over plain HTTP. For tests: whoever is on the way can replace digests
    #[arg(long, env = "OPERATOR_ALLOW_INSECURE_REGISTRIES", action = ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_value = "false", default_missing_value = "true", value_parser = boolean)]
    pub allow_insecure_registries: bool,

    /// Who starts workloads, as hosts see it; the uid of the operator's namespace when not given. Operators that share
    /// a bus need different ones
    #[arg(long, env = "OPERATOR_CONTROL_PLANE_ID")]
    pub control_plane_id: Option<String>,

    /// Silence after which a host is lost
    #[arg(long, env = "OPERATOR_HOST_LOST_AFTER", default_value = "45s", value_parser = duration)]
    pub host_lost_after: Duration,

    /// Share of the hosts that may be given up as lost within that time; at least one always may
    #[arg(long, env = "OPERATOR_HOST_LOST_SHARE", default_value = "0.5", value_parser = share)]
    pub host_lost_share: f64,

    /// How long the object of a lost host is kept
    #[arg(long, env = "OPERATOR_HOST_LOST_RETENTION", default_value = "1m", value_parser = duration)]
    pub host_lost_retention: Duration,

    /// How long a host is still sent requests after its endpoint said that it leaves
    #[arg(long, env = "OPERATOR_ENDPOINT_DELAY", default_value = "5s", value_parser = duration)]
    pub endpoint_delay: Duration,

    /// Percent of a host's processor time in use above which it gets no new work; whatever the use when not given
    #[arg(long, env = "OPERATOR_CPU_BACKPRESSURE_THRESHOLD", value_parser = percent)]
    pub cpu_backpressure_threshold: Option<f32>,

    /// Percent of a host's memory in use above which it gets no new work; whatever the use when not given
    #[arg(long, env = "OPERATOR_MEMORY_BACKPRESSURE_THRESHOLD", value_parser = percent)]
    pub memory_backpressure_threshold: Option<f32>,

    /// How often a host is asked for everything it has, give or take a fifth
    #[arg(long, env = "OPERATOR_INVENTORY_INTERVAL", default_value = "1m", value_parser = duration)]
    pub inventory_interval: Duration,

    /// How long the object of a lost host is kept while stops are owed to it
    #[arg(long, env = "OPERATOR_OWED_RETENTION", default_value = "1h", value_parser = duration)]
    pub owed_retention: Duration,

    /// How often a host that was not heard lately is asked
    #[arg(long, env = "OPERATOR_PROBE_INTERVAL", default_value = "5s", value_parser = duration)]
    pub probe_interval: Duration,

    /// How long a host without the extension may take to pull and start a workload
    #[arg(long, env = "OPERATOR_HOST_START_TIMEOUT", default_value = "1m", value_parser = duration)]
    pub host_start_timeout: Duration,

    /// How long a host without the extension may take to stop a workload
    #[arg(long, env = "OPERATOR_HOST_STOP_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub host_stop_timeout: Duration,

    /// Time beyond its drain after which a Workload goes although its host has not confirmed the stop
    #[arg(long, env = "OPERATOR_STOP_PATIENCE", default_value = "2m", value_parser = duration)]
    pub stop_patience: Duration,

    /// How long a host may take to answer anything else
    #[arg(long, env = "OPERATOR_HOST_ANSWER_TIMEOUT", default_value = "5s", value_parser = duration)]
    pub host_answer_timeout: Duration,

    /// How often a running workload is asked after, where its host does not report changes itself
    #[arg(long, env = "OPERATOR_POLL_INTERVAL", default_value = "30s", value_parser = duration)]
    pub poll_interval: Duration,
}

#[derive(Args, Debug)]
pub(super) struct Configuration {
    /// How often the ConfigMaps and Secrets of Deployments with restartOnConfigChange are looked at
    #[arg(long, env = "OPERATOR_CONFIG_INTERVAL", default_value = "1m", value_parser = duration)]
    pub config_interval: Duration,

    /// Watch ConfigMaps and Secrets to notice changes at once; takes the right to list them
    #[arg(long, env = "OPERATOR_WATCH_CONFIG", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value = "false", default_missing_value = "true", value_parser = boolean)]
    pub watch_config: bool,
}

/// Flags of the reference that mean nothing here: manifests that carry them still work, and one line says so.
#[derive(Args, Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "fields are named as their flags are"
)]
pub(super) struct Ignored {
    /// Ignored: there is no development mode
    #[arg(long, env = "OPERATOR_ZAP_DEVEL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = boolean)]
    pub zap_devel: Option<bool>,

    /// Ignored: errors carry their causes
    #[arg(long, env = "OPERATOR_ZAP_STACKTRACE_LEVEL")]
    pub zap_stacktrace_level: Option<String>,

    /// Ignored: times are RFC 3339
    #[arg(long, env = "OPERATOR_ZAP_TIME_ENCODING")]
    pub zap_time_encoding: Option<String>,
}

impl Ignored {
    /// Names of those that were given.
    pub fn given(&self) -> Vec<&'static str> {
        [
            ("-zap-devel", self.zap_devel.is_some()),
            ("-zap-stacktrace-level", self.zap_stacktrace_level.is_some()),
            ("-zap-time-encoding", self.zap_time_encoding.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}

impl Logs {
    pub fn options(&self) -> LogOptions {
        let format = match self.zap_encoder.as_deref() {
            Some("json") => LogFormat::Json,
            None if self.json_log => LogFormat::Json,
            _ => LogFormat::Text,
        };
        let filter = self.zap_log_level.unwrap_or(&self.log_level);
        LogOptions {
            format,
            filter: filter.to_owned(),
            colour: None,
        }
    }
}

/// A path that was given. Charts write the flag with nothing behind it where there is none.
pub(super) fn given(path: Option<&PathBuf>) -> Option<&PathBuf> {
    path.filter(|p| !p.as_os_str().is_empty())
}

/// The command line, its values as clap reads them. What variables hold is not shown by `--help`: it may be asked for
/// where others read along.
pub(super) fn command() -> clap::Command {
    Arguments::command().mut_args(|arg| arg.hide_env_values(true))
}

impl Arguments {
    /// Reads the command line, the program's name first.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(normalise(arguments))?;
        Self::from_arg_matches(&matches)
    }
}

/// Gives a flag written with one dash its second.
fn normalise(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
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
#[path = "flags_tests.rs"]
mod tests;
