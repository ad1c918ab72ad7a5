use tokio::time::Instant;

/// The state of a connection to the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusStatus {
    /// Messages flow.
    Connected {
        /// Since when. After a reconnect, peers may not have been heard for a while.
        since: Instant,
    },
    /// The connection is lost and being made again.
    Disconnected {
        /// Since when.
        since: Instant,
    },
    /// The connection was closed for good.
    Closed,
}

impl BusStatus {
    /// Whether messages flow.
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected { .. })
    }
}
