//! From a component to an image in a registry.

use bytes::Bytes;

use super::Inner;
use crate::artifact::Artifact;
use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::error::{ErrorKind, Fault};
use crate::reference::Reference;

impl Inner {
    pub(super) async fn push(
        &self,
        reference: &Reference,
        component: Bytes,
        credentials: Option<&Credentials>,
    ) -> Result<Digest, Fault> {
        if reference.digest().is_some() {
            return Err(Fault::new(
                ErrorKind::NoTag,
                "the digest follows from the component",
            ));
        }
        let limit = self.options.max_component_bytes;
        if component.len() as u64 > limit {
            let detail = format!(
                "the component has {} bytes, the limit is {limit}",
                component.len()
            );
            return Err(Fault::new(ErrorKind::TooLarge, detail));
        }
        let artifact = tokio::task::spawn_blocking(move || Artifact::of_component(component))
            .await
            .map_err(|error| Fault::new(ErrorKind::NotAComponent, error.to_string()))?
            .map_err(|error| Fault::new(ErrorKind::NotAComponent, error.to_string()))?;
        let credentials = self.credentials_for(reference, credentials).await?;
        self.in_time(
            self.registries
                .access(reference, credentials.as_ref())
                .push(&artifact),
        )
        .await?;
        Ok(artifact.digest)
    }
}
