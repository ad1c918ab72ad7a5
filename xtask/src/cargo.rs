//! Building with Cargo, and one line that says how far it is.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, While};
use crate::project::Project;
use crate::say;
use crate::steps::seconds;

/// How often a line is written when it cannot be replaced in place (a log, CI).
const LOG_EVERY: Duration = Duration::from_secs(30);

/// What every build and test of the workspace selects. Cargo unifies the features of dependencies over
/// what is selected: with one selection for all, none compiles again what another has. The code
/// generator stays out, as its parser wants features that nothing else has.
pub const SELECTION: [&str; 3] = ["--workspace", "--exclude", "protocol-codegen"];

/// Builds everything a user runs.
pub fn build_binaries(project: &Project) -> Result<()> {
    build_with_progress(project, &["wash", "runtime-operator", "wasmcloud-host"])
}

/// Builds `wash`, which is the whole platform.
pub fn build_wash(project: &Project) -> Result<()> {
    build_with_progress(project, &["wash"])
}

fn build_with_progress(project: &Project, binaries: &[&str]) -> Result<()> {
    let total = packages(project)?;
    build(
        selected(project, binaries),
        &format!("building {}", binaries.join(", ")),
        total,
    )
}

/// Builds a binary that is part of the tooling, and returns it.
pub fn helper(project: &Project, name: &str) -> Result<PathBuf> {
    build(selected(project, &[name]), &format!("building {name}"), 0)?;
    Ok(project.binary(name))
}

/// Builds binaries, each with its package, as they are measured.
pub fn build_measured(project: &Project, binaries: &[(&str, &str)]) -> Result<()> {
    let mut command = cargo();
    command
        .current_dir(&project.root)
        .args(["build", "--profile", "measured"]);
    for (package, binary) in binaries {
        command.args(["--package", package, "--bin", binary]);
    }
    build(command, "building what is measured", 0)
}

fn selected(project: &Project, binaries: &[&str]) -> Command {
    let mut command = cargo();
    command
        .current_dir(&project.root)
        .arg("build")
        .args(SELECTION);
    for binary in binaries {
        command.args(["--bin", binary]);
    }
    command
}

/// The Cargo that runs xtask.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a Cargo command with `--message-format` and shows its progress out of `total` packages.
pub fn build(mut command: Command, what: &str, total: usize) -> Result<()> {
    let mut child = command
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing("cannot run cargo")?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::new("cargo was started without its output"));
    };
    let progress = Mutex::new(Progress::new(what, total));
    let ended = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        let told = scope.spawn(|| {
            let mut told = Vec::new();
            for line in BufReader::new(stderr)
                .lines()
                .map_while(std::result::Result::ok)
            {
                match compiling(&line) {
                    Some(name) => locked(&progress).current(name),
                    None => told.push(line),
                }
            }
            told
        });
        // One crate may take a minute: the time goes on meanwhile.
        let clock = scope.spawn(|| {
            while !ended.load(Ordering::Acquire) {
                std::thread::park_timeout(Duration::from_secs(1));
                locked(&progress).show();
            }
        });
        for line in BufReader::new(stdout)
            .lines()
            .map_while(std::result::Result::ok)
        {
            if let Some(package) = finished(&line) {
                locked(&progress).finished(package);
            }
        }
        ended.store(true, Ordering::Release);
        clock.thread().unpark();
        told.join().unwrap_or_default()
    });
    say::clear_progress();
    let status = child.wait()?;
    if status.success() {
        return Ok(());
    }
    for line in &told {
        say::line(line);
    }
    Err(Error(format!("cargo failed ({status})")))
}

struct Progress {
    what: String,
    total: usize,
    done: HashSet<String>,
    current: String,
    started: Instant,
    logged: Instant,
}

impl Progress {
    fn new(what: &str, total: usize) -> Self {
        let now = Instant::now();
        Self {
            what: what.to_owned(),
            total,
            done: HashSet::new(),
            current: String::new(),
            started: now,
            logged: now,
        }
    }

    fn current(&mut self, name: &str) {
        name.clone_into(&mut self.current);
        self.show();
    }

    fn finished(&mut self, package: &str) {
        self.done.insert(package.to_owned());
        self.show();
    }

    fn show(&mut self) {
        if self.current.is_empty() {
            // Nothing is being compiled: all that was reported so far was there already.
            return;
        }
        // Packages that only other platforms need make the count an estimate; it never runs over.
        let total = self.total.max(self.done.len());
        let elapsed = seconds(self.started.elapsed());
        let text = format!(
            "  … {}: {}/{total} crates, {elapsed}, {}",
            self.what,
            self.done.len(),
            self.current
        );
        if say::watched() {
            say::progress(&text);
        } else if self.logged.elapsed() >= LOG_EVERY {
            self.logged = Instant::now();
            say::line(&text);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `   Compiling serde v1.0.228` → `serde`
fn compiling(line: &str) -> Option<&str> {
    line.trim_start()
        .strip_prefix("Compiling ")?
        .split(' ')
        .next()
}

/// The package id of a message that reports a finished library, binary or proc-macro.
fn finished(line: &str) -> Option<&str> {
    if !line.contains("\"reason\":\"compiler-artifact\"")
        || line.contains("\"kind\":[\"custom-build\"]")
    {
        return None;
    }
    line.split("\"package_id\":\"").nth(1)?.split('"').next()
}

/// How many packages the binaries are made of.
fn packages(project: &Project) -> Result<usize> {
    let output = cargo()
        .current_dir(&project.root)
        .args([
            "tree",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .output()
        .doing("cannot run cargo tree")?;
    if !output.status.success() {
        return Err(Error(format!(
            "cargo tree failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    Ok(count(&String::from_utf8_lossy(&output.stdout)))
}

fn count(tree: &str) -> usize {
    let lines = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)").trim())
        .filter(|line| !line.is_empty());
    lines.collect::<HashSet<_>>().len()
}

/// Fails, naming the command, when a binary is not there.
pub fn expect_file(path: &Path, command: &str) -> Result<()> {
    if path.is_file() {
        return Ok(());
    }
    Err(Error(format!(
        "{} is missing: build it with `{command}`",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cargo_prints() {
        assert_eq!(compiling("   Compiling serde v1.0.228"), Some("serde"));
        assert_eq!(compiling("warning: unused variable"), None);
        let artifact = r#"{"reason":"compiler-artifact","package_id":"registry+x#serde@1.0.228","target":{"kind":["lib"]}}"#;
        assert_eq!(finished(artifact), Some("registry+x#serde@1.0.228"));
        let script = r#"{"reason":"compiler-artifact","package_id":"registry+x#serde@1.0.228","target":{"kind":["custom-build"]}}"#;
        assert_eq!(finished(script), None);
        assert_eq!(
            finished(r#"{"reason":"build-finished","success":true}"#),
            None
        );
    }

    #[test]
    fn a_package_counts_once() {
        assert_eq!(
            count("host v0.1.0 (dir)\nserde v1.0.1\n\nwash-cli v0.1.0 (dir)\nserde v1.0.1 (*)\n"),
            3
        );
    }
}
