//! Tools from Debian packages, for what is not to be had as a Go module.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::pins::Tool;

/// Downloads a package through a private apt root, so that the machine's own apt state stays as it
/// is and no root rights are needed.
pub fn unpack(tool: &Tool, package: &str, binary: &str, work: &Path, made: &Path) -> Result<()> {
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
