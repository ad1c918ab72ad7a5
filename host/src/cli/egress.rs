//! What guests may reach.

use std::{path::PathBuf, time::Duration};

use super::FlagError;
use crate::net::{AddressPolicy, EgressConfig, Proxies, TrustRoots, client_config};

#[derive(clap::Args)]
#[command(next_help_heading = "Outgoing connections of workloads")]
pub(super) struct EgressArgs {
    /// Further certificate authorities that outgoing TLS trusts (PEM); several separated by commas.
    #[arg(
        long,
        value_name = "FILE",
        env = "WASH_HTTP_CLIENT_CA_PATHS",
        value_delimiter = ','
    )]
    http_client_ca_path: Vec<PathBuf>,
    /// Which authorities are trusted beside them.
    #[arg(
        long,
        value_name = "ROOTS",
        env = "WASH_HTTP_CLIENT_TRUST_ROOTS",
        value_enum,
        default_value_t
    )]
    http_client_trust_roots: TrustRoots,
    /// Most open outgoing HTTP connections of one workload.
    #[arg(long, value_name = "N", env = "WASH_MAX_OUTBOUND_HTTP_CONNECTIONS_PER_WORKLOAD", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    max_outbound_http_connections_per_workload: u32,
    /// How long a request waits when all of them are in use.
    #[arg(long, value_name = "TIME", env = "WASH_HTTP_CONNECTION_WAIT", default_value = "5s", value_parser = humantime::parse_duration)]
    http_connection_wait: Duration,
    /// Let components whose allowedHosts lists it reach the host's own loopback. What listens there
    /// (sidecars, admin ports) trusts its neighbours: leave it off where tenants share a host.
    #[arg(long)]
    allow_host_loopback: bool,
    /// Let components reach private addresses also through names they list; otherwise only addresses that
    /// allowedHosts names literally.
    #[arg(long, conflicts_with = "deny_private_ranges")]
    allow_private_egress: bool,
    /// Never let components reach private addresses, listed or not.
    #[arg(long)]
    deny_private_ranges: bool,
    /// Refuse loopback, link-local, metadata, multicast and reserved addresses. Always on.
    #[arg(long, hide = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, default_value_t = true)]
    deny_special_ranges: bool,
    /// The reference can merely count forbidden connections; this host always refuses them.
    #[arg(long, value_name = "MODE", hide = true, default_value = "enforce")]
    socket_egress: String,
}

impl EgressArgs {
    pub(super) fn config(&self) -> Result<EgressConfig, FlagError> {
        if !self.deny_special_ranges {
            return Err(FlagError::new(
                "--deny-special-ranges",
                "cannot be turned off on this host; --allow-host-loopback opens loopback alone",
            ));
        }
        if self.socket_egress != "enforce" {
            let problem = format!(
                "{:?} is not possible: this host always enforces allowedHosts",
                self.socket_egress
            );
            return Err(FlagError::new("--socket-egress", problem));
        }
        let tls = client_config(self.http_client_trust_roots, &self.http_client_ca_path)
            .map_err(|error| FlagError::new("--http-client-ca-path", error))?;
        Ok(EgressConfig {
            tls,
            addresses: AddressPolicy {
                allow_loopback: self.allow_host_loopback,
                allow_private: self.allow_private_egress,
                deny_private: self.deny_private_ranges,
            },
            proxies: Proxies::from_env()
                .map_err(|problem| FlagError::new("proxy variable", problem))?,
            max_connections: self.max_outbound_http_connections_per_workload as usize,
            connection_wait: self.http_connection_wait,
        })
    }
}
