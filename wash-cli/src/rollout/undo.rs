//! Back to an earlier template.

use std::collections::BTreeMap;

use crd_types::names::ARTIFACT_SCHEME;
use crd_types::{LocalRef, WorkloadDeploymentSpec, WorkloadTemplate};

/// What an Artifact stands for now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Published {
    /// Its image, pinned or as written.
    pub images: Vec<String>,
    pub pull_secret: Option<LocalRef>,
}

/// The spec that asks for an earlier template, and what to tell of it.
///
/// A ReplicaSet holds images, the Deployment may name Artifacts. An image that its Artifact still stands for stays
/// under the Artifact's name; another can only be asked for itself, and from then on does not follow its Artifact.
pub(super) fn back(
    spec: &WorkloadDeploymentSpec,
    earlier: &WorkloadTemplate,
    published: &BTreeMap<String, Published>,
) -> (WorkloadDeploymentSpec, Vec<String>) {
    let mut next = spec.clone();
    next.template = earlier.clone();
    if spec.kubernetes.is_some() {
        // Routing that the Deployment states outside of the template goes back to where it was stated.
        next.kubernetes.clone_from(&earlier.spec.kubernetes);
        next.template
            .spec
            .kubernetes
            .clone_from(&spec.template.spec.kubernetes);
    }
    let mut notes = Vec::new();
    let now = &spec.template.spec;
    for component in &mut next.template.spec.components {
        let same = now.components.iter().find(|c| c.name == component.name);
        if let Some(alias) = same.and_then(|c| c.image.strip_prefix(ARTIFACT_SCHEME)) {
            follow(
                alias,
                spec,
                published,
                &mut component.image,
                &mut component.image_pull_secret,
                &mut notes,
            );
        }
    }
    let alias = now
        .service
        .as_ref()
        .and_then(|s| s.image.strip_prefix(ARTIFACT_SCHEME));
    if let (Some(alias), Some(service)) = (alias, next.template.spec.service.as_mut()) {
        follow(
            alias,
            spec,
            published,
            &mut service.image,
            &mut service.image_pull_secret,
            &mut notes,
        );
    }
    (next, notes)
}

fn follow(
    alias: &str,
    spec: &WorkloadDeploymentSpec,
    published: &BTreeMap<String, Published>,
    image: &mut String,
    pull_secret: &mut Option<LocalRef>,
    notes: &mut Vec<String>,
) {
    let entry = spec.artifacts.iter().find(|a| a.name == alias);
    let name = entry.map_or(alias, |a| a.artifact_from.name.as_str());
    match published.get(name).filter(|p| p.images.contains(image)) {
        Some(found) => {
            *image = format!("{ARTIFACT_SCHEME}{alias}");
            if *pull_secret == found.pull_secret {
                *pull_secret = None;
            }
        }
        None => notes.push(format!(
            "{image} is asked for by itself now and does not follow Artifact {name}; apply {ARTIFACT_SCHEME}{alias} again to follow it"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(image: &str) -> WorkloadDeploymentSpec {
        serde_json::from_value(json!({
            "template": {"spec": {"components": [{"name": "c", "image": image}]}},
            "artifacts": [{"name": "app", "artifactFrom": {"name": "shop"}}],
        }))
        .unwrap()
    }

    fn shop(images: &[&str]) -> BTreeMap<String, Published> {
        let published = Published {
            images: images.iter().map(ToString::to_string).collect(),
            pull_secret: Some(LocalRef { name: "key".into() }),
        };
        BTreeMap::from([("shop".to_owned(), published)])
    }

    #[test]
    fn an_image_comes_back_by_itself_unless_its_artifact_still_stands_for_it() {
        let now = spec("artifact://app");
        let mut earlier = spec("r.example/shop@sha256:1").template;
        earlier.spec.components[0].image_pull_secret = Some(LocalRef { name: "key".into() });
        let (next, notes) = back(&now, &earlier, &shop(&["r.example/shop@sha256:2"]));
        assert_eq!(next.template, earlier);
        assert!(
            notes[0].contains("does not follow Artifact shop"),
            "{notes:?}"
        );
        let (next, notes) = back(&now, &earlier, &shop(&["r.example/shop@sha256:1"]));
        assert_eq!(next, now);
        assert_eq!(notes, Vec::<String>::new());
    }

    #[test]
    fn routing_goes_back_to_where_it_was_stated() {
        let service =
            |name: &str| serde_json::from_value(json!({"service": {"name": name}})).unwrap();
        let mut now = spec("c:2");
        now.kubernetes = Some(service("new"));
        let mut earlier = spec("c:1").template;
        earlier.spec.kubernetes = Some(service("old"));
        let (next, _) = back(&now, &earlier, &BTreeMap::new());
        assert_eq!(next.kubernetes, Some(service("old")));
        assert_eq!(next.template.spec.kubernetes, None);
        assert_eq!(next.template.spec.components[0].image, "c:1");
    }
}
