//! Where images come from.

use std::{path::PathBuf, time::Duration};

use super::FlagError;

/// The local image store and how registries are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOptions {
    /// Folder of the store, an OCI image layout.
    pub store: PathBuf,
    /// Certificate authorities of registries beside the public ones (PEM).
    pub ca_files: Vec<PathBuf>,
    /// Whether registries may be asked over plain HTTP.
    pub insecure: bool,
    /// Longest time for one image.
    pub pull_timeout: Duration,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Images")]
pub(super) struct ImageArgs {
    /// Folder of the local image store, shared with `wash` [default: wash/images in the user's data folder].
    #[arg(
        long,
        visible_alias = "oci-cache-dir",
        value_name = "DIR",
        env = "WASMCLOUD_STORE"
    )]
    store: Option<PathBuf>,
    /// Certificate authorities of registries (PEM); several separated by commas.
    #[arg(
        long,
        value_name = "FILE",
        env = "WASH_OCI_CA_PATHS",
        value_delimiter = ','
    )]
    oci_ca_path: Vec<PathBuf>,
    /// Ask every registry over plain HTTP. For tests: whoever is on the way can replace images.
    #[arg(long)]
    allow_insecure_registries: bool,
    /// Longest time for one image.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    registry_pull_timeout: Duration,
}

impl ImageArgs {
    pub(super) fn options(&self) -> Result<ImageOptions, FlagError> {
        let store = self
            .store
            .clone()
            .or_else(|| {
                user_folder("XDG_DATA_HOME", ".local/share").map(|data| data.join("wash/images"))
            })
            .ok_or_else(|| {
                FlagError::new(
                    "--store",
                    "there is no home directory: name a folder for images",
                )
            })?;
        Ok(ImageOptions {
            store,
            ca_files: self.oci_ca_path.clone(),
            insecure: self.allow_insecure_registries,
            pull_timeout: self.registry_pull_timeout,
        })
    }
}

/// A folder of the user by the XDG base directory specification.
pub(super) fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))
}
