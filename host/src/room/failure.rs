//! Failures of a start, as reasons of the platform's list.

use protocol::Reason;

use crate::{
    engine::CompileError,
    http::RouteError,
    workload::{PrepareError, RoutesError, StartError, resolve::ResolveError},
};

/// Why a workload cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    /// For people; names the field or the component.
    pub(super) message: String,
}

/// The reason of a failed start.
pub(super) fn reason(error: &StartError) -> Reason {
    match error {
        StartError::Compile { source, .. } => match source {
            CompileError::Invalid(_) | CompileError::Deadline(_) | CompileError::Killed(_) => {
                Reason::InvalidComponent
            }
            _ => Reason::Internal,
        },
        StartError::Prepare(error) => prepare(error),
        StartError::Routes(error) => routes(error),
        StartError::NoRun => Reason::InvalidComponent,
        StartError::DuplicateName(_) => Reason::InvalidSpec,
    }
}

fn prepare(error: &PrepareError) -> Reason {
    match error {
        PrepareError::Shape(_) | PrepareError::Instantiate { .. } => Reason::InvalidComponent,
        PrepareError::Resolve(error) => match error {
            ResolveError::Missing { .. } | ResolveError::NotOffered(_) => Reason::MissingInterface,
            ResolveError::Ambiguous { .. } => Reason::AmbiguousExport,
            ResolveError::Cycle { .. } => Reason::LinkCycle,
        },
        PrepareError::Link(_) => Reason::UnsupportedLink,
        PrepareError::Volume(_) => Reason::VolumeUnavailable,
        PrepareError::Bind { .. } => Reason::PluginFailed,
        PrepareError::TooLarge { .. } => Reason::HostOverloaded,
    }
}

fn routes(error: &RoutesError) -> Reason {
    match error {
        RoutesError::Refused(error) => match error {
            RouteError::HostnameTaken { .. } => Reason::HostnameTaken,
            RouteError::PortTaken { .. } => Reason::PortTaken,
            RouteError::PortNotAllowed { .. } => Reason::PortNotAllowed,
            RouteError::HostnameInvalid { .. } | RouteError::Unroutable(_) => Reason::InvalidSpec,
        },
        RoutesError::NoHandler => Reason::InvalidComponent,
        RoutesError::Nowhere | RoutesError::Address(_) | RoutesError::TwoAddresses(..) => {
            Reason::InvalidSpec
        }
    }
}
