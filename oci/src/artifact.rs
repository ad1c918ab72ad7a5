//! A component as an OCI artifact, as the CNCF's Wasm working group describes it: one layer `application/wasm`, a
//! config that lists what the component imports and exports, annotations from its metadata.
//!
//! The same component always makes the same bytes and so the same digest: nothing here knows the time.

use std::collections::BTreeMap;

use bytes::Bytes;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageIndex, OciImageManifest,
};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{ErrorKind, Fault};
use crate::inspect::{self, InspectError};

/// Media type of the config.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// Media type of the layer.
pub const LAYER_MEDIA_TYPE: &str = "application/wasm";
/// Layer media type of artifacts made before the working group's; read, never written.
pub const LEGACY_LAYER_MEDIA_TYPE: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
/// Media types accepted as the manifest of an image, best first.
pub(crate) const MANIFEST_MEDIA_TYPES: [&str; 4] = [
    OCI_IMAGE_MEDIA_TYPE,
    OCI_IMAGE_INDEX_MEDIA_TYPE,
    IMAGE_MANIFEST_MEDIA_TYPE,
    IMAGE_MANIFEST_LIST_MEDIA_TYPE,
];

/// The format wants a time; a constant keeps digests reproducible.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// The config of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmConfig {
    /// Always the epoch when written here.
    pub created: String,
    /// Who wrote the component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Always `wasm`.
    pub architecture: String,
    /// `wasip2` for components.
    pub os: String,
    /// Digests of the layers.
    pub layer_digests: Vec<String>,
    /// The component's world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentWorld>,
}

/// What a component imports and exports, by interface name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentWorld {
    /// Exported interfaces and functions.
    pub exports: Vec<String>,
    /// Imported interfaces and functions.
    pub imports: Vec<String>,
}

/// An image ready to be stored or pushed: every blob with its digest.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The manifest's digest, which is the image's.
    pub digest: Digest,
    /// The manifest's bytes.
    pub manifest: Bytes,
    /// The manifest's media type.
    pub media_type: String,
    /// The config's bytes.
    pub config: Bytes,
    /// The component.
    pub layer: Bytes,
    /// The component's digest.
    pub layer_digest: Digest,
}

impl Artifact {
    /// Wraps a component. Core modules and anything else are refused.
    pub fn of_component(component: Bytes) -> Result<Self, InspectError> {
        let world = inspect::world_of(&component)?;
        let metadata = inspect::metadata_of(&component)?;
        let layer_digest = Digest::of(&component);
        let config = WasmConfig {
            created: CREATED.to_owned(),
            author: metadata.get("authors").cloned(),
            architecture: "wasm".to_owned(),
            os: "wasip2".to_owned(),
            layer_digests: vec![layer_digest.to_string()],
            component: Some(world),
        };
        let config = to_json(&config)?;
        let annotations: BTreeMap<String, String> = metadata
            .into_iter()
            .map(|(key, value)| {
                let key = if key == "name" {
                    "title".to_owned()
                } else {
                    key
                };
                (format!("org.opencontainers.image.{key}"), value)
            })
            .collect();
        let manifest = OciImageManifest {
            schema_version: 2,
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            config: descriptor(CONFIG_MEDIA_TYPE, &config),
            layers: vec![descriptor(LAYER_MEDIA_TYPE, &component)],
            annotations: (!annotations.is_empty()).then_some(annotations),
            ..OciImageManifest::default()
        };
        let manifest = to_json(&manifest)?;
        Ok(Self {
            digest: Digest::of(&manifest),
            manifest,
            media_type: OCI_IMAGE_MEDIA_TYPE.to_owned(),
            config,
            layer: component,
            layer_digest,
        })
    }
}

fn to_json(value: &impl Serialize) -> Result<Bytes, InspectError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| InspectError::Invalid(error.to_string()))
}

fn descriptor(media_type: &str, bytes: &[u8]) -> OciDescriptor {
    OciDescriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        ..OciDescriptor::default()
    }
}

