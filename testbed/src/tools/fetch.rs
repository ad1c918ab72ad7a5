//! Getting a missing tool into the tools folder, once, however many processes ask for it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use fs4::fs_std::FileExt;

use super::find::{Places, look};
use super::pins::{ALL, Archive, Source, Tool};
use super::{archive, debian, go};

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
    if !from_archive(tool, making.path(), &made, say)? {
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
                go::build(tool, module, package, ldflags, &made)?;
            }
            Source::Debian { package, binary } => {
                say(&format!(
                    "unpacking {} from Debian's package {package}",
                    tool.name
                ));
                debian::unpack(tool, package, binary, making.path(), &made)?;
            }
        }
    }
    std::fs::rename(&made, &target)?;
    Ok(target)
}

/// Whether a release archive gave it. One that cannot be had leaves the other sources.
fn from_archive(tool: &Tool, work: &Path, made: &Path, say: &mut dyn FnMut(&str)) -> Result<bool> {
    let here = |archive: &&Archive| {
        archive.os == std::env::consts::OS && archive.arch == std::env::consts::ARCH
    };
    let Some(found) = tool.archives.iter().find(here) else {
        return Ok(false);
    };
    say(&format!("downloading {} {}", tool.name, tool.version));
    match archive::unpack(found, work, made) {
        Ok(()) => Ok(true),
        // Whoever changes what a release holds must not be answered by trying elsewhere.
        Err(error) if error.is::<archive::WrongChecksum>() => Err(error),
        Err(error) => {
            say(&format!("{error:#}; trying another source"));
            Ok(false)
        }
    }
}
