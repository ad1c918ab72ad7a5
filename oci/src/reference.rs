//! Image references, as the distribution project writes them: `[registry/]repository[:tag][@digest]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{Digest, DigestError};

const DOCKER_HUB: &str = "docker.io";
/// Other names of Docker Hub that people and tools write.
const DOCKER_HUB_ALIASES: [&str; 3] = [
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];
const DEFAULT_TAG: &str = "latest";
const MAX_REPOSITORY: usize = 255;
const MAX_TAG: usize = 128;

/// A normalised image reference: the registry is always named, and there is a tag or a digest.
///
/// `nginx` is `docker.io/library/nginx:latest`; a reference with a digest has a tag only if one was written.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a reference was not understood. Each message quotes what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing was given.
    #[error("the image reference is empty: expected registry/repository:tag")]
    Empty,
    /// A scheme was written.
    #[error("image reference {0:?} starts with a scheme: write it without {1:?}")]
    Scheme(String, String),
    /// White space or control characters.
    #[error("image reference {0:?} contains white space")]
    WhiteSpace(String),
    /// The registry is not `host[:port]`.
    #[error(
        "image reference {reference:?} has a registry that is not valid, {registry:?}: {problem}"
    )]
    Registry {
        /// The whole reference.
        reference: String,
        /// The part in question.
        registry: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The repository breaks the rules.
    #[error(
        "image reference {reference:?} has a repository that is not valid, {repository:?}: {problem}"
    )]
    Repository {
        /// The whole reference.
        reference: String,
        /// The part in question.
        repository: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The tag breaks the rules.
    #[error(
        "image reference {reference:?} has a tag that is not valid, {tag:?}: expected 1 to 128 of letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'"
    )]
    Tag {
        /// The whole reference.
        reference: String,
        /// The part in question.
        tag: String,
    },
    /// The digest is not a sha256.
    #[error("image reference {reference:?}: {source}")]
    Digest {
        /// The whole reference.
        reference: String,
        /// What is wrong.
        source: DigestError,
    },
}

impl Reference {
    /// The registry, `host[:port]`; Docker Hub is `docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; absent only when there is a digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest, when the reference pins one.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The same repository, pinned to `digest` and without a tag.
    pub fn pinned(&self, digest: Digest) -> Self {
        Self {
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            tag: None,
            digest: Some(digest),
        }
    }

    /// The host of the registry, without its port.
    pub fn host(&self) -> &str {
        match self.registry.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.registry.split(':').next().unwrap_or(&self.registry),
        }
    }

    /// Whether the registry is on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    }

    /// The form the registry client wants. A digest wins over a tag.
    pub(crate) fn for_client(&self) -> oci_client::Reference {
        let (registry, repository) = (self.registry.clone(), self.repository.clone());
        match (self.digest, &self.tag) {
            (Some(digest), _) => {
                oci_client::Reference::with_digest(registry, repository, digest.to_string())
            }
            (None, tag) => {
                let tag = tag.clone().unwrap_or_else(|| DEFAULT_TAG.to_owned());
                oci_client::Reference::with_tag(registry, repository, tag)
            }
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(whole: &str) -> Result<Self, Self::Err> {
        if whole.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if let Some((scheme, _)) = whole.split_once("://") {
            return Err(ReferenceError::Scheme(
                whole.to_owned(),
                format!("{scheme}://"),
            ));
        }
        if whole.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(ReferenceError::WhiteSpace(whole.to_owned()));
        }
        let (name, digest) = match whole.split_once('@') {
            None => (whole, None),
            Some((name, digest)) => {
                let digest = digest.parse().map_err(|source| ReferenceError::Digest {
                    reference: whole.to_owned(),
                    source,
                })?;
                (name, Some(digest))
            }
        };
        // As docker decides it: the first part is a registry if it could not be part of a repository.
        let (registry, rest) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':', '[']) || first == "localhost" => {
                (first, rest)
            }
            _ => (DOCKER_HUB, name),
        };
        let registry = registry.to_ascii_lowercase();
        check_registry(&registry).map_err(|problem| ReferenceError::Registry {
            reference: whole.to_owned(),
            registry: registry.clone(),
            problem,
        })?;
        let registry = if DOCKER_HUB_ALIASES.contains(&registry.as_str()) {
            DOCKER_HUB.to_owned()
        } else {
            registry
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            None => (rest, None),
            Some((repository, tag)) => (repository, Some(tag)),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(ReferenceError::Tag {
                reference: whole.to_owned(),
                tag: tag.to_owned(),
            });
        }
        check_repository(repository).map_err(|problem| ReferenceError::Repository {
            reference: whole.to_owned(),
            repository: repository.to_owned(),
            problem,
        })?;
        let repository = if registry == DOCKER_HUB && !repository.contains('/') {
            format!("library/{repository}")
        } else {
            repository.to_owned()
        };
        let tag = match (tag, digest) {
            (Some(tag), _) => Some(tag.to_owned()),
            (None, Some(_)) => None,
            (None, None) => Some(DEFAULT_TAG.to_owned()),
        };
        Ok(Self {
            registry,
            repository,
            tag,
            digest,
        })
    }
}

