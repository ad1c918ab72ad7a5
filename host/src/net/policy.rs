//! `allowedHosts`: which hosts a component may reach. An empty list reaches nothing.

use std::{fmt, net::IpAddr, sync::Arc};

use super::host_pattern::{HostName, HostPattern};

/// One component's `allowedHosts`.
///
/// Forms, in any case: `*`, `host[:port]`, `*.suffix[:port]`, `scheme://host[:port][/]`,
/// `scheme://*.suffix[:port]`. Without a port every port matches, without a scheme every scheme.
/// IPv6 addresses with a port need brackets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    entries: Vec<Entry>,
    listed: Listed,
}

/// The literal addresses of a list: consent to private ranges, and what tells the connections of two
/// policies apart. Sorted; cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listed(Arc<[(IpAddr, Option<u16>)]>);

impl Listed {
    pub(super) fn contains(&self, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        self.0
            .iter()
            .any(|(own, own_port)| *own == address && own_port.is_none_or(|own| own == port))
    }

    fn of(entries: &[Entry]) -> Self {
        let mut addresses: Vec<_> = entries
            .iter()
            .filter_map(|entry| match entry.host {
                HostPattern::Address(address) => Some((address, entry.port)),
                _ => None,
            })
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        Self(addresses.into())
    }
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
            Ok(Self {
                listed: Listed::of(&parsed),
                entries: parsed,
            })
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
        self.listed.contains(address, port)
    }

    /// Whether nothing may be reached.
    pub fn denies_all(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn listed(&self) -> &Listed {
        &self.listed
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
            ('/', "path"),
            ('?', "query"),
            ('#', "fragment"),
            ('@', "user"),
        ] {
            if authority.contains(mark) {
                return Err(format!("a host has no {what}; remove the {what}"));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(entries: &[&str]) -> EgressPolicy {
        EgressPolicy::parse(&entries.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    fn allows(policy: &EgressPolicy, url: &str) -> bool {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, port) = split_port(rest).unwrap();
        policy.allows(scheme, &HostName::parse(host).unwrap(), port.unwrap_or(443))
    }

    #[test]
    fn an_empty_list_reaches_nothing_and_a_star_everything() {
        assert!(policy(&[]).denies_all() && !allows(&policy(&[]), "https://example.com"));
        assert!(allows(&policy(&["*"]), "http://127.0.0.1:1"));
    }

    #[test]
    fn each_form_matches_what_it_says() {
        for (entry, yes, no) in [
            (
                "Example.com",
                &["http://example.com:1", "https://EXAMPLE.com.:443"][..],
                &["http://a.example.com:1"][..],
            ),
            (
                "example.com:8080",
                &["http://example.com:8080"],
                &["http://example.com:80"],
            ),
            (
                "*.example.com",
                &["http://a.example.com:1", "http://a.b.example.com:1"],
                &["http://example.com:1", "http://badexample.com:1"],
            ),
            (
                "https://example.com",
                &["https://example.com:8443"],
                &["http://example.com:443"],
            ),
            (
                "https://example.com:443/",
                &["https://example.com:443"],
                &["https://example.com:444"],
            ),
            (
                "http://*.example.com:80",
                &["http://a.example.com:80"],
                &["https://a.example.com:80"],
            ),
            (
                "[2001:db8::1]:80",
                &["http://[2001:DB8:0:0::1]:80"],
                &["http://[2001:db8::1]:81", "http://[2001:db8::2]:80"],
            ),
            (
                "2001:db8::1",
                &["http://[2001:db8::1]:80"],
                &["http://[2001:db8::2]:80"],
            ),
            (
                "127.0.0.1",
                &[
                    "http://127.1:80",
                    "http://0x7f000001:80",
                    "http://[::ffff:127.0.0.1]:80",
                ],
                &["http://127.0.0.2:80"],
            ),
            (
                "bücher.de",
                &["https://xn--bcher-kva.de:443"],
                &["https://bucher.de:443"],
            ),
        ] {
            let policy = policy(&[entry]);
            for url in yes {
                assert!(allows(&policy, url), "{entry} should allow {url}");
            }
            for url in no {
                assert!(!allows(&policy, url), "{entry} should not allow {url}");
            }
        }
    }

    #[test]
    fn every_bad_entry_is_named() {
        let bad = [
            "",
            "*foo",
            "a.*",
            "example.com/path",
            "https://example.com/path",
            "example.com?x",
            "example.com#x",
            "user@example.com",
            "example.com:0",
            "example.com:99999",
            "example.com:",
            "[::1",
            "[::1]x",
            "*.10.0.0.1",
            "1http://x",
            "a b",
            "*.",
            "://x",
        ]
        .map(str::to_owned);
        let problems = EgressPolicy::parse(&bad).unwrap_err();
        assert_eq!(problems.len(), bad.len(), "{problems:#?}");
        for (entry, problem) in bad.iter().zip(&problems) {
            assert!(problem.contains(&format!("{entry:?}")), "{problem}");
        }
    }

    #[test]
    fn sockets_match_by_address_alone() {
        let policy = policy(&["10.0.0.1:5432", "db.internal:5432", "http://10.0.0.2"]);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(
            policy.allows_socket(address("10.0.0.1"), 5432)
                && policy.allows_socket(address("::ffff:10.0.0.1"), 5432)
        );
        assert!(
            !policy.allows_socket(address("10.0.0.1"), 1)
                && !policy.allows_socket(address("10.0.0.2"), 80)
        );
        assert!(
            policy.lists_address(address("10.0.0.2"), 80)
                && !policy.lists_address(address("10.0.0.1"), 80)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_answered_without_a_panic(text in "\\PC{0,60}") {
            drop(EgressPolicy::parse(&[text]));
        }

        #[test]
        fn what_is_printed_reads_back_as_the_same_policy(
            entries in proptest::collection::vec(
                "((https?|nats)://)?((\\*\\.)?[a-z][a-z0-9]{0,9}(\\.[a-z]{1,5}){0,2}|10\\.0\\.0\\.[1-9]|\\[fd00::[1-9]\\])(:[1-9][0-9]{0,3})?", 1..4)
        ) {
            let policy = EgressPolicy::parse(&entries).unwrap();
            let printed: Vec<_> = policy.to_string().split(", ").map(str::to_owned).collect();
            prop_assert_eq!(EgressPolicy::parse(&printed).unwrap(), policy);
        }

        #[test]
        fn a_listed_name_is_allowed_in_any_case_and_no_longer_name_is(name in "[a-z][a-z0-9]{0,9}\\.[a-z]{2,5}", port in 1_u16..) {
            let policy = policy(&[&name.to_ascii_uppercase()]);
            prop_assert!(policy.allows("https", &HostName::parse(&name).unwrap(), port));
            let longer = HostName::parse(&format!("x{name}")).unwrap();
            prop_assert!(!policy.allows("https", &longer, port));
        }
    }
}
