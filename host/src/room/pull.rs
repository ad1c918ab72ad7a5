//! The images of a workload, all at once.

use futures::future::try_join_all;
use oci::{Credentials, ErrorKind, ImageError, Images, Lease, PullPolicy, PulledImage, Reference};
use protocol::{Reason, ext::ImageDigest};

use super::{failure::Refusal, spec::Plan};
use crate::workload::WorkloadImages;

/// An image and how to get it.
pub(super) struct Wanted {
    /// Name of the component; empty for the service.
    pub(super) name: String,
    pub(super) reference: Reference,
    pub(super) policy: PullPolicy,
    pub(super) credentials: Option<Credentials>,
}

/// What the components run.
pub(super) struct Pulled {
    pub(super) images: WorkloadImages,
    pub(super) digests: Vec<ImageDigest>,
    /// Keep the images in the store while the workload lives.
    pub(super) leases: Vec<Lease>,
}

pub(super) async fn all(images: &Images, plan: &Plan) -> Result<Pulled, Refusal> {
    let pulls = plan.images.iter().map(|wanted| async {
        let pulled = images
            .pull(
                &wanted.reference,
                wanted.policy,
                wanted.credentials.as_ref(),
            )
            .await
            .map_err(|error| refusal(&error))?;
        Ok::<(&Wanted, PulledImage), Refusal>((wanted, pulled))
    });
    let mut pulled = Pulled {
        images: WorkloadImages::default(),
        digests: Vec::new(),
        leases: Vec::new(),
    };
    for (wanted, image) in try_join_all(pulls).await? {
        pulled.digests.push(ImageDigest {
            name: wanted.name.clone(),
            reference: wanted.reference.to_string(),
            digest: image.digest.to_string(),
        });
        pulled.leases.push(image.lease);
        if wanted.name.is_empty() {
            pulled.images.service = Some(image.bytes);
        } else {
            pulled.images.components.push(image.bytes);
        }
    }
    Ok(pulled)
}

fn refusal(error: &ImageError) -> Refusal {
    let reason = match error.kind() {
        ErrorKind::Unauthorized | ErrorKind::Credentials => Reason::UnauthorizedRegistry,
        ErrorKind::NotFound => Reason::ImageNotFound,
        ErrorKind::NotPresent => Reason::ImageNotPresent,
        ErrorKind::Tls | ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Timeout => {
            Reason::RegistryUnreachable
        }
        ErrorKind::UnsupportedMediaType | ErrorKind::NotAComponent => Reason::InvalidComponent,
        ErrorKind::DigestMismatch
        | ErrorKind::TooLarge
        | ErrorKind::RateLimited
        | ErrorKind::Registry
        | ErrorKind::Store
        | ErrorKind::NoTag => Reason::ImagePullFailed,
    };
    Refusal {
        reason,
        message: error.to_string(),
    }
}
