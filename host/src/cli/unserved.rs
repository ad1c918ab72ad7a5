//! Flags of the reference for what this host does not do. Those its chart sets without being asked are
//! accepted with a notice; those somebody wrote to get something are refused.

use std::path::PathBuf;

use super::FlagError;

#[derive(clap::Args)]
pub(super) struct UnservedArgs {
    #[arg(long, hide = true)]
    data_nats_url: Option<String>,
    #[arg(long, hide = true)]
    data_nats_tls_ca: Option<PathBuf>,
    #[arg(long, hide = true)]
    data_nats_tls_cert: Option<PathBuf>,
    #[arg(long, hide = true)]
    data_nats_tls_key: Option<PathBuf>,
    #[arg(long, hide = true)]
    data_nats_tls_first: bool,
    #[arg(long, hide = true)]
    wasi_webgpu: bool,
    #[arg(long, hide = true)]
    wasi_otel: bool,
    #[arg(long, hide = true, env = "WASH_POSTGRES_URL", hide_env_values = true)]
    postgres_url: Option<String>,
    #[arg(long, hide = true, env = "WASH_WASM_PROPOSALS", value_delimiter = ',')]
    wasm_proposal: Vec<String>,
    #[arg(long, hide = true, env = "WASH_HOST_PLUGINS", value_delimiter = ';')]
    host_plugin: Vec<String>,
    #[arg(long, hide = true, env = "WASH_HOST_PLUGIN_REGISTRY_USER")]
    host_plugin_registry_user: Option<String>,
    #[arg(
        long,
        hide = true,
        env = "WASH_HOST_PLUGIN_REGISTRY_PASSWORD",
        hide_env_values = true
    )]
    host_plugin_registry_password: Option<String>,
    #[arg(
        long,
        hide = true,
        env = "WASH_MAX_OUTBOUND_SOCKET_CONNECTIONS_PER_WORKLOAD"
    )]
    max_outbound_socket_connections_per_workload: Option<u32>,
    #[arg(
        long,
        hide = true,
        env = "WASH_MAX_INBOUND_SOCKET_CONNECTIONS_PER_WORKLOAD"
    )]
    max_inbound_socket_connections_per_workload: Option<u32>,
    #[arg(long, hide = true, env = "WASH_WASMCLOUD_MESSAGING_MAX_IN_FLIGHT")]
    wasmcloud_messaging_max_in_flight: Option<u32>,
    #[arg(
        long,
        hide = true,
        env = "WASH_WASMCLOUD_MESSAGING_MAX_IN_FLIGHT_PER_COMPONENT"
    )]
    wasmcloud_messaging_max_in_flight_per_component: Option<u32>,
}

impl UnservedArgs {
    pub(super) fn notices(&self) -> Result<Vec<String>, FlagError> {
        for (flag, given, problem) in [
            (
                "--wasm-proposal",
                !self.wasm_proposal.is_empty(),
                "the set of WebAssembly proposals of this host is fixed",
            ),
            (
                "--host-plugin",
                !self.host_plugin.is_empty()
                    || self.host_plugin_registry_user.is_some()
                    || self.host_plugin_registry_password.is_some(),
                "components cannot be plugins of this host; plugins are Rust crates of a custom host",
            ),
            (
                "--postgres-url",
                self.postgres_url.is_some(),
                "this host has no wasmcloud:postgres plugin",
            ),
            (
                "--wasi-webgpu",
                self.wasi_webgpu,
                "this host has no wasi:webgpu plugin",
            ),
        ] {
            if given {
                return Err(FlagError::new(flag, problem));
            }
        }
        let data_nats = self.data_nats_url.is_some()
            || self.data_nats_tls_ca.is_some()
            || self.data_nats_tls_cert.is_some()
            || self.data_nats_tls_key.is_some()
            || self.data_nats_tls_first;
        let messaging = self.wasmcloud_messaging_max_in_flight.is_some()
            || self
                .wasmcloud_messaging_max_in_flight_per_component
                .is_some();
        let sockets = self.max_outbound_socket_connections_per_workload.is_some()
            || self.max_inbound_socket_connections_per_workload.is_some();
        let notices = [
            (
                "--data-nats-url",
                data_nats,
                "no plugin of this host keeps data in NATS",
            ),
            (
                "--wasi-otel",
                self.wasi_otel,
                "this host has no wasi:otel plugin",
            ),
            (
                "--wasmcloud-messaging-max-in-flight",
                messaging,
                "this host has no wasmcloud:messaging plugin",
            ),
            (
                "--max-outbound-socket-connections-per-workload",
                sockets,
                "raw sockets of a workload are not counted",
            ),
        ];
        Ok(notices
            .into_iter()
            .filter(|(_, given, _)| *given)
            .map(|(flag, _, problem)| format!("{flag} has no effect: {problem}"))
            .collect())
    }
}
