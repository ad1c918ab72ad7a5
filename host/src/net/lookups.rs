//! `allowedIpNameLookups`: which names a component may resolve. An empty list resolves nothing.

use super::host_pattern::{HostName, HostPattern};

/// One component's `allowedIpNameLookups`: `*`, `*.suffix`, a name, or a literal address; in any case and
/// any script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpNameLookups {
    patterns: Vec<HostPattern>,
}

impl IpNameLookups {
    /// Reads a list. The error has one sentence for each bad entry.
    pub fn parse(entries: &[String]) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut patterns = Vec::with_capacity(entries.len());
        for text in entries {
            match HostPattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(problem) => {
                    problems.push(format!("allowedIpNameLookups entry {text:?}: {problem}"));
                }
            }
        }
        if problems.is_empty() {
            Ok(Self { patterns })
        } else {
            Err(problems)
        }
    }

    /// Whether `name` may be resolved. A name that is none is refused.
    pub fn allows(&self, name: &str) -> bool {
        HostName::parse(name)
            .is_ok_and(|host| self.patterns.iter().any(|pattern| pattern.matches(&host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> IpNameLookups {
        IpNameLookups::parse(&entries.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_empty_list_resolves_nothing() {
        assert!(!list(&[]).allows("example.com"));
    }

    #[test]
    fn names_suffixes_and_addresses_match_in_normal_form() {
        let names = list(&["Example.com", "*.internal", "10.0.0.1", "bücher.de"]);
        for allowed in [
            "example.COM",
            "example.com.",
            "db.internal",
            "10.0.0.1",
            "xn--bcher-kva.de",
            "BÜCHER.de",
        ] {
            assert!(names.allows(allowed), "{allowed}");
        }
        for denied in ["a.example.com", "internal", "10.0.0.2", "", "..", "a b"] {
            assert!(!names.allows(denied), "{denied}");
        }
        assert!(list(&["*"]).allows("anything.at.all"));
    }

    #[test]
    fn every_bad_entry_is_named() {
        let entries = ["ok.example", "*foo", "a:1"].map(str::to_owned);
        let problems = IpNameLookups::parse(&entries).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems[0].contains("\"*foo\"") && problems[1].contains("\"a:1\""),
            "{problems:?}"
        );
    }
}