/// What a manifest's bytes turned out to be.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// An image with one layer that holds a component.
    Image { config: Option<Blob>, layer: Blob },
    /// A list of images; the one for WebAssembly.
    Index { image: Digest },
}

/// A blob a manifest points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blob {
    pub digest: Digest,
    pub size: u64,
}

/// Reads a manifest and finds the component in it.
pub(crate) fn parse_manifest(bytes: &[u8]) -> Result<Parsed, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        media_type: Option<String>,
        manifests: Option<serde_json::Value>,
    }
    let broken = |error: serde_json::Error| {
        Fault::new(
            ErrorKind::Registry,
            format!("the manifest is not valid: {error}"),
        )
    };
    let shape: Shape = serde_json::from_slice(bytes).map_err(broken)?;
    if let Some(media_type) = &shape.media_type
        && !MANIFEST_MEDIA_TYPES.contains(&media_type.as_str())
    {
        return Err(Fault::new(
            ErrorKind::UnsupportedMediaType,
            format!("manifest of type {media_type}"),
        ));
    }
    if shape.manifests.is_some() {
        let index: OciImageIndex = serde_json::from_slice(bytes).map_err(broken)?;
        return Ok(Parsed::Index {
            image: choose_image(&index)?,
        });
    }
    let manifest: OciImageManifest = serde_json::from_slice(bytes).map_err(broken)?;
    let wasm = |layer: &&OciDescriptor| {
        [LAYER_MEDIA_TYPE, LEGACY_LAYER_MEDIA_TYPE].contains(&layer.media_type.as_str())
    };
    let mut found = manifest.layers.iter().filter(wasm);
    let layer = match (found.next(), found.next()) {
        (Some(layer), None) => blob(layer)?,
        (Some(_), Some(_)) => {
            return Err(Fault::new(
                ErrorKind::UnsupportedMediaType,
                "it has several WebAssembly layers, expected one",
            ));
        }
        (None, _) => {
            let types: Vec<&str> = manifest
                .layers
                .iter()
                .map(|layer| layer.media_type.as_str())
                .collect();
            let detail = if types.is_empty() {
                format!("it has no layers, expected one of type {LAYER_MEDIA_TYPE}")
            } else {
                format!(
                    "its layers are of type {}, expected {LAYER_MEDIA_TYPE}",
                    types.join(", ")
                )
            };
            return Err(Fault::new(ErrorKind::UnsupportedMediaType, detail));
        }
    };
    // The config says nothing that is needed to run; a digest of another algorithm only means that it is not kept.
    Ok(Parsed::Image {
        config: blob(&manifest.config).ok(),
        layer,
    })
}

fn blob(descriptor: &OciDescriptor) -> Result<Blob, Fault> {
    let digest = descriptor
        .digest
        .parse()
        .map_err(|error| Fault::new(ErrorKind::Registry, format!("{error}")))?;
    let size = u64::try_from(descriptor.size).map_err(|_| {
        Fault::new(
            ErrorKind::Registry,
            format!("blob {digest} has the size {}", descriptor.size),
        )
    })?;
    Ok(Blob { digest, size })
}

