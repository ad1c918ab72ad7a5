//! From a tag to the digest it has now, without fetching the image.

use super::registry::Registries;
use super::{CaFileError, ImagesOptions, credentials_for, in_time};
use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::error::{ImageError, Operation};
use crate::reference::Reference;

/// Asks registries which digest a reference has. Stores nothing.
#[derive(Debug)]
pub struct Resolver {
    options: ImagesOptions,
    registries: Registries,
}

impl Resolver {
    /// Reads the certificate authorities; touches no network.
    pub fn new(options: ImagesOptions) -> Result<Self, CaFileError> {
        let registries = Registries::new(&options)?;
        Ok(Self {
            options,
            registries,
        })
    }

    /// The digest of what the reference names now. A reference with a digest names that, and nobody is asked.
    ///
    /// Faults that may pass are tried again with growing pauses, within the options' total timeout.
    pub async fn digest(
        &self,
        reference: &Reference,
        credentials: Option<&Credentials>,
    ) -> Result<Digest, ImageError> {
        if let Some(digest) = reference.digest() {
            return Ok(digest);
        }
        let asked = in_time(&self.options, async {
            let credentials = credentials_for(&self.options, reference, credentials).await?;
            let access = self.registries.access(reference, credentials.as_ref());
            access.manifest(reference).await
        })
        .await;
        match asked {
            Ok(manifest) => Ok(Digest::of(&manifest)),
            Err(fault) => Err(ImageError::new(Operation::Resolve, reference, fault)),
        }
    }
}
