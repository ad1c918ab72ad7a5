//! Asks the registry which digest the Artifact's image has.

use crate::controllers::Context;
use crate::controllers::pull_secrets::{Logins, Unusable};
use crate::error::ReconcileError;
use crd_types::Artifact;
use kube::ResourceExt;
use oci::{Credentials, ErrorKind, ImageError, Reference};
use protocol::Reason;

/// What an image turned out to be.
pub(super) struct Found {
    /// Its digest.
    pub digest: String,
    /// The image, pinned to it.
    pub pinned: String,
}

/// Why it is not known.
#[derive(Debug)]
pub(super) struct Problem {
    pub reason: Reason,
    pub message: String,
}

pub(super) async fn look(
    context: &Context,
    artifact: &Artifact,
) -> Result<Result<Found, Problem>, ReconcileError> {
    let image = &artifact.spec.image;
    let reference: Reference = match image.parse() {
        Ok(reference) => reference,
        Err(error) => {
            let message = format!("spec.image: {error}");
            return Ok(Err(Problem {
                reason: Reason::InvalidSpec,
                message,
            }));
        }
    };
    let credentials = match credentials(context, artifact).await? {
        Ok(credentials) => credentials,
        Err(problem) => return Ok(Err(problem)),
    };
    let asked = context
        .registries
        .resolver
        .digest(&reference, credentials.as_ref())
        .await;
    Ok(match asked {
        Ok(digest) => Ok(Found {
            digest: digest.to_string(),
            pinned: reference.pinned(digest).to_string(),
        }),
        Err(error) => Err(Problem {
            reason: reason(&error),
            message: error.to_string(),
        }),
    })
}

/// The login for the image, as for that of a Workload; nothing when there is none.
async fn credentials(
    context: &Context,
    artifact: &Artifact,
) -> Result<Result<Option<Credentials>, Problem>, ReconcileError> {
    let mut logins = Logins::of(context, &artifact.namespace().unwrap_or_default());
    let named = artifact.spec.image_pull_secret.as_ref();
    let named = named.map(|secret| secret.name.as_str());
    let found = logins.login(&artifact.spec.image, named).await?;
    Ok(match found {
        Ok(login) => Ok(login.map(|l| match l.registry_token {
            Some(token) => Credentials::bearer(token),
            None => Credentials::basic(l.username, l.password),
        })),
        Err(Unusable { reason, message }) => Err(Problem { reason, message }),
    })
}

fn reason(error: &ImageError) -> Reason {
    match error.kind() {
        ErrorKind::Unauthorized | ErrorKind::Credentials => Reason::UnauthorizedRegistry,
        ErrorKind::NotFound => Reason::ImageNotFound,
        ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Timeout => Reason::RegistryUnreachable,
        _ => Reason::ImagePullFailed,
    }
}
