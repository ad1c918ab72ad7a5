//! What is in a component: its world, its sections, who produced it.

use std::collections::BTreeMap;

use serde::Serialize;
use wasm_metadata::Payload as MetadataPayload;
use wasmparser::{Encoding, Parser, Payload};
use wit_component::WitPrinter;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, WorldId};

use crate::artifact::ComponentWorld;
use crate::digest::Digest;

/// Why bytes could not be looked into.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Not WebAssembly at all.
    #[error("this is not WebAssembly: it does not begin with \\0asm")]
    NotWasm,
    /// A core module where a component is needed.
    #[error("this is a core module, not a component; `wash build` makes a component of it")]
    CoreModule,
    /// A WIT package, which is encoded as a component and runs nothing.
    #[error("this is a WIT package, not a component that can run")]
    WitPackage,
    /// Malformed WebAssembly.
    #[error("this is not valid WebAssembly: {0}")]
    Invalid(String),
}

/// What kind of WebAssembly something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A component.
    Component,
    /// A core module.
    CoreModule,
}

/// One kind of section and how much of the file it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// `core module`, `type`, `custom name`, …
    pub name: String,
    /// How many there are.
    pub count: usize,
    /// Bytes of content, without the sections' headers.
    pub bytes: usize,
}

/// Everything known about a component or module without running it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// Component or core module.
    pub kind: Kind,
    /// Bytes of the file.
    pub size: usize,
    /// Digest of the file.
    pub digest: Digest,
    /// The world as WIT text; absent for core modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wit: Option<String>,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// Sections, largest first.
    pub sections: Vec<Section>,
    /// Tools and languages it was made with: field → name → version.
    pub producers: BTreeMap<String, BTreeMap<String, String>>,
    /// Name, version, authors and the like.
    pub metadata: BTreeMap<String, String>,
}

/// The kind of WebAssembly `bytes` begin like.
pub fn kind_of(bytes: &[u8]) -> Result<Kind, InspectError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(InspectError::NotWasm);
    }
    if Parser::is_component(bytes) {
        Ok(Kind::Component)
    } else if Parser::is_core_wasm(bytes) {
        Ok(Kind::CoreModule)
    } else {
        Err(InspectError::Invalid("its version is not known".to_owned()))
    }
}

/// Looks into a component or core module.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    let kind = kind_of(bytes)?;
    let (wit, world) = match kind {
        Kind::Component => {
            let (resolve, world) = decode_component(bytes)?;
            (Some(print_world(&resolve, world)?), names(&resolve, world))
        }
        Kind::CoreModule => (None, core_world(bytes)?),
    };
    Ok(Inspection {
        kind,
        size: bytes.len(),
        digest: Digest::of(bytes),
        wit,
        imports: world.imports,
        exports: world.exports,
        sections: sections(bytes)?,
        producers: producers(bytes)?,
        metadata: metadata_of(bytes)?,
    })
}

/// The interfaces of a component.
pub fn world_of(bytes: &[u8]) -> Result<ComponentWorld, InspectError> {
    let (resolve, world) = decode_component(bytes)?;
    Ok(names(&resolve, world))
}

fn decode_component(bytes: &[u8]) -> Result<(Resolve, WorldId), InspectError> {
    match kind_of(bytes)? {
        Kind::CoreModule => Err(InspectError::CoreModule),
        Kind::Component => match decode(bytes).map_err(invalid)? {
            DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
            DecodedWasm::WitPackage(..) => Err(InspectError::WitPackage),
        },
    }
}

fn names(resolve: &Resolve, world: WorldId) -> ComponentWorld {
    let Some(world) = resolve.worlds.get(world) else {
        return ComponentWorld::default();
    };
    let mut imports: Vec<String> = world
        .imports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    let mut exports: Vec<String> = world
        .exports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    imports.sort();
    exports.sort();
    ComponentWorld { exports, imports }
}

fn print_world(resolve: &Resolve, world: WorldId) -> Result<String, InspectError> {
    let package = resolve
        .worlds
        .get(world)
        .and_then(|world| world.package)
        .ok_or_else(|| InspectError::Invalid("its world belongs to no package".to_owned()))?;
    let mut printer = WitPrinter::default();
    printer
        .print_package(resolve, package, true)
        .map_err(invalid)?;
    Ok(printer.output.to_string())
}

