//! Where `wash` keeps things, by the XDG base directory specification. Nothing is created here.

use std::path::PathBuf;

fn data_home() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
}

/// Folder of `wash up`'s objects, certificates and kubeconfig.
pub fn default_data_dir() -> Option<PathBuf> {
    data_home().map(|home| home.join("wash/up"))
}

/// Folder of the local image store.
pub fn default_store() -> Option<PathBuf> {
    data_home().map(|home| home.join("wash/images"))
}

/// Name of the kubeconfig in a data folder.
pub const KUBECONFIG: &str = "kubeconfig";

/// The kubeconfig that `wash up` writes when it is told no other place.
pub fn default_kubeconfig() -> Option<PathBuf> {
    default_data_dir().map(|dir| dir.join(KUBECONFIG))
}
