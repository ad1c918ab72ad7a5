//! Which of the platform's failure reasons an error is.

use super::{
    link::LinkError, prepare::PrepareError, resolve::ResolveError, routes::RoutesError,
    running::StartError,
};
use crate::{engine::CompileError, http::RouteError};
use oci::{ErrorKind, PullError};
use protocol::Reason;

/// The reason of a failed start.
pub(super) fn of_start(error: &StartError) -> Reason {
    match error {
        StartError::Compile { source, .. } => of_compile(source),
        StartError::Prepare(error) => of_prepare(error),
        StartError::Routes(error) => of_routes(error),
        StartError::NoRun => Reason::InvalidComponent,
        StartError::DuplicateName(_) => Reason::InvalidSpec,
    }
}

fn of_compile(error: &CompileError) -> Reason {
    match error {
        CompileError::Invalid(_) | CompileError::Deadline(_) | CompileError::Killed(_) => {
            Reason::InvalidComponent
        }
        CompileError::Spawn { .. } | CompileError::Unusable(_) => Reason::Internal,
        CompileError::Stopped => Reason::HostDraining,
    }
}

fn of_prepare(error: &PrepareError) -> Reason {
    match error {
        PrepareError::Shape(_) => Reason::InvalidComponent,
        PrepareError::Instantiate { .. } => Reason::MissingInterface,
        PrepareError::Resolve(error) => match error {
            ResolveError::Missing { .. } | ResolveError::NotOffered(_) => Reason::MissingInterface,
            ResolveError::Ambiguous { .. } => Reason::AmbiguousExport,
            ResolveError::Cycle { .. } => Reason::LinkCycle,
        },
        PrepareError::Link(error) => match **error {
            LinkError::Mismatch { .. } => Reason::MissingInterface,
            LinkError::Uncrossable { .. } => Reason::UnsupportedLink,
        },
        PrepareError::Volume(_) => Reason::VolumeUnavailable,
        PrepareError::Bind { .. } => Reason::PluginFailed,
        PrepareError::TooLarge { .. } => Reason::HostOverloaded,
    }
}

fn of_routes(error: &RoutesError) -> Reason {
    match error {
        RoutesError::Nowhere | RoutesError::Address(_) | RoutesError::TwoAddresses(..) => {
            Reason::InvalidSpec
        }
        RoutesError::NoHandler => Reason::MissingInterface,
        RoutesError::Refused(error) => match error {
            RouteError::HostnameTaken { .. } => Reason::HostnameTaken,
            RouteError::HostnameInvalid { .. } | RouteError::Unroutable(_) => Reason::InvalidSpec,
            RouteError::PortTaken { .. } => Reason::PortTaken,
            RouteError::PortNotAllowed { .. } => Reason::PortNotAllowed,
        },
    }
}

/// The reason of a failed pull.
pub(super) fn of_pull(error: &PullError) -> Reason {
    match error.kind() {
        ErrorKind::Unauthorized | ErrorKind::Credentials => Reason::UnauthorizedRegistry,
        ErrorKind::NotFound => Reason::ImageNotFound,
        ErrorKind::NotPresent => Reason::ImageNotPresent,
        ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Timeout => Reason::RegistryUnreachable,
        ErrorKind::UnsupportedMediaType | ErrorKind::NotAComponent => Reason::InvalidComponent,
        _ => Reason::ImagePullFailed,
    }
}