fn core_world(bytes: &[u8]) -> Result<ComponentWorld, InspectError> {
    let mut world = ComponentWorld::default();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::ImportSection(reader) => {
                for import in reader.into_imports() {
                    let import = import.map_err(invalid)?;
                    world
                        .imports
                        .push(format!("{}::{}", import.module, import.name));
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader {
                    world.exports.push(export.map_err(invalid)?.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(world)
}

fn sections(bytes: &[u8]) -> Result<Vec<Section>, InspectError> {
    let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        let (name, range) = match &payload {
            Payload::Version { encoding, .. } => {
                debug_assert!(matches!(encoding, Encoding::Component | Encoding::Module));
                depth += 1;
                continue;
            }
            Payload::End(_) => {
                depth -= 1;
                continue;
            }
            // The parser announces a nested module or component before its own `Version`.
            Payload::ModuleSection {
                unchecked_range, ..
            } => ("core module".to_owned(), unchecked_range.clone()),
            Payload::ComponentSection {
                unchecked_range, ..
            } => ("component".to_owned(), unchecked_range.clone()),
            Payload::CustomSection(reader) => (
                format!("custom {}", reader.name()),
                reader.data_offset()..reader.range().end,
            ),
            other => match other.as_section() {
                Some((id, range)) => (
                    section_name(depth == 1 && Parser::is_component(bytes), id),
                    range,
                ),
                None => continue,
            },
        };
        if depth == 1 {
            let entry = found.entry(name).or_default();
            entry.0 += 1;
            entry.1 += range.end.saturating_sub(range.start);
        }
    }
    let mut sections: Vec<Section> = found
        .into_iter()
        .map(|(name, (count, bytes))| Section { name, count, bytes })
        .collect();
    sections.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    Ok(sections)
}

/// Names of the binary formats' section numbers.
fn section_name(component: bool, id: u8) -> String {
    const CORE: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    const COMPONENT: [&str; 12] = [
        "custom",
        "core module",
        "core instance",
        "core type",
        "component",
        "instance",
        "alias",
        "type",
        "canonical function",
        "start",
        "import",
        "export",
    ];
    let names: &[&str] = if component { &COMPONENT } else { &CORE };
    names
        .get(usize::from(id))
        .map_or_else(|| format!("section {id}"), ToString::to_string)
}

fn producers(bytes: &[u8]) -> Result<BTreeMap<String, BTreeMap<String, String>>, InspectError> {
    let payload = MetadataPayload::from_binary(bytes).map_err(invalid)?;
    let mut all = BTreeMap::new();
    collect_producers(&payload, &mut all);
    Ok(all)
}

fn collect_producers(
    payload: &MetadataPayload,
    all: &mut BTreeMap<String, BTreeMap<String, String>>,
) {
    if let Some(producers) = &payload.metadata().producers {
        for (field, names) in producers.iter() {
            let versions = all.entry(field.clone()).or_default();
            versions.extend(
                names
                    .iter()
                    .map(|(name, version)| (name.clone(), version.clone())),
            );
        }
    }
    if let MetadataPayload::Component { children, .. } = payload {
        for child in children {
            collect_producers(child, all);
        }
    }
}

/// Metadata by the names that OCI annotations have (`name` becomes `title` there).
pub(crate) fn metadata_of(bytes: &[u8]) -> Result<BTreeMap<String, String>, InspectError> {
    let payload = MetadataPayload::from_binary(bytes).map_err(invalid)?;
    let metadata = payload.metadata();
    let text = |value: Option<String>| value.filter(|value| !value.is_empty());
    let fields = [
        ("name", metadata.name.clone()),
        (
            "authors",
            metadata.authors.as_ref().map(ToString::to_string),
        ),
        (
            "description",
            metadata.description.as_ref().map(ToString::to_string),
        ),
        (
            "licenses",
            metadata.licenses.as_ref().map(ToString::to_string),
        ),
        ("source", metadata.source.as_ref().map(ToString::to_string)),
        ("url", metadata.homepage.as_ref().map(ToString::to_string)),
        (
            "revision",
            metadata.revision.as_ref().map(ToString::to_string),
        ),
        (
            "version",
            metadata.version.as_ref().map(ToString::to_string),
        ),
    ];
    Ok(fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), text(value)?)))
        .collect())
}

fn invalid(error: impl std::fmt::Display) -> InspectError {
    InspectError::Invalid(format!("{error:#}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bytes::Bytes;
    use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

    /// A component that exports one interface, made from its WIT.
    pub(crate) fn component() -> Bytes {
        let mut resolve = Resolve::default();
        let wit = "package example:greeter@1.0.0;
            interface greet { hello: func(); }
            world greeter { export greet; }";
        let package = resolve.push_str("greeter.wit", wit).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        let mut module = module_with_export("example:greeter/greet@1.0.0#hello");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default()
            .module(&module)
            .unwrap()
            .validate(true)
            .encode()
            .unwrap()
            .into()
    }

    /// A core module with one exported function that does nothing.
    fn module_with_export(name: &str) -> Vec<u8> {
        let length = u8::try_from(name.len()).unwrap();
        let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07".to_vec();
        module.extend([length + 4, 1, length]);
        module.extend(name.as_bytes());
        module.extend(b"\0\0\x0a\x04\x01\x02\0\x0b");
        module
    }

    /// The smallest core module.
    pub(crate) fn core_module() -> Bytes {
        Bytes::from_static(b"\0asm\x01\0\0\0")
    }

    #[test]
    fn a_component_tells_its_world_and_sections() {
        let bytes = component();
        let inspection = inspect(&bytes).unwrap();
        assert_eq!(inspection.kind, Kind::Component);
        assert_eq!(inspection.exports, ["example:greeter/greet@1.0.0"]);
        assert!(
            inspection
                .wit
                .unwrap()
                .contains("export example:greeter/greet@1.0.0")
        );
        assert_eq!(inspection.digest, Digest::of(&bytes));
        let total: usize = inspection
            .sections
            .iter()
            .map(|section| section.bytes)
            .sum();
        assert!(
            total > bytes.len() / 2 && total < bytes.len(),
            "{total} of {}",
            bytes.len()
        );
        assert!(
            inspection
                .sections
                .iter()
                .any(|section| section.name == "core module" && section.count == 1)
        );
        assert!(inspection.producers["processed-by"].contains_key("wit-component"));
    }

    #[test]
    fn a_core_module_is_looked_into_as_well() {
        let inspection = inspect(&core_module()).unwrap();
        assert_eq!(inspection.kind, Kind::CoreModule);
        assert!(inspection.wit.is_none());
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        assert!(matches!(inspect(b"#!/bin/sh"), Err(InspectError::NotWasm)));
        assert!(matches!(
            inspect(b"\0asm\xff\xff\xff\xff"),
            Err(InspectError::Invalid(_))
        ));
        let cut = component();
        assert!(matches!(
            inspect(&cut[..cut.len() / 2]),
            Err(InspectError::Invalid(_))
        ));
    }
}
