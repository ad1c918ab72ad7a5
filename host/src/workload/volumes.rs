//! Volumes: directories of the machine that components see under a path of their own.

use super::spec::{Volume, VolumeMount, VolumeSource};
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

/// A volume cannot be provided.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The path is not under a root that this host allows.
    #[error(
        "volume `{volume}`: host path {path} is not allowed on this host (allowed: {allowed}); ask its \
         administrator to add a root, or use an ephemeral volume"
    )]
    NotAllowed {
        /// Which volume.
        volume: String,
        /// The path asked for.
        path: PathBuf,
        /// The roots, or "none".
        allowed: String,
    },
    /// The directory cannot be used.
    #[error("volume `{volume}`: {path}: {source}")]
    Io {
        /// Which volume.
        volume: String,
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A component mounts what the workload does not have.
    #[error(
        "component `{component}` mounts volume `{volume}`, which the workload does not declare"
    )]
    Unknown {
        /// Which component.
        component: String,
        /// The name it uses.
        volume: String,
    },
}

/// The volumes of a running workload. Ephemeral ones are removed when it is dropped.
#[derive(Debug)]
pub struct Volumes {
    paths: HashMap<String, PathBuf>,
    ephemeral: Vec<tempfile::TempDir>,
}

/// A directory as one component sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Directory of the machine, without symbolic links.
    pub host: PathBuf,
    /// Path in the component.
    pub guest: String,
    /// Whether writing is refused.
    pub read_only: bool,
}

impl Volumes {
    /// Makes the ephemeral volumes and checks the others against the `allowed` roots. Symbolic links are
    /// resolved first, so none leads out of a root.
    pub fn prepare(
        volumes: &[Volume],
        scratch: &Path,
        allowed: &[PathBuf],
    ) -> Result<Self, VolumeError> {
        let mut this = Self {
            paths: HashMap::new(),
            ephemeral: Vec::new(),
        };
        for Volume { name, source } in volumes {
            let path = match source {
                VolumeSource::Ephemeral => {
                    let error = |source| VolumeError::Io {
                        volume: name.clone(),
                        path: scratch.to_owned(),
                        source,
                    };
                    let dir = tempfile::Builder::new()
                        .prefix("volume-")
                        .tempdir_in(scratch)
                        .map_err(error)?;
                    let path = dir.path().to_owned();
                    this.ephemeral.push(dir);
                    path
                }
                VolumeSource::HostPath(path) => host_path(name, path, allowed)?,
            };
            this.paths.insert(name.clone(), path);
        }
        Ok(this)
    }

    /// What `component` sees.
    pub fn mounts(
        &self,
        component: &str,
        mounts: &[VolumeMount],
    ) -> Result<Vec<Mount>, VolumeError> {
        mounts
            .iter()
            .map(|mount| {
                let host = self
                    .paths
                    .get(&mount.volume)
                    .ok_or_else(|| VolumeError::Unknown {
                        component: component.to_owned(),
                        volume: mount.volume.clone(),
                    })?;
                Ok(Mount {
                    host: host.clone(),
                    guest: mount.path.clone(),
                    read_only: mount.read_only,
                })
            })
            .collect()
    }
}

fn host_path(volume: &str, path: &Path, allowed: &[PathBuf]) -> Result<PathBuf, VolumeError> {
    let refused = || VolumeError::NotAllowed {
        volume: volume.to_owned(),
        path: path.to_owned(),
        allowed: match allowed {
            [] => "none".to_owned(),
            roots => {
                let roots: Vec<_> = roots
                    .iter()
                    .map(|root| root.display().to_string())
                    .collect();
                roots.join(", ")
            }
        },
    };
    // Before anything is said about the path, which may be none of the tenant's business.
    if !path.is_absolute() || !allowed.iter().any(|root| path.starts_with(root)) {
        return Err(refused());
    }
    let error = |source| VolumeError::Io {
        volume: volume.to_owned(),
        path: path.to_owned(),
        source,
    };
    let real = path.canonicalize().map_err(error)?;
    let within = |root: &PathBuf| root.canonicalize().is_ok_and(|root| real.starts_with(root));
    if !allowed.iter().any(within) {
        return Err(refused());
    }
    if !real.is_dir() {
        return Err(error(io::ErrorKind::NotADirectory.into()));
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(source: VolumeSource) -> [Volume; 1] {
        [Volume {
            name: "data".to_owned(),
            source,
        }]
    }

    #[test]
    fn ephemeral_volumes_go_with_the_workload() {
        let scratch = tempfile::tempdir().unwrap();
        let volumes =
            Volumes::prepare(&volume(VolumeSource::Ephemeral), scratch.path(), &[]).unwrap();
        let mount = |volume: &str| VolumeMount {
            volume: volume.to_owned(),
            path: "/data".to_owned(),
            read_only: true,
        };
        let mounts = volumes.mounts("c", &[mount("data")]).unwrap();
        assert!(mounts[0].host.is_dir() && mounts[0].read_only);
        assert!(volumes.mounts("c", &[mount("other")]).is_err());
        drop(volumes);
        assert!(!mounts[0].host.exists());
    }

    #[test]
    fn host_paths_stay_under_allowed_roots_also_through_links() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        std::fs::create_dir_all(root.join("inside")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
        let prepare = |path: PathBuf, roots: &[PathBuf]| {
            Volumes::prepare(&volume(VolumeSource::HostPath(path)), dir.path(), roots)
        };
        let roots = [root.clone()];
        assert!(prepare(root.join("inside"), &roots).is_ok());
        for path in [
            outside.clone(),
            root.join("link"),
            root.join("../outside"),
            root.join("missing"),
            PathBuf::from("relative"),
        ] {
            assert!(prepare(path.clone(), &roots).is_err(), "{}", path.display());
        }
        let error = prepare(root.join("inside"), &[]).unwrap_err().to_string();
        assert!(error.contains("allowed: none"), "{error}");
    }
}
