//! `artifact://` images of a template become the images that the Artifacts stand for.

use crd_types::names::ARTIFACT_SCHEME;
use crd_types::{Artifact, LocalRef, WorkloadDeploymentSpec, WorkloadTemplate, condition};
use thiserror::Error;

/// Why a template cannot be resolved yet.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ArtifactError {
    /// The image names an alias that `spec.artifacts` does not have.
    #[error("image artifact://{0} names no entry of spec.artifacts")]
    UnknownAlias(String),
    /// The Artifact does not exist.
    #[error("Artifact {0} does not exist")]
    NotFound(String),
    /// The Artifact exists and has no image yet.
    #[error("Artifact {0} is not published yet")]
    NotPublished(String),
}

/// What is known of an Artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// Not found.
    Missing,
    /// Found, not published.
    Pending,
    /// The image it stands for.
    As(Image),
}

/// The image that an Artifact stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its reference.
    pub url: String,
    /// Secret for its registry, where the template names none of its own.
    pub pull_secret: Option<LocalRef>,
}

/// How much of what is known of an Artifact goes into a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Its image, as the reference resolves it.
    Image,
    /// Its image and its pull secret.
    WithSecret,
    /// Its image pinned to the digest, where that is known, and its pull secret.
    Pinned,
}

impl Detail {
    /// The best first.
    pub const ALL: [Self; 3] = [Self::Pinned, Self::WithSecret, Self::Image];
}

impl Published {
    /// What the Artifact's status says.
    pub fn by(artifact: &Artifact, detail: Detail) -> Self {
        let status = artifact.status.as_ref();
        let published = status.filter(|s| condition::is_true(&s.conditions, "Published"));
        let Some((status, url)) = published.and_then(|s| Some((s, s.artifact_url.clone()?))) else {
            return Self::Pending;
        };
        let image = &artifact.spec.image;
        let pinned = match &status.digest {
            Some(digest) if detail == Detail::Pinned && url == *image => pinned(image, digest),
            _ => None,
        };
        let pull_secret = artifact.spec.image_pull_secret.clone();
        Self::As(Image {
            url: pinned.unwrap_or(url),
            pull_secret: pull_secret.filter(|_| detail != Detail::Image),
        })
    }
}

fn pinned(image: &str, digest: &str) -> Option<String> {
    let reference: oci::Reference = image.parse().ok()?;
    Some(reference.pinned(digest.parse().ok()?).to_string())
}

/// The Deployment's template with `kubernetes` taken over from its spec and every alias resolved.
pub fn resolve(
    spec: &WorkloadDeploymentSpec,
    published: impl Fn(&str) -> Published,
) -> Result<WorkloadTemplate, ArtifactError> {
    let mut template = spec.template.clone();
    if spec.kubernetes.is_some() {
        template.spec.kubernetes.clone_from(&spec.kubernetes);
    }
    let of_components = template
        .spec
        .components
        .iter_mut()
        .map(|c| (&mut c.image, &mut c.image_pull_secret));
    let of_service = template
        .spec
        .service
        .as_mut()
        .map(|s| (&mut s.image, &mut s.image_pull_secret));
    for (image, pull_secret) in of_components.chain(of_service) {
        let Some(alias) = image.strip_prefix(ARTIFACT_SCHEME) else {
            continue;
        };
        let Some(entry) = spec.artifacts.iter().find(|a| a.name == alias) else {
            return Err(ArtifactError::UnknownAlias(alias.to_owned()));
        };
        let name = &entry.artifact_from.name;
        match published(name) {
            Published::As(found) => {
                *image = found.url;
                if pull_secret.is_none() {
                    *pull_secret = found.pull_secret;
                }
            }
            Published::Missing => return Err(ArtifactError::NotFound(name.clone())),
            Published::Pending => return Err(ArtifactError::NotPublished(name.clone())),
        }
    }
    Ok(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> WorkloadDeploymentSpec {
        serde_json::from_value(serde_json::json!({
            "template": {"spec": {"components": [
                {"name": "a", "image": "artifact://web"}, {"name": "b", "image": "registry.example/b:1"}
            ]}},
            "artifacts": [{"name": "web", "artifactFrom": {"name": "shop"}}],
            "kubernetes": {"service": {"name": "svc"}},
        }))
        .unwrap()
    }

    #[test]
    fn aliases_become_images() {
        let template = resolve(&spec(), |name| {
            assert_eq!(name, "shop");
            Published::As(Image {
                url: "registry.example/shop:2".into(),
                pull_secret: Some(LocalRef { name: "key".into() }),
            })
        })
        .unwrap();
        assert_eq!(template.spec.components[0].image, "registry.example/shop:2");
        let secret = template.spec.components[0].image_pull_secret.as_ref();
        assert_eq!(secret.unwrap().name, "key");
        assert_eq!(template.spec.components[1].image, "registry.example/b:1");
        assert_eq!(template.spec.components[1].image_pull_secret, None);
        assert_eq!(
            template.spec.kubernetes.unwrap().service.unwrap().name,
            "svc"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            resolve(&spec(), |_| Published::Missing),
            Err(ArtifactError::NotFound("shop".into()))
        );
        assert_eq!(
            resolve(&spec(), |_| Published::Pending),
            Err(ArtifactError::NotPublished("shop".into()))
        );
        let mut unknown = spec();
        unknown.artifacts.clear();
        assert_eq!(
            resolve(&unknown, |_| Published::Missing),
            Err(ArtifactError::UnknownAlias("web".into()))
        );
    }

    #[test]
    fn a_known_digest_pins_what_is_published_by_its_tag() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let artifact: Artifact = serde_json::from_value(serde_json::json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "Artifact",
            "metadata": {"name": "a"},
            "spec": {"image": "registry.example/a:1", "imagePullSecret": {"name": "key"}},
            "status": {"artifactUrl": "registry.example/a:1", "digest": digest,
                "conditions": [{"type": "Published", "status": "True"}]},
        }))
        .unwrap();
        let url = |detail| match Published::by(&artifact, detail) {
            Published::As(image) => (image.url, image.pull_secret.is_some()),
            other => panic!("{other:?}"),
        };
        let tag = "registry.example/a:1".to_owned();
        assert_eq!(url(Detail::Image), (tag.clone(), false));
        assert_eq!(url(Detail::WithSecret), (tag, true));
        assert_eq!(
            url(Detail::Pinned),
            (format!("registry.example/a@{digest}"), true)
        );
        let mut fresh = artifact.clone();
        fresh.status = None;
        assert_eq!(Published::by(&fresh, Detail::Pinned), Published::Pending);
    }
}
