//! Which kind of fault an error of the registry client is.

use std::error::Error;
use std::io;

use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};

use crate::error::{ErrorKind, Fault};

/// Longest excerpt of what a registry said.
const MAX_DETAIL: usize = 300;

/// A fault, and whether it is how a server looks that does not speak TLS.
pub(super) struct Classified {
    pub fault: Fault,
    pub not_tls: bool,
}

pub(super) fn classify(error: &OciDistributionError) -> Classified {
    // These two show their source's source as their own, which would hide the source itself.
    let chain = match error {
        OciDistributionError::IoError(inner) => Chain::of(inner),
        OciDistributionError::RequestError(inner) => Chain::of(inner),
        other => Chain::of(other),
    };
    Classified {
        fault: fault(error, &chain),
        not_tls: chain.not_tls,
    }
}

fn fault(error: &OciDistributionError, chain: &Chain) -> Fault {
    use ErrorKind as K;
    match error {
        // The URL is the only detail these have, and the reference is in the message anyway.
        OciDistributionError::UnauthorizedError { .. } => {
            Fault::new(K::Unauthorized, "it wants other credentials (401)")
        }
        OciDistributionError::AuthenticationFailure(said) => {
            Fault::new(K::Unauthorized, excerpt(said))
        }
        OciDistributionError::ImageManifestNotFoundError(said) => {
            Fault::new(K::NotFound, excerpt(said))
        }
        OciDistributionError::RegistryError { envelope, .. } => {
            let said: Vec<&str> = envelope
                .errors
                .iter()
                .map(|error| error.message.as_str())
                .filter(|text| !text.is_empty())
                .collect();
            let said = excerpt(&said.join("; "));
            match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => {
                    Fault::new(K::Unauthorized, said)
                }
                Some(
                    OciErrorCode::ManifestUnknown
                    | OciErrorCode::ManifestBlobUnknown
                    | OciErrorCode::BlobUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound,
                ) => Fault::new(K::NotFound, said),
                Some(OciErrorCode::Toomanyrequests) => Fault::transient(K::RateLimited, said),
                _ => Fault::new(K::Registry, said),
            }
        }
        OciDistributionError::ServerError { code, message, .. } => status(*code, message),
        OciDistributionError::DigestError(_) => Fault::new(K::DigestMismatch, chain.text.clone()),
        OciDistributionError::UnsupportedMediaTypeError(media_type) => {
            Fault::new(K::UnsupportedMediaType, excerpt(media_type))
        }
        OciDistributionError::RequestError(request) => {
            if let Some(code) = request.status() {
                status(code.as_u16(), "")
            } else if chain.tls {
                Fault::new(K::Tls, chain.text.clone())
            } else if request.is_dns() {
                Fault::transient(K::Dns, chain.text.clone())
            } else if request.is_timeout() {
                Fault::transient(K::Timeout, chain.text.clone())
            } else if request.is_builder() {
                Fault::new(
                    K::Tls,
                    format!("the client cannot be set up: {}", chain.text),
                )
            } else {
                Fault::transient(K::Connect, chain.text.clone())
            }
        }
        // While a body is read every fault is wrapped into an IO error.
        OciDistributionError::IoError(_) if chain.digest => {
            Fault::new(K::DigestMismatch, chain.text.clone())
        }
        OciDistributionError::IoError(_) if chain.timed_out => {
            Fault::transient(K::Timeout, chain.text.clone())
        }
        OciDistributionError::IoError(_) => Fault::transient(
            K::Connect,
            format!("the connection was lost: {}", chain.text),
        ),
        _ => Fault::new(K::Registry, chain.text.clone()),
    }
}

fn status(code: u16, said: &str) -> Fault {
    let said = excerpt(said);
    let detail = if said.is_empty() {
        format!("status {code}")
    } else {
        format!("status {code}: {said}")
    };
    match code {
        401 | 403 => Fault::new(ErrorKind::Unauthorized, detail),
        404 => Fault::new(ErrorKind::NotFound, detail),
        408 | 504 => Fault::transient(ErrorKind::Timeout, detail),
        429 => Fault::transient(ErrorKind::RateLimited, detail),
        500.. => Fault::transient(ErrorKind::Registry, detail),
        _ => Fault::new(ErrorKind::Registry, detail),
    }
}

/// What the sources of an error tell.
#[derive(Default)]
struct Chain {
    text: String,
    tls: bool,
    not_tls: bool,
    digest: bool,
    timed_out: bool,
}

impl Chain {
    fn of(error: &(dyn Error + 'static)) -> Self {
        let mut chain = Self::default();
        let mut said: Vec<String> = Vec::new();
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = next {
            chain.look_at(error);
            let text = error.to_string();
            if !said.iter().any(|earlier| earlier.contains(&text)) {
                said.push(text);
            }
            // An IO error that wraps another gives that one's source as its own.
            let wrapped = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            next = match wrapped {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        chain.text = excerpt(&said.join(": "));
        chain
    }

    fn look_at(&mut self, error: &(dyn Error + 'static)) {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            self.tls = true;
            self.not_tls |= matches!(tls, rustls::Error::InvalidMessage(_));
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            self.timed_out |= io.kind() == io::ErrorKind::TimedOut;
            // A server that hangs up on a TLS greeting.
            self.not_tls |= matches!(
                io.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
            );
        }
        self.digest |= error.is::<DigestError>();
        self.timed_out |= error.to_string().contains("timed out");
    }
}

/// One short line. What follows a question mark in a URL may be a signature and is left out.
fn excerpt(text: &str) -> String {
    let mut out = String::new();
    let mut in_query = false;
    for c in text.chars() {
        match c {
            c if c.is_whitespace() || c.is_control() => {
                in_query = false;
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
            '?' => in_query = true,
            ')' | '"' => {
                in_query = false;
                out.push(c);
            }
            _ if in_query => {}
            c => out.push(c),
        }
        if out.len() >= MAX_DETAIL {
            out.push('…');
            break;
        }
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_told_apart() {
        for (code, kind, transient) in [
            (401, ErrorKind::Unauthorized, false),
            (403, ErrorKind::Unauthorized, false),
            (404, ErrorKind::NotFound, false),
            (429, ErrorKind::RateLimited, true),
            (503, ErrorKind::Registry, true),
            (400, ErrorKind::Registry, false),
        ] {
            let error = OciDistributionError::ServerError {
                code,
                url: "https://r/".into(),
                message: "no\nway".into(),
            };
            let fault = classify(&error).fault;
            assert_eq!((fault.kind, fault.transient), (kind, transient), "{code}");
            assert_eq!(fault.detail, format!("status {code}: no way"));
        }
    }

    #[test]
    fn what_io_errors_wrap_is_found() {
        let digest = DigestError::VerificationError {
            expected: "a".into(),
            actual: "b".into(),
        };
        let fault = classify(&OciDistributionError::IoError(io::Error::other(digest))).fault;
        assert_eq!(fault.kind, ErrorKind::DigestMismatch);
        let alert = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert!(classify(&OciDistributionError::IoError(io::Error::other(alert))).not_tls);
    }

    #[test]
    fn details_are_short_and_hold_no_signature() {
        assert_eq!(
            excerpt("for url (https://s3/x?sig=abc&t=1) and\n more"),
            "for url (https://s3/x) and more"
        );
        assert!(excerpt(&"x".repeat(10_000)).len() < MAX_DETAIL + 8);
    }
}
