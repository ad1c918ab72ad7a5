//! What the HTTP front allows a client to take, and for how long.

use std::time::Duration;

/// Bounds of the front. Every one is enforced; none depends on a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// Open connections over all listeners; more wait in the kernel's backlog.
    pub max_connections: usize,
    /// Longest time for a TLS handshake.
    pub tls_handshake_timeout: Duration,
    /// Longest time until a connection's first request is there, and for every request's head. Also how
    /// long an HTTP/1 connection may idle between two requests.
    pub header_read_timeout: Duration,
    /// How long a connection without an open request is kept.
    pub idle_timeout: Duration,
    /// Largest request head in bytes.
    pub max_header_bytes: usize,
    /// Most headers of an HTTP/1 request.
    pub max_headers: usize,
    /// Largest request body in bytes, if bounded for all workloads.
    pub max_body_bytes: Option<u64>,
    /// Longest silence within a request body, and longest time a client may refuse to read.
    pub body_idle_timeout: Duration,
    /// Longest time from a request's head to its response's head.
    pub request_timeout: Option<Duration>,
    /// Concurrent requests of one HTTP/2 connection.
    pub h2_max_streams: u32,
    /// Streams a client may reset before the host looked at them (CVE-2023-44487) until its connection ends.
    pub h2_max_pending_resets: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            max_connections: 8192,
            tls_handshake_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_mins(5),
            max_header_bytes: 64 * 1024,
            max_headers: 100,
            max_body_bytes: None,
            body_idle_timeout: Duration::from_mins(1),
            request_timeout: Some(Duration::from_mins(10)),
            h2_max_streams: 250,
            h2_max_pending_resets: 20,
        }
    }
}
