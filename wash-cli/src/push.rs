//! `wash push REF [FILE]`.

use std::path::PathBuf;

use clap::Args;
use oci::Reference;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Reply};
use crate::progress::Progress;
use crate::registry::{self, RegistryArgs, image_failure};
use crate::store::StoreArgs;

#[derive(Debug, Args)]
pub struct PushArgs {
    /// Where to: registry/repository:tag.
    #[arg(value_name = "REF", value_parser = registry::reference)]
    reference: Reference,
    /// The component; without it, the image of that name in the local store is pushed.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only put it into the local image store, where hosts on this machine find it. No network is used.
    #[arg(long, requires = "file")]
    local: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Serialize)]
struct Pushed {
    reference: Reference,
    digest: oci::Digest,
    bytes: usize,
    local: bool,
}

pub async fn run(args: PushArgs, output: Output) -> Result<Reply, Failure> {
    let reference = &args.reference;
    let store = args.store.open()?;
    let component = match &args.file {
        Some(file) => registry::read(file)?,
        None => match store.get(reference) {
            Ok(Some(image)) => image.bytes,
            Ok(None) => {
                return Err(Failure::new(format!("{reference} is not in the local image store"))
                    .hint_at(format!("name the component: `wash push {reference} FILE`, or build it with `wash build --tag {reference}`")));
            }
            Err(error) => {
                return Err(Failure::new(format!(
                    "cannot read {reference} from the local image store"
                ))
                .because(error));
            }
        },
    };
    let bytes = component.len();
    let digest = if args.local {
        store
            .put_component(reference, component)
            .map_err(|error| Failure::new(format!("cannot store {reference}")).because(error))?
    } else {
        let credentials = args.registry.credentials()?;
        let _progress = Progress::start(output, format!("pushing {reference}"));
        args.registry
            .images(store, reference)?
            .push(reference, component, credentials.as_ref())
            .await
            .map_err(|error| image_failure(&error))?
    };
    let done = if args.local { "Stored" } else { "Pushed" };
    let message = format!("{done} {reference}\nDigest: {digest}");
    Reply::of(
        message,
        &Pushed {
            reference: reference.clone(),
            digest,
            bytes,
            local: args.local,
        },
    )
}
