//! What went wrong in a guest, by its true name.

use crate::http::HandleError;
use host_api::LimitBreach;
use std::time::Duration;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::{p2, p3};

/// A call of a guest that did not end well. The text names the component, never a value of the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The instance wanted more memory than it may have.
    #[error("component `{component}` reached its memory limit of {limit} bytes")]
    OutOfMemory {
        /// Which component.
        component: String,
        /// Its limit.
        limit: usize,
    },
    /// The guest trapped or exited.
    #[error("component `{component}` trapped: {message}")]
    Trap {
        /// Which component.
        component: String,
        /// What Wasmtime says, without backtrace.
        message: String,
    },
    /// The guest answered a request with an error code.
    #[error("component `{component}` answered with {code}")]
    Code {
        /// Which component.
        component: String,
        /// The code's name.
        code: String,
    },
    /// A guest returned without having answered.
    #[error("component `{component}` returned without a response")]
    NoResponse {
        /// Which component.
        component: String,
    },
    /// No instance came free in time.
    #[error("no instance came free within {waited:?}")]
    Exhausted {
        /// How long was waited.
        waited: Duration,
    },
    /// Time is over.
    #[error("component `{component}` did not answer in time")]
    Timeout {
        /// Which component.
        component: String,
    },
    /// The host is at fault.
    #[error("component `{component}` could not be run: {message}")]
    Host {
        /// Which component.
        component: String,
        /// Why.
        message: String,
    },
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug)]
pub struct Suspect<'a> {
    /// The component that ran.
    pub component: &'a str,
    /// Its memory limit in bytes.
    pub memory_limit: usize,
    /// Whether it ran into that.
    pub breach: &'a LimitBreach,
}

impl Fault {
    /// Finds the cause of an error that came out of a store.
    pub fn classify(suspect: Suspect<'_>, error: &wasmtime::Error) -> Self {
        let component = suspect.component.to_owned();
        if let Some(fault) = error.downcast_ref::<Fault>() {
            // Of a component further down, which knows better.
            return fault.clone();
        }
        if suspect.breach.happened() {
            return Self::OutOfMemory {
                component,
                limit: suspect.memory_limit,
            };
        }
        if let Some(code) = error.downcast_ref::<p2::bindings::http::types::ErrorCode>() {
            return Self::Code {
                component,
                code: code_name(code),
            };
        }
        if let Some(code) = error.downcast_ref::<p3::bindings::http::types::ErrorCode>() {
            return Self::Code {
                component,
                code: code_name(code),
            };
        }
        if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
            return Self::Trap {
                component,
                message: format!("it exited with code {code}"),
            };
        }
        Self::Trap {
            component,
            message: error.root_cause().to_string(),
        }
    }
}

/// The variant's name; its payload may hold data of the guest.
fn code_name(code: &impl std::fmt::Debug) -> String {
    let text = format!("{code:?}");
    let text = text.strip_prefix("ErrorCode::").unwrap_or(&text);
    text.split(['(', '{', ' '])
        .next()
        .unwrap_or_default()
        .to_owned()
}

impl From<Fault> for HandleError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::OutOfMemory { .. } => Self::OutOfMemory,
            Fault::Trap { .. } => Self::Trap(fault.to_string()),
            Fault::Code { code, .. } => Self::Guest(code),
            Fault::NoResponse { .. } => Self::NoResponse,
            Fault::Exhausted { waited } => Self::HostOverloaded {
                retry_after: retry_after(waited),
            },
            Fault::Timeout { .. } => Self::Timeout,
            Fault::Host { .. } => Self::Host(fault.to_string()),
        }
    }
}

/// Whoever was refused after waiting so long may come back after as long again.
pub(super) fn retry_after(waited: Duration) -> Duration {
    waited.max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(error: impl Into<wasmtime::Error>) -> Fault {
        let breach = LimitBreach::default();
        Fault::classify(
            Suspect {
                component: "a",
                memory_limit: 9,
                breach: &breach,
            },
            &error.into(),
        )
    }

    #[test]
    fn causes_are_found_below_their_context() {
        let trap = wasmtime::Error::from(wasmtime::Trap::UnreachableCodeReached).context("outer");
        assert!(classify(trap).to_string().contains("unreachable"));
        let fault = Fault::OutOfMemory {
            component: "callee".to_owned(),
            limit: 5,
        };
        assert_eq!(
            classify(wasmtime::Error::from(fault.clone()).context("outer")),
            fault
        );
        let code = p2::bindings::http::types::ErrorCode::InternalError(Some("secret".to_owned()));
        assert_eq!(
            classify(wasmtime::Error::from(code)),
            Fault::Code {
                component: "a".to_owned(),
                code: "InternalError".to_owned()
            }
        );
    }
}
