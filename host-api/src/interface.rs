//! Names of WIT interfaces and the rules by which versions of them match.

use semver::Version;
use std::{fmt, str::FromStr};

/// A WIT interface as a component imports or exports it: `namespace:package/interface[@version]`.
///
/// `Display` writes exactly the text that names the instance in the component.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InterfaceName {
    /// `wasi` in `wasi:config/store@0.2.0-rc.1`.
    pub namespace: String,
    /// `config`.
    pub package: String,
    /// `store`.
    pub interface: String,
    /// `0.2.0-rc.1`; packages may be unversioned.
    pub version: Option<Version>,
}

impl InterfaceName {
    /// Whether both name the same interface of the same package, whatever the versions.
    pub fn same_interface(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.package == other.package
            && self.interface == other.interface
    }

    /// Whether a component that imports `self` can be given `offered`.
    pub fn accepts(&self, offered: &Self) -> bool {
        self.same_interface(offered) && compatible(self.version.as_ref(), offered.version.as_ref())
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.namespace, self.package, self.interface)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

/// The text is not `namespace:package/interface[@version]`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not the name of a WIT interface: expected `namespace:package/interface[@version]`"
)]
pub struct ParseInterfaceError(String);

impl FromStr for InterfaceName {
    type Err = ParseInterfaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseInterfaceError(text.to_owned());
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version.parse().map_err(|_| error())?)),
            None => (text, None),
        };
        let (namespace, rest) = path.split_once(':').ok_or_else(error)?;
        let (package, interface) = rest.split_once('/').ok_or_else(error)?;
        if [namespace, package, interface]
            .iter()
            .any(|part| part.is_empty())
            || interface.contains('/')
        {
            return Err(error());
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            package: package.to_owned(),
            interface: interface.to_owned(),
            version,
        })
    }
}

/// The compatibility rule of the component model: releases are compatible within a major version, or
/// within a minor version while the major is 0, or only with themselves at 0.0.x; a pre-release is
/// compatible only with itself. An absent version matches any.
pub fn compatible(wanted: Option<&Version>, offered: Option<&Version>) -> bool {
    let (Some(wanted), Some(offered)) = (wanted, offered) else {
        return true;
    };
    if !wanted.pre.is_empty() || !offered.pre.is_empty() {
        return wanted == offered;
    }
    match (wanted.major, wanted.minor) {
        (0, 0) => wanted == offered,
        (0, minor) => offered.major == 0 && offered.minor == minor,
        (major, _) => offered.major == major,
    }
}

/// Which versions of a package a plugin serves.
#[derive(Clone, Copy, Debug)]
pub enum Versions {
    /// Every version, for interfaces whose shape never changed.
    Any,
    /// Versions [`compatible`] with one of these.
    Compatible(&'static [&'static str]),
}

/// Interfaces of one package that a plugin serves.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// `namespace:package`.
    pub package: &'static str,
    /// The interfaces of it.
    pub interfaces: &'static [&'static str],
    /// The versions of it.
    pub versions: Versions,
}

impl Served {
    /// Whether a component's import is among what is served.
    pub fn matches(&self, import: &InterfaceName) -> bool {
        self.package.split_once(':') == Some((&import.namespace, &import.package))
            && self.interfaces.contains(&import.interface.as_str())
            && match self.versions {
                Versions::Any => true,
                Versions::Compatible(offered) => offered.iter().any(|offered| {
                    Version::parse(offered)
                        .is_ok_and(|offered| compatible(import.version.as_ref(), Some(&offered)))
                }),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> InterfaceName {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_read_and_written_back() {
        for text in ["wasi:config/store@0.2.0-rc.1", "a:b/c"] {
            assert_eq!(name(text).to_string(), text);
        }
        for text in [
            "",
            "wasi",
            "wasi:config",
            "wasi/config:store",
            "a:b/c@one",
            ":b/c",
            "a:b/c/d",
        ] {
            assert!(text.parse::<InterfaceName>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_match_as_the_component_model_says() {
        let cases = [
            ("a:b/c@1.2.0", "a:b/c@1.0.0", true),
            ("a:b/c@1.2.0", "a:b/c@2.0.0", false),
            ("a:b/c@0.2.0", "a:b/c@0.2.6", true),
            ("a:b/c@0.2.0", "a:b/c@0.3.0", false),
            ("a:b/c@0.0.1", "a:b/c@0.0.2", false),
            ("a:b/c@0.2.0-rc.1", "a:b/c@0.2.0-rc.1", true),
            ("a:b/c@0.2.0-rc.1", "a:b/c@0.2.0", false),
            ("a:b/c", "a:b/c@3.0.0", true),
            ("a:b/c@1.0.0", "a:b/d@1.0.0", false),
        ];
        for (wanted, offered, expected) in cases {
            assert_eq!(
                name(wanted).accepts(&name(offered)),
                expected,
                "{wanted} ← {offered}"
            );
        }
    }

    #[test]
    fn served_versions_are_checked() {
        let served = Served {
            package: "wasi:config",
            interfaces: &["store"],
            versions: Versions::Compatible(&["0.2.0-rc.1"]),
        };
        assert!(served.matches(&name("wasi:config/store@0.2.0-rc.1")));
        assert!(!served.matches(&name("wasi:config/store@0.2.0-rc.2")));
        assert!(!served.matches(&name("wasi:config/runtime@0.2.0-rc.1")));
        assert!(!served.matches(&name("wasi:keyvalue/store@0.2.0-rc.1")));
    }
}
