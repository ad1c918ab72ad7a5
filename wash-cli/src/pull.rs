//! `wash pull REF [FILE]`.

use std::path::PathBuf;

use clap::Args;
use oci::{PullPolicy, Reference};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Reply};
use crate::progress::Progress;
use crate::registry::{self, RegistryArgs, image_failure};
use crate::store::StoreArgs;

#[derive(Debug, Args)]
pub struct PullArgs {
    /// The image: registry/repository:tag, or …@sha256:….
    #[arg(value_name = "REF", value_parser = registry::reference)]
    reference: Reference,
    /// Also write the component to this file.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// When to ask the registry: Always, IfNotPresent or Never.
    #[arg(long, value_name = "POLICY", default_value_t = PullPolicy::Always)]
    policy: PullPolicy,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Serialize)]
struct Pulled {
    reference: Reference,
    digest: oci::Digest,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_path: Option<PathBuf>,
}

pub async fn run(args: PullArgs, output: Output) -> Result<Reply, Failure> {
    let reference = &args.reference;
    let images = args.registry.images(args.store.open()?, reference)?;
    let credentials = args.registry.credentials()?;
    let pulled = {
        let _progress = Progress::start(output, format!("pulling {reference}"));
        images
            .pull(reference, args.policy, credentials.as_ref())
            .await
            .map_err(|error| image_failure(&error))?
    };
    let mut written = String::new();
    if let Some(file) = &args.file {
        std::fs::write(file, &pulled.bytes).map_err(|error| {
            Failure::new(format!("cannot write {}", file.display())).because(error)
        })?;
        written = format!("\nWritten to {}", file.display());
    }
    let message = format!("Pulled {reference}\nDigest: {}{written}", pulled.digest);
    let data = Pulled {
        reference: reference.clone(),
        digest: pulled.digest,
        bytes: pulled.bytes.len(),
        output_path: args.file.clone(),
    };
    Reply::of(message, &data)
}
