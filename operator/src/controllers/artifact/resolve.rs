//! Asks the registry which digest the Artifact's image has.

use crate::controllers::Context;
use crate::core::pull_secret::Keyring;
use crate::error::{Attempt, ReconcileError};
use crd_types::Artifact;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
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

/// What the pull secret has for the image; nothing when it has nothing.
async fn credentials(
    context: &Context,
    artifact: &Artifact,
) -> Result<Result<Option<Credentials>, Problem>, ReconcileError> {
    let Some(named) = &artifact.spec.image_pull_secret else {
        return Ok(Ok(None));
    };
    let secrets: Api<Secret> =
        Api::namespaced(context.client(), &artifact.namespace().unwrap_or_default());
    let name = &named.name;
    let Some(secret) = secrets
        .get_opt(name)
        .await
        .attempt("reading a pull secret")?
    else {
        let message = format!("Secret {name}, named by imagePullSecret, does not exist");
        return Ok(Err(Problem {
            reason: Reason::ConfigNotFound,
            message,
        }));
    };
    let mut keyring = Keyring::default();
    let found = keyring
        .add(&secret.data.unwrap_or_default())
        .and_then(|()| keyring.find(&artifact.spec.image));
    Ok(match found {
        Ok(login) => Ok(login.map(|l| match l.registry_token {
            Some(token) => Credentials::bearer(token),
            None => Credentials::basic(l.username, l.password),
        })),
        Err(error) => Err(Problem {
            reason: Reason::ConfigInvalid,
            message: format!("Secret {name}, named by imagePullSecret, {error}"),
        }),
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
