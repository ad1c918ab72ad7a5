//! Projects of Cargo.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

use crate::failure::Failure;

/// What to build and how.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    pub folder: &'a Path,
    pub release: bool,
    pub package: Option<&'a str>,
    pub target: &'a str,
    pub arguments: &'a [String],
}

#[derive(Deserialize)]
struct Manifest {
    package: Option<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// Lines of `cargo build --message-format json` that matter.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        manifest_path: PathBuf,
        target: Target,
        filenames: Vec<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

struct Artifact {
    package_folder: PathBuf,
    name: String,
    file: PathBuf,
}

/// Builds the project and returns the file that came of it.
pub async fn build(project: &Project<'_>) -> Result<PathBuf, Failure> {
    let folder = project.folder.canonicalize().map_err(|error| {
        Failure::new(format!("cannot build {}", project.folder.display())).because(error)
    })?;
    let package = package(&folder, project.package)?;
    check_toolchain(&folder, project.target).await?;

    let mut command = Command::new(cargo());
    command
        .current_dir(&folder)
        .args(["build", "--target", project.target]);
    command.args(["--message-format", "json-render-diagnostics"]);
    if project.release {
        command.arg("--release");
    }
    if let Some(package) = &package {
        command.args(["--package", package]);
    }
    command.args(project.arguments);
    let build = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| no_cargo(&error))?
        .wait_with_output()
        .await
        .map_err(|error| Failure::new("cannot run cargo").because(error))?;
    if !build.status.success() {
        return Err(Failure::new(format!(
            "cargo build failed ({})",
            build.status
        )));
    }
    choose(&artifacts(&build.stdout), &folder, package.as_deref())
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO")
        .filter(|cargo| !cargo.is_empty())
        .unwrap_or_else(|| "cargo".into())
}

fn no_cargo(error: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot run cargo: {error}"));
    if error.kind() == std::io::ErrorKind::NotFound {
        failure.hint_at("install Rust from https://rustup.rs")
    } else {
        failure
    }
}

/// The package to ask cargo for: the one named, or the one the folder is.
fn package(folder: &Path, named: Option<&str>) -> Result<Option<String>, Failure> {
    let path = folder.join("Cargo.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure::new(format!(
                "{} is no project that wash can build: it has no Cargo.toml",
                folder.display()
            ))
            .hint_at("name the project's folder: `wash build FOLDER`"));
        }
        Err(error) => {
            return Err(Failure::new(format!("cannot read {}", path.display())).because(error));
        }
    };
    let manifest: Manifest = toml::from_str(&text)
        .map_err(|error| Failure::new(format!("{} is not valid", path.display())).because(error))?;
    Ok(named
        .map(str::to_owned)
        .or(manifest.package.map(|package| package.name)))
}

/// Says which piece of the toolchain is missing, and how to get it, before cargo says it at length.
async fn check_toolchain(folder: &Path, target: &str) -> Result<(), Failure> {
    let rustc = std::env::var_os("RUSTC")
        .filter(|rustc| !rustc.is_empty())
        .unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .current_dir(folder)
        .args(["--print", "target-libdir", "--target", target])
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| no_cargo(&error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said
            .lines()
            .find(|line| line.contains("error"))
            .unwrap_or("rustc does not know it");
        return Err(Failure::new(format!("cannot build for {target}: {said}"))
            .hint_at("wash needs Rust 1.82 or newer for wasm32-wasip2: `rustup update`"));
    }
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let has_std = std::fs::read_dir(&libraries).is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
        })
    });
    if has_std {
        return Ok(());
    }
    Err(
        Failure::new(format!("the Rust target {target} is not installed"))
            .hint_at(format!("rustup target add {target}")),
    )
}

fn artifacts(messages: &[u8]) -> Vec<Artifact> {
    let lines = messages.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .flat_map(|message| match message {
            Message::CompilerArtifact {
                manifest_path,
                target,
                filenames,
            } => {
                let folder = manifest_path
                    .parent()
                    .map(Path::to_owned)
                    .unwrap_or_default();
                filenames
                    .into_iter()
                    .filter(|file| {
                        file.extension()
                            .is_some_and(|extension| extension == "wasm")
                    })
                    .map(|file| Artifact {
                        package_folder: folder.clone(),
                        name: target.name.clone(),
                        file,
                    })
                    .collect()
            }
            Message::Other => Vec::new(),
        })
        .collect()
}

/// The one artifact of the package, or of the whole build.
fn choose(
    artifacts: &[Artifact],
    folder: &Path,
    package: Option<&str>,
) -> Result<PathBuf, Failure> {
    let own: Vec<&Artifact> = artifacts
        .iter()
        .filter(|artifact| artifact.package_folder == folder)
        .collect();
    let candidates = if own.is_empty() {
        artifacts.iter().collect()
    } else {
        own
    };
    match candidates.as_slice() {
        [one] => Ok(one.file.clone()),
        [] => Err(Failure::new("cargo built no WebAssembly file").hint_at(
            "a component needs `[lib] crate-type = [\"cdylib\"]`, or a binary, in Cargo.toml",
        )),
        several => {
            let names: Vec<&str> = several
                .iter()
                .map(|artifact| artifact.name.as_str())
                .collect();
            let what = format!(
                "cargo built several WebAssembly files: {}",
                names.join(", ")
            );
            let hint = match package {
                None => "choose one with `--package NAME`".to_owned(),
                Some(_) => format!("choose one with `wash build -- --bin {}`", names[0]),
            };
            Err(Failure::new(what).hint_at(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(folder: &str, name: &str, file: &str) -> String {
        serde_json::json!({
            "reason": "compiler-artifact", "manifest_path": format!("{folder}/Cargo.toml"),
            "target": {"name": name}, "filenames": [file], "profile": {},
        })
        .to_string()
    }

    #[test]
    fn the_artifact_is_found_among_cargos_messages() {
        let lines = [
            message("/dep", "serde", "/target/libserde.rlib"),
            message("/dep2", "tool", "/target/tool.wasm"),
            message("/project", "app", "/target/app.wasm"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ]
        .join("\n");
        let found = artifacts(lines.as_bytes());
        assert_eq!(
            choose(&found, Path::new("/project"), Some("app")).unwrap(),
            Path::new("/target/app.wasm")
        );
    }

    #[test]
    fn none_and_several_are_explained() {
        assert!(
            choose(&[], Path::new("/project"), None)
                .unwrap_err()
                .hint()
                .unwrap()
                .to_owned()
                .contains("cdylib")
        );
        let lines = [
            message("/a", "one", "/t/one.wasm"),
            message("/b", "two", "/t/two.wasm"),
        ]
        .join("\n");
        let failure = choose(&artifacts(lines.as_bytes()), Path::new("/ws"), None).unwrap_err();
        assert!(failure.message().contains("one, two"), "{failure:?}");
        assert!(failure.hint().unwrap().contains("--package"), "{failure:?}");
    }
}