fn check_registry(registry: &str) -> Result<(), &'static str> {
    let (host, port) = match registry.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest
                .split_once(']')
                .ok_or("the address in brackets has no end")?;
            address
                .parse::<std::net::Ipv6Addr>()
                .map_err(|_| "what is in brackets is no IPv6 address")?;
            match rest.strip_prefix(':') {
                None if rest.is_empty() => (None, None),
                None => return Err("only a port may follow the bracket"),
                port => (None, port),
            }
        }
        None => match registry.split_once(':') {
            None => (Some(registry), None),
            Some((host, port)) => (Some(host), Some(port)),
        },
    };
    if let Some(host) = host {
        let label = |label: &str| {
            let inner = label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-');
            inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
        };
        if !host.split('.').all(label) {
            return Err("expected a host name or address");
        }
    }
    match port.map(str::parse::<u16>) {
        None => Ok(()),
        Some(Ok(port)) if port > 0 => Ok(()),
        Some(_) => Err("the port is not a number from 1 to 65535"),
    }
}

/// Path components of lower-case letters and digits, joined by '/', with single '.', one or two '_' or any number of
/// '-' inside (distribution specification, "Pulling manifests").
fn check_repository(repository: &str) -> Result<(), &'static str> {
    if repository.is_empty() {
        return Err("it is empty");
    }
    if repository.len() > MAX_REPOSITORY {
        return Err("it is longer than 255 characters");
    }
    if repository.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("it must be lower-case");
    }
    for component in repository.split('/') {
        if component.is_empty() {
            return Err("it has an empty part between slashes");
        }
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let mut separator = String::new();
        for byte in component.bytes() {
            match byte {
                b if alphanumeric(b) => {
                    if !matches!(separator.as_str(), "" | "." | "_" | "__")
                        && separator.contains(['.', '_'])
                    {
                        return Err("separators are one '.', one or two '_', or any number of '-'");
                    }
                    separator.clear();
                }
                b'.' | b'_' | b'-' => separator.push(char::from(byte)),
                _ => return Err("only letters, digits, '.', '_', '-' and '/' are allowed"),
            }
        }
        let first = component.bytes().next().is_some_and(alphanumeric);
        if !first || !separator.is_empty() {
            return Err("each part begins and ends with a letter or a digit");
        }
    }
    Ok(())
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= MAX_TAG
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn references_are_normalised() {
        for (written, normal) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("me/app:1", "docker.io/me/app:1"),
            ("index.docker.io/me/app", "docker.io/me/app:latest"),
            ("ghcr.io/a/b__c/d-e.f:v1.0_x", "ghcr.io/a/b__c/d-e.f:v1.0_x"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app:1", "localhost:5000/app:1"),
            ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest"),
            ("[::1]:5000/a:b", "[::1]:5000/a:b"),
            ("GHCR.io/a", "ghcr.io/a:latest"),
            (
                &format!("ghcr.io/a@sha256:{HEX}"),
                &format!("ghcr.io/a@sha256:{HEX}"),
            ),
            (
                &format!("ghcr.io/a:1@sha256:{HEX}"),
                &format!("ghcr.io/a:1@sha256:{HEX}"),
            ),
        ] {
            let reference: Reference = written
                .parse()
                .unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(reference.to_string(), normal);
            assert_eq!(
                normal.parse::<Reference>().unwrap(),
                reference,
                "normalising is idempotent"
            );
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (written, part) in [
            ("", "empty"),
            ("https://ghcr.io/a", "without \"https://\""),
            ("oci://ghcr.io/a", "without \"oci://\""),
            ("ghcr.io/a b", "white space"),
            ("ghcr.io/A/b", "must be lower-case"),
            ("ghcr.io//b", "empty part"),
            ("ghcr.io/", "it is empty"),
            ("ghcr.io/-a", "begins and ends"),
            ("ghcr.io/a..b", "separators are"),
            ("ghcr.io/a$b", "only letters"),
            ("ghcr.io/a:", "tag that is not valid, \"\""),
            ("ghcr.io/a:-x", "tag that is not valid, \"-x\""),
            ("ghcr.io:99999/a", "port is not a number"),
            ("ghcr..io/a", "expected a host name"),
            ("[::1/a", "has no end"),
            ("ghcr.io/a@sha512:00", "sha512:00"),
            ("ghcr.io/a@sha256:00", "64 lower-case hex digits"),
        ] {
            let error = written.parse::<Reference>().expect_err(written).to_string();
            assert!(error.contains(part), "{written}: {error}");
        }
        let long = format!("ghcr.io/{}", "a".repeat(256));
        assert!(
            long.parse::<Reference>()
                .unwrap_err()
                .to_string()
                .contains("255")
        );
    }

    #[test]
    fn loopback_registries_are_known() {
        for (written, loopback) in [
            ("localhost:5000/a", true),
            ("127.0.0.9/a", true),
            ("[::1]:5/a", true),
            ("ghcr.io/a", false),
            ("10.0.0.1:5000/a", false),
            ("localhost.example.com/a", false),
        ] {
            assert_eq!(
                written.parse::<Reference>().unwrap().is_loopback(),
                loopback,
                "{written}"
            );
        }
    }
}
