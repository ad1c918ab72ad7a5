//! Writes the CRDs as YAML into a folder, or with `--check` compares it with what is there.

use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;

fn main() -> Result<()> {
    let mut check = false;
    let mut folder = None;
    for argument in std::env::args_os().skip(1) {
        if argument == "--check" {
            check = true;
        } else if folder.replace(PathBuf::from(argument)).is_some() {
            bail!("more than one folder given; usage: crds [--check] DIR");
        }
    }
    let folder = folder.context("no folder given; usage: crds [--check] DIR")?;
    for crd in crd_types::crds() {
        let file = folder.join(format!("{}.yaml", crd.spec.names.plural));
        let yaml = crd_types::to_yaml(&crd)
            .with_context(|| format!("write {} as YAML", crd.spec.names.kind))?;
        if check {
            let held = std::fs::read_to_string(&file)
                .with_context(|| format!("read {}", file.display()))?;
            ensure!(
                held == yaml,
                "{} is not what crd-types generates; run `cargo xtask crds`",
                file.display()
            );
        } else {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("create {}", folder.display()))?;
            std::fs::write(&file, yaml).with_context(|| format!("write {}", file.display()))?;
        }
    }
    Ok(())
}
