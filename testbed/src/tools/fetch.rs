//! Getting a missing tool into the tools folder, once, however many processes ask for it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use fs4::fs_std::FileExt;

use super::find::{Places, look};
use super::pins::{ALL, Source, Tool};

/// Fetches each of `names` (all when empty) that is not on this machine, telling `say` about it.
pub fn fetch_missing(names: &[String], say: &mut dyn FnMut(&str)) -> Result<()> {
    let mut tools = Vec::new();
    for name in names {
        let known = || {
            ALL.iter()
                .map(|tool| tool.name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        tools.push(
            Tool::named(name)
                .with_context(|| format!("no tool is called {name}; there are {}", known()))?,
        );
    }
    if names.is_empty() {
        tools.extend(ALL);
    }
    for tool in tools {
        let started = Instant::now();
        let path = fetch(tool, say)?;
        say(&format!(
            "{} {} in {:.1} s: {}",
            tool.name,
            tool.version,
            started.elapsed().as_secs_f32(),
            path.display()
        ));
    }
    Ok(())
}

/// The binary of `tool`, fetched when it is not on this machine.
pub fn fetch(tool: &Tool, say: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let places = Places::of_this_process()?;
    if let Some(path) = look(tool, &places) {
        return Ok(path);
    }
    std::fs::create_dir_all(&places.tools)
        .with_context(|| format!("cannot create the tools folder {}", places.tools.display()))?;
    // One lock for all tools: the Go builds share most of their work, and two at once take longer.
    let lock = File::create(places.tools.join("lock"))?;
    lock.lock_exclusive()
        .context("cannot lock the tools folder")?;
    if let Some(path) = look(tool, &places) {
        return Ok(path);
    }
    let target = places.fetched(tool);
    let folder = target.parent().context("a tool has a folder")?;
    std::fs::create_dir_all(folder)?;
    // Made beside its place and renamed into it: an interrupted build is never mistaken for a tool.
    let making = tempfile::Builder::new()
        .prefix(".making-")
        .tempdir_in(&places.tools)?;
    let made = making.path().join(tool.name);
    match &tool.source {
        Source::Go {
            module,
            package,
            ldflags,
        } => {
            say(&format!(
                "building {} {} with Go (minutes, once per machine)",
                tool.name, tool.version
            ));
            build_with_go(tool, module, package, ldflags, &made)?;
        }
        Source::Debian { package, binary } => {
            say(&format!(
                "unpacking {} from Debian's package {package}",
                tool.name
            ));
            unpack_from_debian(tool, package, binary, making.path(), &made)?;
        }
    }
    std::fs::rename(&made, &target)?;
    Ok(target)
}

fn build_with_go(
    tool: &Tool,
    module: &str,
    package: &str,
    ldflags: &str,
    made: &Path,
) -> Result<()> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("servers")
        .join(module);
    let built = Command::new("go")
        .current_dir(&sources)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-mod=readonly")
        .args([
            "build",
            "-trimpath",
            "-ldflags",
            &format!("-s -w {ldflags}"),
            "-o",
        ])
        .arg(made)
        .arg(package)
        .output();
    let output = match built {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "{name} {version} is not on this machine, and there is no Go to build it with: install Go 1.26 or newer \
             (https://go.dev/dl), or put {name} {version} on PATH",
            name = tool.name,
            version = tool.version
        ),
        Err(error) => return Err(error).context("cannot run go"),
    };
    ensure!(
        output.status.success(),
        "go could not build {package} in {}:\n{}",
        sources.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Downloads a package through a private apt root, so that the machine's own apt state stays as it
/// is and no root rights are needed.
fn unpack_from_debian(
    tool: &Tool,
    package: &str,
    binary: &str,
    work: &Path,
    made: &Path,
) -> Result<()> {
    let otherwise = format!("put {} {} on PATH instead", tool.name, tool.version);
    let archive = debian_archive().with_context(|| otherwise.clone())?;
    let root = work.join("apt");
    for folder in ["lists/partial", "cache/archives/partial", "parts"] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    std::fs::write(root.join("status"), "")?;
    let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let sources = format!("deb [signed-by={keys}] {archive} sid main\n");
    std::fs::write(root.join("sources.list"), sources)?;
    let dir = root.display();
    let config = format!(
        "Dir::State \"{dir}\"; Dir::State::Lists \"{dir}/lists\"; Dir::State::status \"{dir}/status\";\n\
         Dir::Cache \"{dir}/cache\"; Dir::Etc::SourceList \"{dir}/sources.list\";\n\
         Dir::Etc::SourceParts \"{dir}/parts\"; Dir::Etc::PreferencesParts \"{dir}/parts\";\n\
         APT::Sandbox::User \"\"; Acquire::Languages \"none\"; Acquire::Retries \"3\";\n\
         Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n"
    );
    let config_file = root.join("apt.conf");
    std::fs::write(&config_file, config)?;
    let apt = |args: &[&str]| -> Result<()> {
        let output = Command::new("apt-get")
            .current_dir(work)
            .env("APT_CONFIG", &config_file)
            .args(args)
            .output()
            .context("cannot run apt-get")?;
        ensure!(
            output.status.success(),
            "apt-get {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    };
    apt(&["-qq", "update"]).with_context(|| otherwise.clone())?;
    apt(&["-qq", "download", package]).with_context(|| otherwise.clone())?;
    let archive_file = std::fs::read_dir(work)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .with_context(|| format!("apt-get downloaded no {package}; {otherwise}"))?;
    let unpacked = work.join("unpacked");
    let status = Command::new("dpkg-deb")
        .arg("-x")
        .arg(&archive_file)
        .arg(&unpacked)
        .status()?;
    ensure!(
        status.success(),
        "dpkg-deb could not unpack {}; {otherwise}",
        archive_file.display()
    );
    std::fs::rename(unpacked.join(binary), made)
        .with_context(|| format!("{package} holds no {binary}; {otherwise}"))
}

/// The Debian archive that this machine's own apt reads.
fn debian_archive() -> Result<String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)"])
        .output()
        .context("this machine has no apt-get to fetch a Debian package with")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .find(|line| line.trim_end_matches('/').ends_with("/debian"))
        .map(str::to_owned)
        .context("this machine's apt reads no Debian archive")
}
