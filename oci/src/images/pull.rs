//! From a reference to bytes that are verified and stay.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;

use super::{Inner, PulledImage};
use crate::artifact::{self, Blob, Parsed};
use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::error::{ErrorKind, Fault};
use crate::inspect;
use crate::policy::PullPolicy;
use crate::reference::Reference;
use crate::store::{ImageBlobs, Lease, StoreError, StoredImage};

/// A config describes an image; one larger than this is something else.
const MAX_CONFIG: u64 = 4 * 1024 * 1024;

impl Inner {
    pub(super) async fn pull(
        self: Arc<Self>,
        reference: &Reference,
        policy: PullPolicy,
        credentials: Option<&Credentials>,
    ) -> Result<PulledImage, Fault> {
        if policy != PullPolicy::Always {
            match self.stored(reference).await {
                Ok(Some(image)) => return Ok(pulled(image, false)),
                Ok(None) if policy == PullPolicy::Never => {
                    return Err(Fault::new(
                        ErrorKind::NotPresent,
                        format!("the pull policy is Never; fetch it with `wash pull {reference}`"),
                    ));
                }
                Ok(None) => {}
                Err(error) if policy == PullPolicy::Never && error.is_damage() => {
                    return Err(Fault::new(
                        ErrorKind::DigestMismatch,
                        format!(
                            "{error}; the pull policy is Never; fetch it again with `wash pull {reference}`"
                        ),
                    ));
                }
                Err(error) if policy == PullPolicy::Never => return Err(store_fault(&error)),
                Err(error) => {
                    tracing::warn!(%reference, %error, "the stored image cannot be used and is fetched again");
                }
            }
        }
        let key = (reference.clone(), Credentials::fingerprint(credentials));
        let (inner, reference, credentials) =
            (Arc::clone(&self), reference.clone(), credentials.cloned());
        let flight = self.pulls.join(key, move || {
            async move {
                let fetched = Arc::clone(&inner).fetch(&reference, credentials.as_ref());
                inner.in_time(fetched).await
            }
            .boxed()
        });
        flight.await
    }

    async fn stored(&self, reference: &Reference) -> Result<Option<StoredImage>, StoreError> {
        let (store, reference) = (self.store.clone(), reference.clone());
        blocking(move || store.get(&reference)).await?
    }

    async fn fetch(
        self: Arc<Self>,
        reference: &Reference,
        credentials: Option<&Credentials>,
    ) -> Result<PulledImage, Fault> {
        let credentials = self.credentials_for(reference, credentials).await?;
        let access = self.registries.access(reference, credentials.as_ref());
        let top = access.manifest(reference).await?;
        let mut documents = vec![top.clone()];
        let (config, layer) = match artifact::parse_manifest(&top)? {
            Parsed::Image { config, layer } => (config, layer),
            Parsed::Index { image } => {
                let manifest = access.manifest(&reference.pinned(image)).await?;
                documents.push(manifest.clone());
                match artifact::parse_manifest(&manifest)? {
                    Parsed::Image { config, layer } => (config, layer),
                    Parsed::Index { .. } => {
                        return Err(Fault::new(
                            ErrorKind::UnsupportedMediaType,
                            "it is a list of lists",
                        ));
                    }
                }
            }
        };
        if let Some(config) = config {
            documents.push(self.config(&access, config).await?);
        }
        let bytes = self.layer(reference, credentials.as_ref(), layer).await?;
        if !matches!(inspect::kind_of(&bytes), Ok(inspect::Kind::Component)) {
            let problem = inspect::kind_of(&bytes)
                .err()
                .unwrap_or(inspect::InspectError::CoreModule);
            return Err(Fault::new(ErrorKind::NotAComponent, problem.to_string()));
        }
        let image = ImageBlobs {
            digest: Digest::of(&top),
            media_type: media_type(&top),
            documents,
            layer: bytes,
            layer_digest: layer.digest,
        };
        Ok(pulled(self.keep(reference, image).await, true))
    }

