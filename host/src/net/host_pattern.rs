//! One host as allow-lists write it: `*`, `*.suffix`, a name, or a literal address.

use std::net::{IpAddr, Ipv6Addr};

use url::Host;

/// A host to match against, lower-cased and in ASCII (names in other scripts as punycode).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum HostPattern {
    /// `*`
    Any,
    /// `*.example.com`, kept as `.example.com`: the label before it must not be empty.
    Suffix(String),
    /// A name, without a trailing dot.
    Name(String),
    /// A literal address; IPv4-mapped IPv6 is kept as IPv4.
    Address(IpAddr),
}

impl HostPattern {
    /// Reads one pattern; the error is a phrase that continues "entry X: ".
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the host is empty".to_owned());
        }
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(suffix) = text.strip_prefix("*.") {
            return match HostName::parse(suffix)? {
                HostName::Name(name) => Ok(Self::Suffix(format!(".{name}"))),
                HostName::Address(_) => Err("a wildcard cannot stand before an address".to_owned()),
            };
        }
        if text.contains('*') {
            return Err(
                "a wildcard must be `*` alone or a whole first label, as in `*.example.com`"
                    .to_owned(),
            );
        }
        Ok(match HostName::parse(text)? {
            HostName::Name(name) => Self::Name(name),
            HostName::Address(address) => Self::Address(address),
        })
    }

    pub(super) fn matches(&self, host: &HostName) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Suffix(suffix), HostName::Name(name)) => {
                name.len() > suffix.len() && name.ends_with(suffix.as_str())
            }
            (Self::Name(own), HostName::Name(name)) => own == name,
            (Self::Address(own), HostName::Address(address)) => own == address,
            _ => false,
        }
    }
}

/// A host that something asks for, in the same normal form as [`HostPattern`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostName {
    /// A DNS name in lower-case ASCII, without a trailing dot.
    Name(String),
    /// A literal address; IPv4-mapped IPv6 is IPv4.
    Address(IpAddr),
}

impl HostName {
    /// Reads a host without a port, IPv6 with or without brackets, by the rules of the URL standard: what
    /// a resolver would take for an address (`127.1`, `0x7f000001`) is one here, too.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        match Host::parse(text)
            .map_err(|error| format!("{text:?} is not a host name or address ({error})"))?
        {
            Host::Ipv4(address) => Ok(Self::Address(IpAddr::V4(address))),
            Host::Ipv6(address) => Ok(Self::Address(IpAddr::V6(address).to_canonical())),
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                valid_name(name)?;
                Ok(Self::Name(name.to_owned()))
            }
        }
    }
}

/// RFC 1123 with underscores, which real zones hold. `name` is lower-case ASCII already.
fn valid_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > 253 {
        return Err(format!("{name:?} must have 1 to 253 characters"));
    }
    for label in name.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Err(format!(
                "each label of {name:?} must have 1 to 63 characters"
            ));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(format!("a label of {name:?} begins or ends with a hyphen"));
        }
        if let Some(bad) = label
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
        {
            return Err(format!("{name:?} has the character {bad:?}"));
        }
    }
    Ok(())
}
