//! Where images are kept on this machine: a flag that several commands share.

use std::path::PathBuf;

use clap::Args;
use oci::LocalStore;

use crate::failure::Failure;
use crate::up::dirs;

/// The local image store.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Folder of the local image store. Default: wash/images in the user's data folder
    #[arg(long, value_name = "DIR", env = "WASH_STORE", help_heading = "Images")]
    pub store: Option<PathBuf>,
}

impl StoreArgs {
    /// The store's folder; nothing is created.
    pub fn folder(&self) -> Result<PathBuf, Failure> {
        self.store
            .clone()
            .or_else(dirs::default_store)
            .ok_or_else(|| {
                Failure::new("there is no folder for images: neither HOME nor XDG_DATA_HOME is set")
                    .hint_at("name one with --store or WASH_STORE")
            })
    }

    /// Opens the store; nothing is created.
    pub fn open(&self) -> Result<LocalStore, Failure> {
        LocalStore::open(self.folder()?).map_err(|error| {
            Failure::new("cannot open the local image store")
                .because(error)
                .hint_at("name another folder with --store")
        })
    }
}
