//! The one TLS provider of a process.

/// Makes *ring* the process-wide provider of rustls, as every TLS client and server of the workspace expects.
///
/// Safe to call any number of times and from any thread; a provider that is already installed stays.
pub fn install_ring() {
    // The error only says that somebody was first, which is the state asked for.
    drop(rustls::crypto::ring::default_provider().install_default());
}
