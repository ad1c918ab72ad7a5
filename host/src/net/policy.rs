//! `allowedHosts`: which hosts a component may reach. An empty list reaches nothing.

use std::{fmt, net::IpAddr};

use super::host_pattern::{HostName, HostPattern};

/// One component's `allowedHosts`.
///
/// Forms, in any case: `*`, `host[:port]`, `*.suffix[:port]`, `scheme://host[:port][/]`,
/// `scheme://*.suffix[:port]`. Without a port every port matches, without a scheme every scheme.
/// IPv6 addresses with a port need brackets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    scheme: Option<String>,
    host: HostPattern,
    port: Option<u16>,
}

impl EgressPolicy {
    /// Reads a list. The error has one sentence for each bad entry.
    pub fn parse(entries: &[String]) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut parsed = Vec::with_capacity(entries.len());
        for text in entries {
            match Entry::parse(text) {
                Ok(entry) => parsed.push(entry),
                Err(problem) => problems.push(format!("allowedHosts entry {text:?}: {problem}")),
            }
        }
        if problems.is_empty() {
            Ok(Self { entries: parsed })
        } else {
            Err(problems)
        }
    }

    /// Whether a request to `scheme://host:port` may be sent.
    pub fn allows(&self, scheme: &str, host: &HostName, port: u16) -> bool {
        self.entries.iter().any(|entry| {
            entry
                .scheme
                .as_deref()
                .is_none_or(|own| own.eq_ignore_ascii_case(scheme))
                && entry.port.is_none_or(|own| own == port)
                && entry.host.matches(host)
        })
    }

    /// Whether a raw socket may be opened to `address:port`: by `*` or a literal address, since a socket
    /// has no name. Entries with a scheme of HTTP are not for sockets.
    pub fn allows_socket(&self, address: IpAddr, port: u16) -> bool {
        let host = HostName::Address(address.to_canonical());
        self.entries.iter().any(|entry| {
            !matches!(entry.scheme.as_deref(), Some("http" | "https"))
                && entry.port.is_none_or(|own| own == port)
                && entry.host.matches(&host)
        })
    }

    /// Whether the list names this very address, with a matching port or none: the consent needed for
    /// private ranges.
    pub fn lists_address(&self, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        self.entries.iter().any(|entry| {
            entry.host == HostPattern::Address(address) && entry.port.is_none_or(|own| own == port)
        })
    }

    /// Whether nothing may be reached.
    pub fn denies_all(&self) -> bool {
        self.entries.is_empty()
    }

    /// The literal addresses listed, sorted: what distinguishes the connections of two policies.
    pub(super) fn listed_addresses(&self) -> Vec<(IpAddr, Option<u16>)> {
        let mut addresses: Vec<_> = self
            .entries
            .iter()
            .filter_map(|entry| match entry.host {
                HostPattern::Address(address) => Some((address, entry.port)),
                _ => None,
            })
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        let (scheme, authority) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
                if !valid {
                    return Err(format!("{scheme:?} is not a URL scheme"));
                }
                (
                    Some(scheme.to_ascii_lowercase()),
                    rest.strip_suffix('/').unwrap_or(rest),
                )
            }
            None => (None, text),
        };
        for (mark, what) in [
            ('/', "a path"),
            ('?', "a query"),
            ('#', "a fragment"),
            ('@', "a user"),
        ] {
            if authority.contains(mark) {
                return Err(format!(
                    "a host has no {}; remove {what}",
                    what.trim_start_matches("a ")
                ));
            }
        }
        let (host, port) = split_port(authority)?;
        Ok(Self {
            scheme,
            host: HostPattern::parse(host)?,
            port,
        })
    }
}

/// Splits `host[:port]`; IPv6 in brackets, or bare and then without a port.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority
            .find(']')
            .ok_or("an address in brackets must end with `]`")?;
        let (host, rest) = authority.split_at(end + 1);
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(format!("{rest:?} follows the address; only `:port` may")),
        }
    } else if authority.matches(':').count() > 1 {
        (authority, None)
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let port = port.map(parse_port).transpose()?;
    Ok((host, port))
}

/// A port from 1 to 65535, digits only.
pub(super) fn parse_port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(format!("port {text:?} must be a number from 1 to 65535")),
    }
}

impl fmt::Display for EgressPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return f.write_str("nothing");
        }
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            if let Some(scheme) = &entry.scheme {
                write!(f, "{scheme}://")?;
            }
            match &entry.host {
                HostPattern::Any => f.write_str("*")?,
                HostPattern::Suffix(suffix) => write!(f, "*{suffix}")?,
                HostPattern::Name(name) => f.write_str(name)?,
                HostPattern::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
                HostPattern::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            }
            if let Some(port) = entry.port {
                write!(f, ":{port}")?;
            }
        }
        Ok(())
    }
}