fn choose_image(index: &OciImageIndex) -> Result<Digest, Fault> {
    let platform = |entry: &oci_client::manifest::ImageIndexEntry| {
        entry
            .platform
            .as_ref()
            .map(|platform| (platform.architecture.to_string(), platform.os.to_string()))
    };
    let wasm = index
        .manifests
        .iter()
        .find(|entry| platform(entry).is_some_and(|(architecture, _)| architecture == "wasm"));
    let chosen = match (wasm, index.manifests.as_slice()) {
        (Some(entry), _) => entry,
        (None, [only]) => only,
        (None, entries) => {
            let platforms: Vec<String> = entries
                .iter()
                .map(|entry| {
                    platform(entry).map_or("none".to_owned(), |(architecture, os)| {
                        format!("{os}/{architecture}")
                    })
                })
                .collect();
            return Err(Fault::new(
                ErrorKind::UnsupportedMediaType,
                format!(
                    "it is a list of images for {}, and none is for the architecture wasm",
                    platforms.join(", ")
                ),
            ));
        }
    };
    chosen
        .digest
        .parse()
        .map_err(|error| Fault::new(ErrorKind::Registry, format!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::tests::{component, core_module};

    #[test]
    fn a_component_always_makes_the_same_image() {
        let one = Artifact::of_component(component()).unwrap();
        let two = Artifact::of_component(component()).unwrap();
        assert_eq!(one.digest, two.digest);
        let config: WasmConfig = serde_json::from_slice(&one.config).unwrap();
        let world = config.component.unwrap();
        assert_eq!(world.exports, ["example:greeter/greet@1.0.0"]);
        assert_eq!(config.os, "wasip2");
        let Parsed::Image { config, layer } = parse_manifest(&one.manifest).unwrap() else {
            panic!("an image")
        };
        assert_eq!(layer.digest, one.layer_digest);
        assert_eq!(config.unwrap().digest, Digest::of(&one.config));
    }

    #[test]
    fn a_core_module_is_refused_by_name() {
        let error = Artifact::of_component(core_module())
            .unwrap_err()
            .to_string();
        assert!(error.contains("core module"), "{error}");
    }

    fn refusal(json: &serde_json::Value) -> Fault {
        parse_manifest(json.to_string().as_bytes()).unwrap_err()
    }

    #[test]
    fn other_images_are_refused_by_their_type() {
        let blob = |media_type: &str| serde_json::json!({"mediaType": media_type, "digest": Digest::of(b"").to_string(), "size": 0});
        let container = serde_json::json!({
            "schemaVersion": 2, "config": blob("application/vnd.oci.image.config.v1+json"),
            "layers": [blob("application/vnd.oci.image.layer.v1.tar+gzip")],
        });
        let fault = refusal(&container);
        assert_eq!(fault.kind, ErrorKind::UnsupportedMediaType);
        assert!(
            fault.detail.contains("vnd.oci.image.layer.v1.tar+gzip"),
            "{}",
            fault.detail
        );

        let mut legacy = container;
        legacy["layers"] = serde_json::json!([blob(LEGACY_LAYER_MEDIA_TYPE)]);
        assert!(matches!(
            parse_manifest(legacy.to_string().as_bytes()),
            Ok(Parsed::Image { .. })
        ));
        legacy["layers"] = serde_json::json!([blob(LAYER_MEDIA_TYPE), blob(LAYER_MEDIA_TYPE)]);
        assert!(refusal(&legacy).detail.contains("several"));
        legacy["mediaType"] = "application/vnd.docker.distribution.manifest.v1+json".into();
        assert!(refusal(&legacy).detail.contains("manifest.v1"));
        assert_eq!(parse_manifest(b"{").unwrap_err().kind, ErrorKind::Registry);
    }

    #[test]
    fn a_list_gives_the_image_for_wasm() {
        let (linux, wasm) = (Digest::of(b"linux"), Digest::of(b"wasm"));
        let entry = |digest: Digest, architecture: &str, os: &str| {
            serde_json::json!({"mediaType": OCI_IMAGE_MEDIA_TYPE, "digest": digest.to_string(), "size": 1,
                "platform": {"architecture": architecture, "os": os}})
        };
        let mut index = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE,
            "manifests": [entry(linux, "amd64", "linux"), entry(wasm, "wasm", "wasip2")]});
        let Parsed::Index { image } = parse_manifest(index.to_string().as_bytes()).unwrap() else {
            panic!("an index")
        };
        assert_eq!(image, wasm);
        index["manifests"] = serde_json::json!([
            entry(linux, "amd64", "linux"),
            entry(wasm, "arm64", "linux")
        ]);
        assert!(refusal(&index).detail.contains("linux/amd64, linux/arm64"));
    }
}
