//! Why a reconcile or the operator failed.

use thiserror::Error;

/// Why one reconcile failed. It is tried again after a growing delay.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The API server refused or could not be reached.
    #[error("{action}: {}", describe(source))]
    Api {
        /// What was attempted.
        action: &'static str,
        /// Why it failed.
        source: Box<kube::Error>,
    },
}

impl ReconcileError {
    /// What sort of failure it is, for metrics: the sorts are few.
    pub fn category(&self) -> &'static str {
        let Self::Api { source, .. } = self;
        match (source.as_ref(), code(source)) {
            (_, Some(409 | 412)) => "conflict",
            (_, Some(404 | 410)) => "gone",
            (_, Some(401 | 403)) => "forbidden",
            (_, Some(400 | 413 | 415 | 422)) => "invalid",
            (_, Some(429)) => "throttled",
            (_, Some(_)) => "server",
            (kube::Error::SerdeError(_), None) => "unreadable",
            (_, None) => "connection",
        }
    }

    /// Something changed under our hands; a fresh look is all it takes.
    pub fn is_stale(&self) -> bool {
        let Self::Api { source, .. } = self;
        matches!(code(source), Some(404 | 409))
    }
}

/// Adds what was attempted to an error of the client.
pub trait Attempt<T> {
    /// Names the attempt.
    fn attempt(self, action: &'static str) -> Result<T, ReconcileError>;
}

impl<T> Attempt<T> for Result<T, kube::Error> {
    fn attempt(self, action: &'static str) -> Result<T, ReconcileError> {
        self.map_err(|source| ReconcileError::Api {
            action,
            source: Box::new(source),
        })
    }
}

/// HTTP status of an answer of the API server.
pub fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => other.to_string(),
    }
}

/// Why the operator ended.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// A first read failed.
    #[error("reading the operator's namespace {namespace}: {}", describe(source))]
    Namespace {
        /// The namespace.
        namespace: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// A registry's certificate authority cannot be read.
    #[error(transparent)]
    Authority(#[from] oci::CaFileError),
    /// The bus takes no subscription.
    #[error("listening on the bus: {0}")]
    Bus(#[from] protocol::bus::BusError),
    /// A CRD cannot be installed.
    #[error("installing the CRD {name}: {}", describe(source))]
    Install {
        /// Name of the CRD.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// A CRD was installed and is not served in time.
    #[error("the CRD {name} is not established after {seconds} s")]
    NotEstablished {
        /// Name of the CRD.
        name: String,
        /// Seconds waited.
        seconds: u64,
    },
}
