//! The HTTP front.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use protocol::WorkloadPorts;
use service::tls::{CertificateFiles, ReloadingTls, TlsOptions};

use super::{FlagError, values::bytes};
use crate::http::{HttpLimits, IngressOptions};

/// Descriptors left for everything that is no client: the bus, files, outgoing connections.
const RESERVED_DESCRIPTORS: usize = 512;

#[derive(clap::Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct HttpArgs {
    /// Address for requests by Host header; without it the host answers none.
    #[arg(long, value_name = "IP:PORT", env = "WASMCLOUD_HTTP_ADDR")]
    http_addr: Option<SocketAddr>,
    /// Ports of their own that workloads may ask for: `none`, `loopback:PORTS` or `any:PORTS`, as in
    /// `any:8080,9000-9099`.
    #[arg(
        long,
        value_name = "PORTS",
        env = "WASMCLOUD_WORKLOAD_PORTS",
        default_value = "loopback:1024-65535"
    )]
    workload_ports: WorkloadPorts,
    /// Certificate chain (PEM) of the HTTP ports, read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key_path")]
    tls_cert_path: Option<PathBuf>,
    /// Key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert_path")]
    tls_key_path: Option<PathBuf>,
    /// Certificate for one server name; several are possible.
    #[arg(long = "tls-sni", value_name = "NAME=CERT,KEY", value_parser = sni)]
    tls_sni: Vec<CertificateFiles>,
    /// Authorities of client certificates (PEM): clients without one of theirs are refused.
    #[arg(long, value_name = "FILE")]
    tls_ca_path: Option<PathBuf>,
    /// Most open client connections [default: what the limit of open files leaves].
    #[arg(long, value_name = "N", env = "WASH_MAX_CONNECTIONS", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,
    /// Longest time from a request to the head of its response.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    http_request_timeout: Duration,
    /// Longest time for a client to send a request's head, and to idle between two.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    http_header_timeout: Duration,
    /// Longest silence of a client within a body, in either direction.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    http_body_timeout: Duration,
    /// Largest request head.
    #[arg(long, value_name = "BYTES", default_value = "64Ki", value_parser = bytes)]
    http_max_header: u64,
    /// Largest request body [default: unbounded; bodies are streamed].
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    http_max_body: Option<u64>,
}

impl HttpArgs {
    pub(super) fn ingress(&self) -> Result<IngressOptions, FlagError> {
        for (flag, time) in [
            ("--http-request-timeout", self.http_request_timeout),
            ("--http-header-timeout", self.http_header_timeout),
            ("--http-body-timeout", self.http_body_timeout),
        ] {
            if time.is_zero() {
                return Err(FlagError::new(flag, "must be longer than zero"));
            }
        }
        let limits = HttpLimits {
            max_connections: self
                .max_connections
                .map_or_else(default_connections, |n| n as usize),
            header_read_timeout: self.http_header_timeout,
            max_header_bytes: usize::try_from(self.http_max_header).unwrap_or(usize::MAX),
            max_body_bytes: self.http_max_body,
            body_idle_timeout: self.http_body_timeout,
            request_timeout: Some(self.http_request_timeout),
            ..HttpLimits::default()
        };
        Ok(IngressOptions {
            address: self.http_addr,
            tls: self.tls()?,
            limits,
            workload_ports: self.workload_ports.clone(),
        })
    }

    fn tls(&self) -> Result<Option<Arc<ReloadingTls>>, FlagError> {
        let default = self
            .tls_cert_path
            .clone()
            .zip(self.tls_key_path.clone())
            .map(|(certificate, key)| CertificateFiles {
                server_names: Vec::new(),
                certificate,
                key,
            });
        let certificates: Vec<_> = self.tls_sni.iter().cloned().chain(default).collect();
        if certificates.is_empty() {
            return match &self.tls_ca_path {
                Some(_) => Err(FlagError::new(
                    "--tls-ca-path",
                    "needs --tls-cert-path and --tls-key-path",
                )),
                None => Ok(None),
            };
        }
        let options = TlsOptions {
            certificates,
            client_ca: self.tls_ca_path.clone(),
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            ..TlsOptions::default()
        };
        let tls = ReloadingTls::load(options)
            .map_err(|error| FlagError::new("--tls-cert-path", error))?;
        Ok(Some(Arc::new(tls)))
    }
}

fn sni(text: &str) -> Result<CertificateFiles, String> {
    let parts = text
        .split_once('=')
        .and_then(|(name, files)| Some((name, files.split_once(',')?)));
    match parts {
        Some((name, (certificate, key))) if ![name, certificate, key].contains(&"") => {
            Ok(CertificateFiles {
                server_names: vec![name.to_ascii_lowercase()],
                certificate: certificate.into(),
                key: key.into(),
            })
        }
        _ => Err("write NAME=CERTIFICATE-FILE,KEY-FILE".to_owned()),
    }
}

/// Half of the descriptors this process may have, at most the default.
fn default_connections() -> usize {
    let default = HttpLimits::default().max_connections;
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    descriptors
        .and_then(|limit| usize::try_from(limit).ok())
        .map_or(default, |limit| {
            (limit.saturating_sub(RESERVED_DESCRIPTORS) / 2).clamp(64, default)
        })
}
