//! The book under `docs/`: its generated pages, and that every page is in the table of contents and every link
//! leads somewhere, in the pages beside the book too. mdBook itself is not needed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use xshell::cmd;

use crate::cargo;
use crate::error::{Error, Result, While};
use crate::project::Project;

/// Where the generated pages lie.
const GENERATED: &str = "docs/src/reference";
const SOURCE: &str = "docs/src";
/// Pages for readers of the repository, whose links are checked as well.
const BESIDE: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "crd-types/additions.md",
    "apiserver/docs/differences.md",
    "apiserver/tests/fixtures/README.md",
];

/// Writes the generated pages, or checks them; then checks contents and links.
pub fn run(project: &Project, check: bool) -> Result<()> {
    let docs = cargo::helper(project, "docs")?;
    let shell = project.shell()?;
    let flag = check.then_some("--check");
    cmd!(shell, "{docs} {flag...} {GENERATED}").quiet().run()?;
    let source = project.root.join(SOURCE);
    let mut pages = BTreeSet::new();
    collect(&source, &mut pages)?;
    let mut problems = unlisted(&source, &pages)?;
    pages.extend(BESIDE.iter().map(|page| project.root.join(page)));
    problems.extend(dead_links(&project.root, &pages)?);
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::new(problems.join("\n")))
}

/// Pages of the book that its table of contents lacks, in sentences.
fn unlisted(source: &Path, pages: &BTreeSet<PathBuf>) -> Result<Vec<String>> {
    let summary = source.join("SUMMARY.md");
    let text = std::fs::read_to_string(&summary).doing(summary.display())?;
    let mut listed: BTreeSet<PathBuf> = links(&text).iter().map(|l| source.join(l)).collect();
    listed.insert(summary);
    let missing = pages.difference(&listed);
    Ok(missing
        .map(|page| format!("{} is not in SUMMARY.md", shown(source, page)))
        .collect())
}

/// Links to files and headings that are not there, in sentences.
fn dead_links(root: &Path, pages: &BTreeSet<PathBuf>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(page).doing(page.display())?;
        for link in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                page.clone()
            } else {
                tidy(&page.with_file_name(path))
            };
            let page = shown(root, page);
            match std::fs::read_to_string(&target) {
                Err(_) => found.push(format!("{page}: {link} leads nowhere")),
                Ok(text) if !anchor.is_empty() && !anchors(&text).contains(anchor) => {
                    found.push(format!("{page}: {link} names no heading there"));
                }
                Ok(_) => {}
            }
        }
    }
    Ok(found)
}

fn shown<'a>(root: &Path, page: &'a Path) -> std::path::Display<'a> {
    page.strip_prefix(root).unwrap_or(page).display()
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

    #[test]
    fn dead_links_and_pages_without_a_place_are_named() {
        let shell = xshell::Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        let page = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let summary = page("SUMMARY.md", "[a](a.md)");
        let a = page("a.md", "# Here\n[x](#here) [y](#there) [z](z.md) [b](b.md)");
        let b = page("b.md", "");
        let pages = BTreeSet::from([summary, a, b]);
        assert_eq!(
            unlisted(folder.path(), &pages).unwrap(),
            ["b.md is not in SUMMARY.md"]
        );
        assert_eq!(
            dead_links(folder.path(), &pages).unwrap(),
            [
                "a.md: #there names no heading there",
                "a.md: z.md leads nowhere"
            ]
        );
    }
}
