//! Writes the operator's rules for the chart, a file for each kind of place they are granted in, or with `--check`
//! compares them with what is there.

use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;

fn main() -> Result<()> {
    let mut check = false;
    let mut folder = None;
    for argument in std::env::args_os().skip(1) {
        if argument == "--check" {
            check = true;
        } else if folder.replace(PathBuf::from(argument)).is_some() {
            bail!("more than one folder given; usage: rbac [--check] DIR");
        }
    }
    let folder = folder.context("no folder given; usage: rbac [--check] DIR")?;
    for (name, yaml) in operator::rbac::files()? {
        let file = folder.join(name);
        if check {
            let held = std::fs::read_to_string(&file)
                .with_context(|| format!("read {}", file.display()))?;
            ensure!(
                held == yaml,
                "{} is not what the operator needs; run `cargo xtask rbac`",
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
