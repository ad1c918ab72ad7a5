//! The target's std, built with the installed compiler.
//!
//! From Debian come std's sources (package `rust-src`, exactly the compiler's version) and the C
//! library (`wasi-libc`); the linkers, wasm-component-ld and rust-lld, are part of rustup's
//! toolchains. The result is a sysroot in the cache: the target's libraries, and links to the
//! toolchain for the rest.

use std::fs::File;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::debian::Apt;
use super::{TRIPLE, Toolchain, library};
use crate::error::{Error, Result, While};
use crate::project::Project;

/// Written last: without it the folder is what an interrupted build left.
const COMPLETE: &str = ".complete";

/// Where the sysroot for `toolchain` lies.
pub fn folder(project: &Project, toolchain: &Toolchain) -> PathBuf {
    project
        .cache
        .join("rust-std")
        .join(format!("{}-{}", toolchain.version, toolchain.host))
}

pub fn is_complete(sysroot: &Path) -> bool {
    sysroot.join(COMPLETE).is_file() && has_std(&library(sysroot))
}

/// Whether a folder of target libraries holds std.
pub fn has_std(library: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(library) else {
        return false;
    };
    entries.filter_map(std::result::Result::ok).any(|entry| {
        let path = entry.path();
        let named = entry.file_name().to_string_lossy().starts_with("libstd-");
        named
            && path
                .extension()
                .is_some_and(|extension| extension == "rlib")
    })
}

/// Builds it, once, however many processes ask for it.
pub fn make(project: &Project, toolchain: &Toolchain) -> Result<()> {
    let sysroot = folder(project, toolchain);
    let shell = Shell::new()?;
    shell.create_dir(&sysroot)?;
    // Beside the folder, which is emptied; its name holds dots, so nothing can be appended by `with_extension`.
    let lock = File::create(format!("{}.lock", sysroot.display()))?;
    lock.lock()?;
    if is_complete(&sysroot) {
        return Ok(());
    }
    let linkers = toolchain
        .sysroot
        .join("lib/rustlib")
        .join(&toolchain.host)
        .join("bin");
    for linker in ["wasm-component-ld", "rust-lld"] {
        if !linkers.join(linker).is_file() {
            return Err(Error(format!(
                "the toolchain has no {linker}; rustup's toolchains have it"
            )));
        }
    }
    shell.remove_path(&sysroot)?;
    shell.create_dir(&sysroot)?;
    let work = shell.create_temp_dir()?;
    let apt = Apt::open(&work.path().join("apt"))?;

    let sources = work.path().join("sources");
    let of_this_compiler = |version: &str| {
        version
            .strip_prefix(toolchain.version.as_str())
            .is_some_and(|rest| rest.starts_with(['+', '-', '~']))
    };
    apt.unpack("rust-src", of_this_compiler, &sources)
        .or_else(|_| apt.unpack("rust-web-src", of_this_compiler, &sources))
        .doing(format!("the sources of std {}", toolchain.version))?;
    let libc = work.path().join("libc");
    apt.unpack("wasi-libc", |_| true, &libc)?;

    let made = library(&sysroot);
    let self_contained = made.join("self-contained");
    shell.create_dir(&self_contained)?;
    for file in ["crt1-command.o", "crt1-reactor.o", "libc.a"] {
        shell.copy_file(
            libc.join("usr/lib").join(TRIPLE).join(file),
            self_contained.join(file),
        )?;
    }
    let usr_src = sources.join("usr/src");
    let std_sources = shell
        .read_dir(&usr_src)?
        .into_iter()
        .map(|folder| folder.join("library"))
        .find(|library| library.join("sysroot/Cargo.toml").is_file())
        .ok_or_else(|| Error::new("Debian's rust-src holds no library/sysroot"))?;
    // Debian's vendored dependencies are not those of the lockfile.
    shell.remove_path(std_sources.join("vendor"))?;
    link_toolchain(toolchain, &sysroot)?;
    build(
        &shell,
        toolchain,
        &std_sources,
        &sysroot,
        &work.path().join("target"),
    )?;
    if !has_std(&made) {
        return Err(Error::new("the build of std left no libstd"));
    }
    Ok(shell.write_file(sysroot.join(COMPLETE), &toolchain.commit)?)
}

/// The host's half of the sysroot: its libraries and the linkers.
fn link_toolchain(toolchain: &Toolchain, sysroot: &Path) -> Result<()> {
    let (from, to) = (toolchain.sysroot.join("lib"), sysroot.join("lib"));
    for entry in std::fs::read_dir(&from)? {
        let entry = entry?;
        if entry.file_name() != "rustlib" {
            std::os::unix::fs::symlink(entry.path(), to.join(entry.file_name()))?;
        }
    }
    let host = Path::new("rustlib").join(&toolchain.host);
    Ok(std::os::unix::fs::symlink(
        from.join(&host),
        to.join(&host),
    )?)
}

fn build(
    shell: &Shell,
    toolchain: &Toolchain,
    sources: &Path,
    sysroot: &Path,
    target: &Path,
) -> Result<()> {
    let _in_sources = shell.push_dir(sources);
    // As Rust's own build does: std's crates are unstable to users and carry bitcode for LTO; paths
    // in panics are those of the released std.
    let flags = [
        "-Zforce-unstable-if-unmarked".to_owned(),
        "-Cembed-bitcode=yes".to_owned(),
        "--sysroot".to_owned(),
        sysroot.display().to_string(),
        format!(
            "--remap-path-prefix={}=/rustc/{}/library",
            sources.display(),
            toolchain.commit
        ),
    ];
    cmd!(shell, "cargo build --quiet --release --locked --target {TRIPLE} --manifest-path sysroot/Cargo.toml --features backtrace")
        .quiet()
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_DEFAULT_LIB_METADATA", "stablestd")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("RUSTUP_TOOLCHAIN", &toolchain.sysroot)
        .env_remove("RUSTFLAGS")
        .run()?;
    for file in shell.read_dir(target.join(TRIPLE).join("release/deps"))? {
        if file
            .extension()
            .is_some_and(|extension| extension == "rlib")
        {
            shell.copy_file(&file, library(sysroot))?;
        }
    }
    Ok(())
}
