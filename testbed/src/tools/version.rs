//! Versions as tools print them.

use std::fmt;
use std::path::Path;
use std::process::Command;

/// Major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// Whether something of this version can stand in for `pinned`: same major, no older minor.
    pub fn serves_for(self, pinned: Version) -> bool {
        self.0 == pinned.0 && self.1 >= pinned.1
    }

    /// The first `N.N.N` of a text, with or without a leading `v` and with any suffix.
    pub fn find_in(text: &str) -> Option<Version> {
        text.split(|c: char| c.is_whitespace() || c == ',')
            .find_map(|word| {
                let word = word.trim_start_matches(|c: char| !c.is_ascii_digit());
                let mut numbers = word.splitn(3, '.');
                let mut next = || {
                    let digits: String = numbers
                        .next()?
                        .chars()
                        .take_while(char::is_ascii_digit)
                        .collect();
                    digits.parse().ok()
                };
                Some(Version(next()?, next()?, next()?))
            })
    }
}

/// What the tool at `path` says its version is.
pub fn ask(path: &Path, args: &[&str]) -> Option<Version> {
    let output = Command::new(path).args(args).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Version::find_in(&String::from_utf8_lossy(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_each_tool_prints() {
        for (printed, version) in [
            ("nats-server: v2.15.0", Version(2, 15, 0)),
            (
                "etcd Version: 3.6.8\nGit SHA: Not provided\nGo Version: go1.26.8",
                Version(3, 6, 8),
            ),
            ("Kubernetes v1.36.3", Version(1, 36, 3)),
            (
                "Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0",
                Version(1, 32, 4),
            ),
            (
                "registry github.com/distribution/distribution/v3 v3.1.1+unknown",
                Version(3, 1, 1),
            ),
            (
                "Version:        1.3.0+unreleased\nGo version:     go1.26.0",
                Version(1, 3, 0),
            ),
        ] {
            assert_eq!(Version::find_in(printed), Some(version), "{printed}");
        }
        assert_eq!(Version::find_in("unknown flag: --version"), None);
    }

    #[test]
    fn an_older_minor_or_another_major_does_not_serve() {
        let pinned = Version(1, 36, 3);
        assert!(Version(1, 36, 0).serves_for(pinned));
        assert!(Version(1, 37, 0).serves_for(pinned));
        assert!(!Version(1, 32, 4).serves_for(pinned));
        assert!(!Version(2, 36, 3).serves_for(pinned));
    }
}
