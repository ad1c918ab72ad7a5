//! The book under `docs/`: its generated pages, and that every page is in the table of contents and every link
//! leads somewhere. mdBook itself is not needed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use xshell::cmd;

use crate::cargo;
use crate::error::{Error, Result, While};
use crate::project::Project;

/// Where the generated pages lie.
const GENERATED: &str = "docs/src/reference";
const SOURCE: &str = "docs/src";

/// Writes the generated pages, or checks them; then checks contents and links.
pub fn run(project: &Project, check: bool) -> Result<()> {
    let docs = cargo::helper(project, "docs")?;
    let shell = project.shell()?;
    let flag = check.then_some("--check");
    cmd!(shell, "{docs} {flag...} {GENERATED}").quiet().run()?;
    let problems = problems(&project.root.join(SOURCE))?;
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::new(problems.join("\n")))
}

/// What is wrong with the book, in sentences.
fn problems(source: &Path) -> Result<Vec<String>> {
    let mut pages = BTreeSet::new();
    collect(source, &mut pages)?;
    let summary = source.join("SUMMARY.md");
    let mut found = Vec::new();
    let mut listed = BTreeSet::from([summary.clone()]);
    for page in &pages {
        let text = std::fs::read_to_string(page).doing(page.display())?;
        for link in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                page.clone()
            } else {
                tidy(&page.with_file_name(path))
            };
            if page == &summary {
                listed.insert(target.clone());
            }
            let shown = page.strip_prefix(source).unwrap_or(page).display();
            match std::fs::read_to_string(&target) {
                Err(_) => found.push(format!("{shown}: {link} leads nowhere")),
                Ok(text) if !anchor.is_empty() && !anchors(&text).contains(anchor) => {
                    found.push(format!("{shown}: {link} names no heading there"));
                }
                Ok(_) => {}
            }
        }
    }
    for page in pages.difference(&listed) {
        let shown = page.strip_prefix(source).unwrap_or(page).display();
        found.push(format!("{shown} is not in SUMMARY.md"));
    }
    Ok(found)
}

fn collect(folder: &Path, pages: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).doing(folder.display())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, pages)?;
        } else if path.extension().is_some_and(|e| e == "md") {
            pages.insert(path);
        }
    }
    Ok(())
}

/// Targets of links within the book, outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            let link = &rest[..end];
            if !link.contains("://") {
                found.push(link);
            }
            rest = &rest[end..];
        }
    }
    found
}

/// Anchors of headings, as mdBook makes them, and those written out.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|l| l.starts_with('#')).map(|line| {
        line.trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter_map(|c| match c {
                ' ' => Some('-'),
                c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                _ => None,
            })
            .collect()
    });
    let written = text.split("<a id=\"").skip(1);
    let written = written.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
    headings.chain(written).collect()
}

/// A path without `..`, without asking the file system.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        if part == std::path::Component::ParentDir {
            tidied.pop();
        } else {
            tidied.push(part);
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_outside_of_code_are_found() {
        let text = "[a](a.md) and [b](b/c.md#d), [web](https://example.com)\n```\n[no](no.md)\n```\n[here](#x)";
        assert_eq!(links(text), ["a.md", "b/c.md#d", "#x"]);
    }

    #[test]
    fn headings_have_anchors() {
        let found = anchors("# A page\n## Half-way: `there`\n<a id=\"word\"></a>");
        assert_eq!(
            found,
            BTreeSet::from([
                "a-page".to_owned(),
                "half-way-there".to_owned(),
                "word".to_owned()
            ])
        );
        assert_eq!(tidy(Path::new("a/b/../c.md")), Path::new("a/c.md"));
    }
}
