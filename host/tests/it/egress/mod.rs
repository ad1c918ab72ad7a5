//! The outgoing client against real listeners on loopback: what it may reach, and how much of it.

mod addresses;
mod fake;
mod pool;
mod proxy;
mod timeouts;
mod tls;
