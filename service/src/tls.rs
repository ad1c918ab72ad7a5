//! TLS for servers: certificates by server name, read from files and read again when the files change, and client
//! certificates that are required when asked for.

mod config;
mod reload;

pub use config::{CertificateFiles, TlsError, TlsOptions};
pub use reload::ReloadingTls;
