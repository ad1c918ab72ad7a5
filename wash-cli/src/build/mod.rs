//! `wash build`: from a project, or a core module, to a component.

mod cargo;
mod componentize;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use oci::Reference;
use oci::inspect::Kind;
use serde::Serialize;

use crate::failure::Failure;
use crate::inspect::size;
use crate::output::Reply;
use crate::registry;
use crate::store::StoreArgs;

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Folder of the project, or a core module (.wasm) to make a component of.
    #[arg(value_name = "PROJECT", default_value = ".")]
    project: PathBuf,
    /// Build without optimisation.
    #[arg(long)]
    debug: bool,
    /// The package to build, where the project has several.
    #[arg(short = 'P', long, value_name = "NAME")]
    package: Option<String>,
    /// The compiler's target.
    #[arg(long, value_name = "TRIPLE", default_value = "wasm32-wasip2")]
    target: String,
    /// Also write the component to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Put the component into the local image store under this name.
    #[arg(long, value_name = "REF", value_parser = registry::reference)]
    tag: Option<Reference>,
    #[command(flatten)]
    store: StoreArgs,
    /// Further arguments for cargo.
    #[arg(last = true, value_name = "CARGO ARGS")]
    cargo: Vec<String>,
}

#[derive(Serialize)]
struct Built {
    component_path: PathBuf,
    project_path: PathBuf,
    bytes: usize,
    /// Digest of the component's file.
    component_digest: oci::Digest,
    imports: Vec<String>,
    exports: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image>,
}

#[derive(Serialize)]
struct Image {
    reference: Reference,
    digest: oci::Digest,
}

pub async fn run(args: BuildArgs) -> Result<Reply, Failure> {
    let built = if args.project.is_file() {
        args.project.clone()
    } else {
        cargo::build(&cargo::Project {
            folder: &args.project,
            release: !args.debug,
            package: args.package.as_deref(),
            target: &args.target,
            arguments: &args.cargo,
        })
        .await?
    };
    let (path, component) = as_component(&built)?;
    let inspection = oci::inspect::inspect(&component).map_err(|error| {
        Failure::new(format!("{} was built and is not usable", path.display())).because(error)
    })?;
    let path = match &args.out {
        None => path,
        Some(out) => {
            std::fs::write(out, &component).map_err(|error| {
                Failure::new(format!("cannot write {}", out.display())).because(error)
            })?;
            out.clone()
        }
    };
    let image = args
        .tag
        .as_ref()
        .map(|reference| keep(&args.store, reference, component))
        .transpose()?;

    let stored = image.as_ref().map_or_else(String::new, |image| {
        format!(
            "\nStored as {}\nImage digest: {}",
            image.reference, image.digest
        )
    });
    let message = format!(
        "Built {} ({})\nDigest: {}\nWorld: {}{stored}",
        path.display(),
        size(inspection.size),
        inspection.digest,
        world(&inspection.imports, &inspection.exports)
    );
    let built = Built {
        component_path: path,
        project_path: args.project.clone(),
        bytes: inspection.size,
        component_digest: inspection.digest,
        imports: inspection.imports,
        exports: inspection.exports,
        image,
    };
    Reply::of(message, &built)
}

/// What was built, as a component: a core module is wrapped and written beside its file.
fn as_component(built: &Path) -> Result<(PathBuf, Bytes), Failure> {
    let bytes = registry::read(built)?;
    let unusable = |error| {
        Failure::new(format!("cannot make a component of {}", built.display())).because(error)
    };
    match oci::inspect::kind_of(&bytes).map_err(unusable)? {
        Kind::Component => Ok((built.to_owned(), bytes)),
        Kind::CoreModule => {
            let component = componentize::componentize(&bytes).map_err(|problem| {
                Failure::new(format!(
                    "cannot make a component of {}: {problem}",
                    built.display()
                ))
                .hint_at(
                    "build it for the target wasm32-wasip2, or embed its world with wit-bindgen",
                )
            })?;
            let path = built.with_extension("component.wasm");
            std::fs::write(&path, &component).map_err(|error| {
                Failure::new(format!("cannot write {}", path.display())).because(error)
            })?;
            Ok((path, component.into()))
        }
    }
}

fn keep(store: &StoreArgs, reference: &Reference, component: Bytes) -> Result<Image, Failure> {
    let digest = store
        .open()?
        .put_component(reference, component)
        .map_err(|error| Failure::new(format!("cannot store {reference}")).because(error))?;
    Ok(Image {
        reference: reference.clone(),
        digest,
    })
}

fn world(imports: &[String], exports: &[String]) -> String {
    let list = |names: &[String]| {
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        }
    };
    format!("exports {}; imports {}", list(exports), list(imports))
}
