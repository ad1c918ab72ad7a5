//! Generates `protocol/src/generated` from `protocol/proto`. The result is committed, so that nobody who builds the
//! workspace needs a protobuf compiler.
//!
//! `protocol-codegen [--check]`: writes the files, or fails when they are not what it would write.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use prost_build::Config;

const PACKAGES: [&str; 2] = ["wasmcloud.runtime.v2", "wasmcloud.runtime.ext.v1"];

const FILES: [&str; 5] = [
    "wasmcloud/runtime/v2/command.proto",
    "wasmcloud/runtime/v2/host.proto",
    "wasmcloud/runtime/v2/interface.proto",
    "wasmcloud/runtime/v2/workload.proto",
    "wasmcloud/runtime/ext/v1/ext.proto",
];

/// Messages that hold secrets: they get a hand-written `Debug` that shows none.
const REDACTED: [&str; 5] = [
    ".wasmcloud.runtime.v2.ImagePullSecret",
    ".wasmcloud.runtime.v2.LocalResources",
    ".wasmcloud.runtime.v2.WitInterface",
    ".wasmcloud.runtime.ext.v1.ComponentExtension",
    ".wasmcloud.runtime.ext.v1.StartExtension",
];

fn main() -> Result<()> {
    let check = match env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => bail!("unknown argument {other:?}; the only one is --check"),
    };
    // Of this run, not of the build: where checkouts share a target folder, the program may be another's.
    let here = env::var_os("CARGO_MANIFEST_DIR").context("start it as `cargo xtask protos`")?;
    let protocol = Path::new(&here).join("..");
    let fresh = generate(&protocol.join("proto"))?;
    let committed = protocol.join("src/generated");
    for (name, text) in fresh {
        let path = committed.join(&name);
        if check {
            let held = fs::read_to_string(&path).unwrap_or_default();
            if held != text {
                bail!("src/generated/{name} is out of date: run `cargo xtask protos`");
            }
        } else {
            fs::create_dir_all(&committed)?;
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Name and text of every generated file.
fn generate(protos: &Path) -> Result<Vec<(String, String)>> {
    let out = env::temp_dir().join(format!("protocol-codegen-{}", std::process::id()));
    fs::create_dir_all(&out)?;
    let files = generate_into(protos, &out);
    fs::remove_dir_all(&out)?;
    files
}

fn generate_into(protos: &Path, out: &Path) -> Result<Vec<(String, String)>> {
    let set = protox::compile(FILES, [protos])?;
    let mut config = Config::new();
    config
        .out_dir(out)
        .btree_map(["."])
        .skip_debug(REDACTED)
        .compile_well_known_types()
        .extern_path(".google.protobuf", "::pbjson_types");
    config.compile_fds(set.clone())?;
    let mut json = pbjson_build::Builder::new();
    for file in set.file {
        json.register_file_descriptor(file);
    }
    json.out_dir(out)
        .btree_map(["."])
        .ignore_unknown_fields()
        .extern_path(".google.protobuf", "::pbjson_types")
        .build(&PACKAGES.map(|package| format!(".{package}")))?;
    let mut files = Vec::new();
    for package in PACKAGES {
        for name in [format!("{package}.rs"), format!("{package}.serde.rs")] {
            let path: PathBuf = out.join(&name);
            let text =
                fs::read_to_string(&path).with_context(|| format!("{name} was not generated"))?;
            files.push((name, text));
        }
    }
    Ok(files)
}
