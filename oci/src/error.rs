//! What can go wrong with an image, told apart so that the one who reads it knows whom to ask.

use std::fmt;

use crate::reference::Reference;

/// What an operation was about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Pull,
    Push,
    Resolve,
}

/// The cause of a failed pull or push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// 401 or 403: no credentials, wrong ones, or ones without the right.
    Unauthorized,
    /// 404: no such repository, tag or digest.
    NotFound,
    /// The TLS handshake failed: unknown authority, wrong name, expired.
    Tls,
    /// The registry's name does not resolve.
    Dns,
    /// No connection to the registry.
    Connect,
    /// The registry did not answer in time.
    Timeout,
    /// What arrived, or what is stored, is not what its digest says.
    DigestMismatch,
    /// The image is something else than a component.
    UnsupportedMediaType,
    /// The image is larger than allowed.
    TooLarge,
    /// The bytes of a supported layer are no component.
    NotAComponent,
    /// The pull policy forbids the network and the store has no such image.
    NotPresent,
    /// Too many requests (429).
    RateLimited,
    /// The registry failed or broke the protocol.
    Registry,
    /// The local store failed.
    Store,
    /// The configured credentials could not be read.
    Credentials,
    /// A push needs a tag.
    NoTag,
}

impl ErrorKind {
    /// A stable word for logs, metrics and reasons.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::NotFound => "NotFound",
            Self::Tls => "Tls",
            Self::Dns => "Dns",
            Self::Connect => "Connect",
            Self::Timeout => "Timeout",
            Self::DigestMismatch => "DigestMismatch",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::TooLarge => "TooLarge",
            Self::NotAComponent => "NotAComponent",
            Self::NotPresent => "NotPresent",
            Self::RateLimited => "RateLimited",
            Self::Registry => "Registry",
            Self::Store => "Store",
            Self::Credentials => "Credentials",
            Self::NoTag => "NoTag",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Unauthorized => "the registry refuses access",
            Self::NotFound => "the registry has no such image",
            Self::Tls => "the TLS handshake failed",
            Self::Dns => "the registry's name does not resolve",
            Self::Connect => "cannot connect to the registry",
            Self::Timeout => "the registry did not answer in time",
            Self::DigestMismatch => "the content does not match its digest",
            Self::UnsupportedMediaType => "the image is not a WebAssembly component",
            Self::TooLarge => "the image is too large",
            Self::NotAComponent => "the image holds no valid component",
            Self::NotPresent => "the image is not in the local store",
            Self::RateLimited => "the registry limits the rate of requests",
            Self::Registry => "the registry answered with an error",
            Self::Store => "the local image store failed",
            Self::Credentials => "the registry's credentials cannot be read",
            Self::NoTag => "it names a digest, and a push needs a tag",
        }
    }
}

/// A failed pull or push. Its text names the image, the kind of fault and the detail, and no secret.
#[derive(Debug, Clone)]
pub struct ImageError {
    operation: Operation,
    reference: Reference,
    kind: ErrorKind,
    detail: String,
    transient: bool,
}

/// The error of a pull.
pub type PullError = ImageError;

impl ImageError {
    pub(crate) fn new(operation: Operation, reference: &Reference, fault: Fault) -> Self {
        Self {
            operation,
            reference: reference.clone(),
            kind: fault.kind,
            detail: fault.detail,
            transient: fault.transient,
        }
    }

    /// Whether the same request may succeed in a moment. It was tried several times already.
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// The cause.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The image in question.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// What exactly happened; empty when the kind says it all.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.operation {
            Operation::Pull => "pull",
            Operation::Push => "push",
            Operation::Resolve => "resolve",
        };
        write!(
            f,
            "cannot {verb} {}: {}",
            self.reference,
            self.kind.sentence()
        )?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.detail)
        }
    }
}

impl std::error::Error for ImageError {}

/// A fault that does not yet know which image it befell.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub kind: ErrorKind,
    pub detail: String,
    pub transient: bool,
}

impl Fault {
    /// A fault that stays until somebody changes something.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            transient: false,
        }
    }

    /// A fault that may be gone at the next try.
    pub fn transient(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            transient: true,
            ..Self::new(kind, detail)
        }
    }
}
