use std::time::Duration;

/// Why a message could not be sent or answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BusError {
    /// Nobody listens on the subject.
    #[error("nobody answers on {subject}")]
    NoResponders {
        /// The subject asked.
        subject: String,
    },
    /// No reply came in time.
    #[error("no answer on {subject} within {timeout:?}")]
    Timeout {
        /// The subject asked.
        subject: String,
        /// The time that was given.
        timeout: Duration,
    },
    /// The payload is larger than the bus carries. Nothing was sent.
    #[error("the message for {subject} has {size} bytes; the bus carries at most {max}")]
    TooLarge {
        /// The subject.
        subject: String,
        /// Bytes of the payload.
        size: usize,
        /// Bytes the bus carries.
        max: usize,
    },
    /// The subject is not one.
    #[error("{subject:?} is not a valid subject: {problem}")]
    InvalidSubject {
        /// What was given.
        subject: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A header's name or value cannot be sent.
    #[error("header {name:?} cannot be sent")]
    InvalidHeader {
        /// The header's name.
        name: String,
    },
    /// The connection is closed for good.
    #[error("the bus is closed")]
    Closed,
    /// The options of a connection are wrong.
    #[error("{field}: {problem}")]
    Options {
        /// The option.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The connection failed.
    #[error("the connection to the bus failed: {0}")]
    Connection(String),
}
