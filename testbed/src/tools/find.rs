//! Finding a tool that is on this machine already.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};

use super::pins::Tool;
use super::version;

/// Asking a tool for its version starts it: once per process is enough.
static FOUND: Mutex<Option<HashMap<&'static str, PathBuf>>> = Mutex::new(None);

/// The binary of the pinned tool `name`; an error that names the command when there is none.
pub fn path(name: &str) -> Result<PathBuf> {
    let tool = Tool::named(name)
        .with_context(|| format!("{name} is no tool of the tests (testbed::tools::ALL)"))?;
    let mut found = FOUND
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let found = found.get_or_insert_default();
    if let Some(path) = found.get(tool.name) {
        return Ok(path.clone());
    }
    let path = look(tool, &Places::of_this_process()?).ok_or_else(|| {
        anyhow!(
            "{name} {} is missing: fetch it with `cargo xtask tools {name}`",
            tool.version
        )
    })?;
    found.insert(tool.name, path.clone());
    Ok(path)
}

/// The folder that fetched tools go to: `WASMCLOUD_TOOLS`, else `wasmcloud/tools` in the user's cache.
pub fn folder() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("WASMCLOUD_TOOLS") {
        return Ok(PathBuf::from(given));
    }
    if let Some(cache) = std::env::var_os("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(cache).join("wasmcloud/tools"));
    }
    let home = std::env::var_os("HOME")
        .context("neither WASMCLOUD_TOOLS nor XDG_CACHE_HOME nor HOME is set")?;
    Ok(PathBuf::from(home).join(".cache/wasmcloud/tools"))
}

/// Where tools are looked for.
#[derive(Debug)]
pub(super) struct Places {
    pub kubebuilder: Option<PathBuf>,
    pub path: Vec<PathBuf>,
    pub tools: PathBuf,
}

impl Places {
    pub fn of_this_process() -> Result<Self> {
        Ok(Self {
            kubebuilder: std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from),
            path: std::env::var_os("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            tools: folder()?,
        })
    }

    /// Where the fetched `tool` is, or will be.
    pub fn fetched(&self, tool: &Tool) -> PathBuf {
        self.tools
            .join(format!("{}-{}", tool.name, tool.version))
            .join(tool.name)
    }
}

pub(super) fn look(tool: &Tool, places: &Places) -> Option<PathBuf> {
    // setup-envtest's archive is of use only with the controller-manager in it: mixing its API
    // server with another version's controllers would test a combination nobody runs.
    if tool.kubebuilder
        && let Some(assets) = &places.kubebuilder
        && assets.join("kube-controller-manager").is_file()
    {
        let candidate = assets.join(tool.name);
        if acceptable(tool, &candidate) {
            return Some(candidate);
        }
    }
    let on_path = places
        .path
        .iter()
        .map(|folder| folder.join(tool.name))
        .find(|candidate| candidate.is_file());
    if let Some(candidate) = on_path
        && acceptable(tool, &candidate)
    {
        return Some(candidate);
    }
    Some(places.fetched(tool)).filter(|fetched| fetched.is_file())
}

fn acceptable(tool: &Tool, candidate: &Path) -> bool {
    candidate.is_file()
        && version::ask(candidate, tool.version_args)
            .is_some_and(|version| version.serves_for(tool.version))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(folder: &Path, name: &str, prints: &str) -> PathBuf {
        std::fs::create_dir_all(folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{prints}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn places(root: &Path) -> Places {
        Places {
            kubebuilder: None,
            path: vec![root.join("path")],
            tools: root.join("tools"),
        }
    }

    #[test]
    fn an_old_kubectl_on_path_is_passed_over_for_the_fetched_one() {
        let root = tempfile::tempdir().unwrap();
        let tool = Tool::named("kubectl").unwrap();
        let places = places(root.path());
        script(
            &root.path().join("path"),
            "kubectl",
            "Client Version: v1.32.4-dispatcher",
        );
        assert_eq!(look(tool, &places), None);
        let fetched = script(places.fetched(tool).parent().unwrap(), "kubectl", "");
        assert_eq!(look(tool, &places), Some(fetched));
        let newer = script(
            &root.path().join("path"),
            "kubectl",
            "Client Version: v1.37.0",
        );
        assert_eq!(look(tool, &places), Some(newer));
    }

    #[test]
    fn kubebuilder_assets_count_only_with_the_controller_manager() {
        let root = tempfile::tempdir().unwrap();
        let assets = root.path().join("assets");
        let mut places = places(root.path());
        places.kubebuilder = Some(assets.clone());
        let tool = Tool::named("kube-apiserver").unwrap();
        let server = script(&assets, "kube-apiserver", "Kubernetes v1.36.1");
        assert_eq!(look(tool, &places), None);
        script(&assets, "kube-controller-manager", "Kubernetes v1.36.1");
        assert_eq!(look(tool, &places), Some(server));
    }
}
