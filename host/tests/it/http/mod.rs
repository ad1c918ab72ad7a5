//! The HTTP front with handlers that are plain code: routing, bounds, drain, ports, TLS.

mod bounds;
pub mod client;
mod drain;
pub mod fake;
mod http2;
mod ports;
mod problems;
mod routing;
mod tls;