    async fn config(
        &self,
        access: &super::registry::Access<'_>,
        config: Blob,
    ) -> Result<Bytes, Fault> {
        if config.size > MAX_CONFIG {
            return Err(Fault::new(
                ErrorKind::TooLarge,
                format!("its config has {} bytes", config.size),
            ));
        }
        match self.present(config.digest).await? {
            Some(bytes) => Ok(bytes),
            None => access.blob(config).await,
        }
    }

    /// The component: from the store, else from whoever is downloading it already, else downloaded.
    async fn layer(
        self: &Arc<Self>,
        reference: &Reference,
        credentials: Option<&Credentials>,
        layer: Blob,
    ) -> Result<Bytes, Fault> {
        let limit = self.options.max_component_bytes;
        if layer.size > limit {
            let detail = format!(
                "the component has {} bytes, the limit is {limit}",
                layer.size
            );
            return Err(Fault::new(ErrorKind::TooLarge, detail));
        }
        // Whoever waits here has been shown a manifest with this digest, so sharing gives nobody what they may not have.
        let (inner, reference, credentials) =
            (Arc::clone(self), reference.clone(), credentials.cloned());
        let flight = self.layers.join(layer.digest, move || {
            async move {
                inner
                    .download(&reference, credentials.as_ref(), layer)
                    .await
            }
            .boxed()
        });
        flight.await
    }

    /// Once a download is over its bytes are in the store, so whoever comes a moment later finds them there.
    async fn download(
        &self,
        reference: &Reference,
        credentials: Option<&Credentials>,
        layer: Blob,
    ) -> Result<Bytes, Fault> {
        if let Some(bytes) = self.present(layer.digest).await? {
            return Ok(bytes);
        }
        let bytes = self
            .registries
            .access(reference, credentials)
            .blob(layer)
            .await?;
        let (store, copy) = (self.store.clone(), bytes.clone());
        let kept = blocking(move || store.put_blob(layer.digest, &copy))
            .await
            .and_then(|kept| kept);
        if let Err(error) = kept {
            tracing::debug!(digest = %layer.digest, %error, "a downloaded layer cannot be stored");
        }
        Ok(bytes)
    }

    async fn present(&self, digest: Digest) -> Result<Option<Bytes>, Fault> {
        let store = self.store.clone();
        blocking(move || store.blob(digest))
            .await
            .map_err(|error| store_fault(&error))
    }

    /// Stores what was fetched. A store that cannot be written is a warning: the image runs without it.
    async fn keep(&self, reference: &Reference, image: ImageBlobs) -> StoredImage {
        let (store, name, copy) = (self.store.clone(), reference.clone(), image.clone());
        let kept = blocking(move || store.put(&name, image))
            .await
            .and_then(|kept| kept);
        kept.unwrap_or_else(|error| {
            tracing::warn!(%reference, %error, "the image was fetched and cannot be stored");
            let lease = Lease::unprotected(copy.digest);
            StoredImage {
                digest: copy.digest,
                layer_digest: copy.layer_digest,
                bytes: copy.layer,
                lease,
            }
        })
    }
}

fn pulled(image: StoredImage, used_network: bool) -> PulledImage {
    let StoredImage {
        digest,
        layer_digest,
        bytes,
        lease,
    } = image;
    PulledImage {
        digest,
        layer_digest,
        bytes,
        lease,
        used_network,
    }
}

/// The media type a manifest gives itself, else the one its shape has.
fn media_type(manifest: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(manifest).unwrap_or_default();
    match value.get("mediaType").and_then(serde_json::Value::as_str) {
        Some(media_type) => media_type.to_owned(),
        None if value.get("manifests").is_some() => {
            oci_client::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned()
        }
        None => oci_client::manifest::OCI_IMAGE_MEDIA_TYPE.to_owned(),
    }
}

fn store_fault(error: &StoreError) -> Fault {
    Fault::new(ErrorKind::Store, error.to_string())
}

/// Hashing and disks do not belong on the threads that serve the network.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Unusable(error.to_string()))
}
