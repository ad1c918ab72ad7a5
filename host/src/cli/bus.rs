//! The connection to the control plane.

use std::path::PathBuf;

use protocol::bus::nats::NatsOptions;

use super::FlagError;

#[derive(clap::Args)]
#[command(next_help_heading = "Control plane")]
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
pub(super) struct BusArgs {
    /// NATS servers of the control plane; several separated by commas.
    #[arg(
        long,
        value_name = "URL",
        default_value = "nats://localhost:4222",
        env = "WASMCLOUD_SCHEDULER_NATS_URL",
        value_delimiter = ','
    )]
    scheduler_nats_url: Vec<String>,
    /// Certificate authorities of the servers (PEM), beside the public ones.
    #[arg(long, value_name = "FILE")]
    scheduler_nats_tls_ca: Option<PathBuf>,
    /// Client certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "scheduler_nats_tls_key")]
    scheduler_nats_tls_cert: Option<PathBuf>,
    /// Key of the client certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "scheduler_nats_tls_cert")]
    scheduler_nats_tls_key: Option<PathBuf>,
    /// Start TLS before the server speaks.
    #[arg(long)]
    scheduler_nats_tls_first: bool,
    /// Credentials file: a user's JWT and seed.
    #[arg(long, value_name = "FILE", env = "WASMCLOUD_SCHEDULER_NATS_CREDS", conflicts_with_all = ["scheduler_nats_nkey", "scheduler_nats_token", "scheduler_nats_user"])]
    scheduler_nats_creds: Option<PathBuf>,
    /// File with an nkey seed.
    #[arg(long, value_name = "FILE", env = "WASMCLOUD_SCHEDULER_NATS_NKEY", conflicts_with_all = ["scheduler_nats_token", "scheduler_nats_user"])]
    scheduler_nats_nkey: Option<PathBuf>,
    /// Token; better given by the variable than by the flag, which other users of the machine can see.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "WASMCLOUD_SCHEDULER_NATS_TOKEN",
        hide_env_values = true,
        conflicts_with = "scheduler_nats_user"
    )]
    scheduler_nats_token: Option<String>,
    /// User name.
    #[arg(
        long,
        value_name = "NAME",
        env = "WASMCLOUD_SCHEDULER_NATS_USER",
        requires = "scheduler_nats_password"
    )]
    scheduler_nats_user: Option<String>,
    /// Password; better given by the variable than by the flag.
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "WASMCLOUD_SCHEDULER_NATS_PASSWORD",
        hide_env_values = true,
        requires = "scheduler_nats_user"
    )]
    scheduler_nats_password: Option<String>,
}

impl BusArgs {
    pub(super) fn options(&self, name: &str) -> Result<NatsOptions, FlagError> {
        let servers: Vec<String> = self
            .scheduler_nats_url
            .iter()
            .map(|url| url.trim().to_owned())
            .filter(|url| !url.is_empty())
            .collect();
        if servers.is_empty() {
            return Err(FlagError::new(
                "--scheduler-nats-url",
                "no address was given",
            ));
        }
        Ok(NatsOptions {
            servers,
            name: name.to_owned(),
            credentials: self.scheduler_nats_creds.clone(),
            nkey: self.scheduler_nats_nkey.clone(),
            token: self.scheduler_nats_token.clone(),
            user: self
                .scheduler_nats_user
                .clone()
                .zip(self.scheduler_nats_password.clone()),
            tls_ca: self.scheduler_nats_tls_ca.clone(),
            tls_cert: self.scheduler_nats_tls_cert.clone(),
            tls_key: self.scheduler_nats_tls_key.clone(),
            tls_first: self.scheduler_nats_tls_first,
        })
    }
}
