//! Writes the generated pages of the book into a folder, or with `--check` compares them with what is there: the
//! reference of the custom resources, the reasons, the
//! Events, and the operator's flags.

mod crds;
mod events;
mod flags;
mod reasons;

use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;

fn main() -> Result<()> {
    let mut check = false;
    let mut folder = None;
    for argument in std::env::args_os().skip(1) {
        if argument == "--check" {
            check = true;
        } else if folder.replace(PathBuf::from(argument)).is_some() {
            bail!("more than one folder given; usage: docs [--check] DIR");
        }
    }
    let folder = folder.context("no folder given; usage: docs [--check] DIR")?;
    let pages = [
        ("custom-resources.md", crds::page()?),
        ("reasons.md", reasons::page()),
        ("events.md", events::page()),
        ("operator-flags.md", flags::page()),
    ];
    for (name, text) in pages {
        let file = folder.join(name);
        if check {
            let held = std::fs::read_to_string(&file)
                .with_context(|| format!("read {}", file.display()))?;
            ensure!(
                held == text,
                "{} is not what the code says; run `cargo xtask docs`",
                file.display()
            );
        } else {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("create {}", folder.display()))?;
            std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        }
    }
    Ok(())
}

/// Text for a cell of a table, on one line.
fn cell(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").replace('|', "\\|")
}
