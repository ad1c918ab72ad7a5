//! `artifact://` images of a template become the images that the Artifacts stand for.

use crd_types::names::ARTIFACT_SCHEME;
use crd_types::{WorkloadDeploymentSpec, WorkloadTemplate};
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
    As(String),
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
    let images = template
        .spec
        .components
        .iter_mut()
        .map(|c| &mut c.image)
        .chain(template.spec.service.as_mut().map(|s| &mut s.image));
    for image in images {
        let Some(alias) = image.strip_prefix(ARTIFACT_SCHEME) else {
            continue;
        };
        let Some(entry) = spec.artifacts.iter().find(|a| a.name == alias) else {
            return Err(ArtifactError::UnknownAlias(alias.to_owned()));
        };
        let name = &entry.artifact_from.name;
        match published(name) {
            Published::As(url) => *image = url,
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
            Published::As("registry.example/shop:2".into())
        })
        .unwrap();
        assert_eq!(template.spec.components[0].image, "registry.example/shop:2");
        assert_eq!(template.spec.components[1].image, "registry.example/b:1");
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
}
