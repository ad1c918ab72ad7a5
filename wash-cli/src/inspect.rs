//! `wash inspect FILE|IMAGE`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use oci::inspect::{Inspection, Kind};
use oci::{PullPolicy, Reference};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Reply};
use crate::progress::Progress;
use crate::registry::{self, RegistryArgs, image_failure};
use crate::store::StoreArgs;

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A file, or an image; an image is asked for at its registry only if the local store does not have it.
    #[arg(value_name = "FILE|IMAGE")]
    subject: String,
    /// Print only the world, as WIT.
    #[arg(long)]
    wit: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Serialize)]
struct Inspected {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image>,
    #[serde(flatten)]
    inspection: Inspection,
}

#[derive(Serialize)]
struct Image {
    reference: Reference,
    digest: oci::Digest,
}

pub async fn run(args: InspectArgs, output: Output) -> Result<Reply, Failure> {
    let (bytes, image) = if let Some(path) = as_path(&args.subject) {
        if path.is_dir() {
            return Err(Failure::new(format!("{} is a folder", path.display()))
                .hint_at("name a .wasm file in it"));
        }
        (registry::read(&path)?, None)
    } else {
        let (bytes, image) = fetch(&args, output).await?;
        (bytes, Some(image))
    };
    let inspection = oci::inspect::inspect(&bytes)
        .map_err(|error| Failure::new(format!("cannot inspect {}", args.subject)).because(error))?;
    let message = match (args.wit, &inspection.wit) {
        (true, Some(wit)) => wit.clone(),
        (true, None) => {
            return Err(Failure::new(format!(
                "{} is a core module and has no world",
                args.subject
            ))
            .hint_at(format!(
                "make a component of it with `wash build {}`",
                args.subject
            )));
        }
        (false, _) => text(&args.subject, image.as_ref(), &inspection),
    };
    Reply::of(message, &Inspected { image, inspection })
}

/// What exists is a file, and so is what is spelled like one.
fn as_path(subject: &str) -> Option<PathBuf> {
    let path = Path::new(subject);
    let spelled =
        subject.starts_with(['/', '~']) || subject.starts_with("./") || subject.starts_with("../");
    let wasm = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("wasm"));
    (path.exists() || spelled || wasm).then(|| path.to_owned())
}

async fn fetch(args: &InspectArgs, output: Output) -> Result<(Bytes, Image), Failure> {
    let reference = registry::reference(&args.subject).map_err(|error| {
        Failure::usage(format!(
            "{} is neither a file nor an image: {error}",
            args.subject
        ))
    })?;
    let images = args.registry.images(args.store.open()?, &reference)?;
    let credentials = args.registry.credentials()?;
    let _progress = Progress::start(output, format!("pulling {reference}"));
    let pulled = images
        .pull(&reference, PullPolicy::IfNotPresent, credentials.as_ref())
        .await
        .map_err(|error| image_failure(&error))?;
    Ok((
        pulled.bytes,
        Image {
            reference,
            digest: pulled.digest,
        },
    ))
}

fn text(subject: &str, image: Option<&Image>, inspection: &Inspection) -> String {
    let mut out = String::new();
    let kind = match inspection.kind {
        Kind::Component => "component",
        Kind::CoreModule => "core module",
    };
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("{subject}: {kind}, {}", size(inspection.size)));
    line(format!("Digest: {}", inspection.digest));
    if let Some(image) = image {
        line(format!(
            "Image:  {}\n        {}",
            image.reference, image.digest
        ));
    }
    for (key, value) in &inspection.metadata {
        line(format!("{key}: {value}"));
    }
    if !inspection.sections.is_empty() {
        line("\nSections".to_owned());
    }
    for section in &inspection.sections {
        line(format!(
            "  {:>10}  {} × {}",
            size(section.bytes),
            section.count,
            section.name
        ));
    }
    if !inspection.producers.is_empty() {
        line("\nProducers".to_owned());
        for (field, names) in &inspection.producers {
            let names: Vec<String> = names
                .iter()
                .map(|(name, version)| format!("{name} {version}"))
                .collect();
            line(format!("  {field}: {}", names.join(", ")));
        }
    }
    if let Some(wit) = &inspection.wit {
        line(format!("\nWorld\n{}", wit.trim_end()));
    } else {
        line(format!("\nImports\n  {}", inspection.imports.join("\n  ")));
        line(format!("\nExports\n  {}", inspection.exports.join("\n  ")));
    }
    out
}

/// Bytes as people read them.
pub fn size(bytes: usize) -> String {
    indicatif::HumanBytes(bytes as u64).to_string()
}
