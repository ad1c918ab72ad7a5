//! Who may import whom, as ARCHITECTURE.md says, read from the manifests.

use std::path::Path;

use crate::error::{Error, Result, While};
use crate::project::Project;

/// A crate, by its folder, and what its dependencies may be.
struct Room {
    folder: &'static str,
    /// Crates of ours. As dev-dependency any crate may also have `testbed`.
    ours: &'static [&'static str],
    /// Crates of ours that only its tests may have.
    tests: &'static [&'static str],
    /// Crates of others that it must not have, since its design keeps their subject out.
    never: &'static [&'static str],
}

const KUBERNETES: &[&str] = &["kube", "k8s-openapi", "kube-cel", "kube_quantity"];

const fn room(folder: &'static str, ours: &'static [&'static str]) -> Room {
    Room {
        folder,
        ours,
        tests: &[],
        never: &[],
    }
}

/// A room that never sees Kubernetes.
const fn apart(folder: &'static str, ours: &'static [&'static str]) -> Room {
    Room {
        folder,
        ours,
        tests: &[],
        never: KUBERNETES,
    }
}

const ROOMS: &[Room] = &[
    room("crd-types", &[]),
    apart("protocol", &[]),
    apart("protocol/codegen", &[]),
    apart("oci", &[]),
    apart("service", &[]),
    Room {
        folder: "operator",
        ours: &["crd-types", "protocol", "oci", "service"],
        // Hundreds of crashes are played through; a process for each would take an hour.
        tests: &["apiserver"],
        never: &[],
    },
    apart("host-api", &[]),
    apart("plugins", &["host-api"]),
    apart(
        "host",
        &["protocol", "oci", "service", "plugins", "host-api"],
    ),
    room("apiserver", &["service"]),
    room(
        "wash-cli",
        &[
            "operator",
            "host",
            "apiserver",
            "crd-types",
            "protocol",
            "oci",
            "service",
        ],
    ),
    room("testbed", &["protocol", "crd-types"]),
    Room {
        folder: "e2e",
        ours: &[],
        tests: &["crd-types", "protocol"],
        never: &[],
    },
    room("xtask", &[]),
];

/// The only dependencies of xtask: with more its first line would take a minute.
const XTASK: &[&str] = &["xshell", "xflags"];

/// Where unsafe code is allowed: loading compiled components.
const UNSAFE_ALLOWANCES: usize = 1;

/// Checks the dependencies of every crate and the allowances of unsafe code.
pub fn check(project: &Project) -> Result<()> {
    let workspace = read(&project.root.join("Cargo.toml"))?;
    let ours = our_crates(&workspace);
    let mut wrong = Vec::new();
    for member in members(&workspace) {
        let Some(room) = ROOMS.iter().find(|room| room.folder == member) else {
            wrong.push(format!(
                "{member} is a new crate: say in xtask/src/arrows.rs what it may import"
            ));
            continue;
        };
        let manifest = read(&project.root.join(&member).join("Cargo.toml"))?;
        for (section, name) in dependencies(&manifest) {
            if let Some(why) = refusal(room, section, &name, &ours) {
                wrong.push(format!("{member}/Cargo.toml: {name}: {why}"));
            }
        }
    }
    let allowances = unsafe_allowances(&project.root)?;
    if allowances.len() > UNSAFE_ALLOWANCES {
        wrong.push(format!(
            "unsafe code is allowed in more than one place: {}",
            allowances.join(", ")
        ));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error(wrong.join("\n")))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Product,
    Tests,
}

fn refusal(room: &Room, section: Section, name: &str, ours: &[String]) -> Option<&'static str> {
    if room.folder == "xtask" {
        return (!XTASK.contains(&name)).then_some("xtask depends on xshell and xflags only");
    }
    if !ours.iter().any(|crate_name| crate_name == name) {
        let refused = section == Section::Product && room.never.contains(&name);
        return refused.then_some("this crate never sees Kubernetes");
    }
    let allowed = room.ours.contains(&name)
        || (section == Section::Tests && (name == "testbed" || room.tests.contains(&name)));
    (!allowed).then_some("ARCHITECTURE.md, \"Who may import whom\", has no such arrow")
}

/// The paths of `members = […]`.
fn members(workspace: &str) -> Vec<String> {
    let list = workspace
        .split("members = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next())
        .unwrap_or_default();
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The names that the workspace declares with a path.
fn our_crates(workspace: &str) -> Vec<String> {
    let declared = workspace
        .lines()
        .filter(|line| line.contains("path = \"") && line.contains(" = {"));
    declared
        .filter_map(|line| line.split(" = {").next())
        .map(|name| name.trim().to_owned())
        .collect()
}

fn dependencies(manifest: &str) -> Vec<(Section, String)> {
    let mut section = None;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            section = if header.ends_with("dev-dependencies") {
                Some(Section::Tests)
            } else if header.ends_with("dependencies") {
                Some(Section::Product)
            } else {
                None
            };
        } else if let Some(section) = section
            && let Some(name) = line.split(['.', ' ', '=']).next()
            && !name.is_empty()
            && !name.starts_with('#')
            && line.contains('=')
        {
            found.push((section, name.to_owned()));
        }
    }
    found
}

/// The places that lift the workspace's `unsafe_code = "deny"`.
fn unsafe_allowances(root: &Path) -> Result<Vec<String>> {
    // Split, or this file would count itself.
    let lifted = [
        ["allow(", "unsafe_code"].concat(),
        ["expect(", "unsafe_code"].concat(),
    ];
    let mut places = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, name) = (
                entry.path(),
                entry.file_name().to_string_lossy().into_owned(),
            );
            if entry.file_type()?.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text: String = read(&path)?.split_whitespace().collect();
                let count: usize = lifted
                    .iter()
                    .map(|lift| text.matches(lift.as_str()).count())
                    .sum();
                let place = path
                    .strip_prefix(root)
                    .unwrap_or(&path)
                    .display()
                    .to_string();
                places.extend(std::iter::repeat_n(place, count));
            }
        }
    }
    Ok(places)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).doing(format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "[workspace]\nmembers = [\n  \"a\", \"b/c\",\n]\n[workspace.dependencies]\n\
        host = { path = \"host\" }\nkube = { version = \"5\" }\n";

    #[test]
    fn reads_the_manifests() {
        assert_eq!(members(WORKSPACE), ["a", "b/c"]);
        assert_eq!(our_crates(WORKSPACE), ["host"]);
        let manifest = "[package]\nname = \"x\"\n[dependencies]\nkube.workspace = true\nhost = { workspace = true }\n\
            # a remark = one\n[dev-dependencies]\ntestbed.workspace = true\n[lints]\nworkspace = true\n";
        assert_eq!(
            dependencies(manifest),
            [
                (Section::Product, "kube".to_owned()),
                (Section::Product, "host".to_owned()),
                (Section::Tests, "testbed".to_owned())
            ]
        );
    }

    #[test]
    fn an_arrow_that_is_not_drawn_is_refused() {
        let ours = ["host", "testbed", "protocol", "crd-types"].map(str::to_owned);
        let host = apart("host", &["protocol"]);
        assert!(refusal(&host, Section::Product, "protocol", &ours).is_none());
        assert!(refusal(&host, Section::Product, "serde", &ours).is_none());
        assert!(refusal(&host, Section::Tests, "testbed", &ours).is_none());
        assert!(refusal(&host, Section::Product, "testbed", &ours).is_some());
        assert!(refusal(&host, Section::Product, "crd-types", &ours).is_some());
        assert!(refusal(&host, Section::Product, "kube", &ours).is_some());
        assert!(refusal(&room("xtask", &[]), Section::Product, "serde", &ours).is_some());
    }
}
