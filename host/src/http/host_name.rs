//! The host a request is for, in the one form the router compares: lower-case, no port, no trailing dot,
//! IPv6 in its short form within brackets.

use std::{borrow::Cow, net::Ipv6Addr};

use http::{Request, Version, header::HOST};

/// Longest host name (RFC 1035), plus room for the brackets of a scoped address being refused.
const MAX_LENGTH: usize = 253;

/// Why a request has no usable host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HostError {
    #[error("the request has no Host header")]
    Missing,
    #[error("the request has more than one Host header")]
    Repeated,
    #[error("the Host header and the request target name different hosts")]
    Contradictory,
    #[error("the Host header is not a host name or address with an optional port")]
    Invalid,
}

/// The host of `request`: `:authority` or the absolute form's authority, else the Host header.
pub(super) fn of_request<B>(request: &Request<B>) -> Result<Cow<'_, str>, HostError> {
    let mut headers = request.headers().get_all(HOST).iter();
    let header = headers.next();
    if headers.next().is_some() {
        return Err(HostError::Repeated);
    }
    let header = header
        .map(|value| {
            value
                .to_str()
                .map_err(|_| HostError::Invalid)
                .and_then(normal_authority)
        })
        .transpose()?;
    let Some(authority) = request.uri().authority() else {
        return header.ok_or(HostError::Missing);
    };
    let target = normal_authority(authority.as_str())?;
    match header {
        // RFC 9113 8.3.1: malformed. RFC 9112 3.2.2 lets HTTP/1 servers ignore the Host header.
        Some(header) if request.version() == Version::HTTP_2 && header != target => {
            Err(HostError::Contradictory)
        }
        _ => Ok(target),
    }
}

/// Normal form of `host[:port]`; the port must be a number but is not kept.
pub(super) fn normal_authority(text: &str) -> Result<Cow<'_, str>, HostError> {
    let (host, port) = if text.starts_with('[') {
        let end = text.find(']').ok_or(HostError::Invalid)?;
        let (host, rest) = text.split_at(end + 1);
        (
            host,
            if rest.is_empty() {
                None
            } else {
                Some(rest.strip_prefix(':').ok_or(HostError::Invalid)?)
            },
        )
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    // RFC 3986 3.2.3: the port may be empty.
    if port.is_some_and(|port| {
        !port.is_empty() && (port.parse::<u16>().is_err() || port.starts_with('+'))
    }) {
        return Err(HostError::Invalid);
    }
    normal_host(host)
}

/// Normal form of a host without a port; IPv6 in brackets.
pub(super) fn normal_host(host: &str) -> Result<Cow<'_, str>, HostError> {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let address: Ipv6Addr = address.parse().map_err(|_| HostError::Invalid)?;
        return Ok(Cow::Owned(format!("[{address}]")));
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() || host.len() > MAX_LENGTH {
        return Err(HostError::Invalid);
    }
    let mut upper = false;
    let mut label = 0_usize;
    let mut previous = b'.';
    for byte in host.bytes() {
        match byte {
            b'.' => {
                if label == 0 || previous == b'-' {
                    return Err(HostError::Invalid);
                }
                label = 0;
            }
            b'-' if label == 0 => return Err(HostError::Invalid),
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
            b'A'..=b'Z' => {
                upper = true;
                label += 1;
            }
            _ => return Err(HostError::Invalid),
        }
        if label > 63 {
            return Err(HostError::Invalid);
        }
        previous = byte;
    }
    if label == 0 || previous == b'-' {
        return Err(HostError::Invalid);
    }
    Ok(if upper {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(version: Version, uri: &str, hosts: &[&str]) -> Request<()> {
        let mut builder = Request::builder().version(version).uri(uri);
        for host in hosts {
            builder = builder.header(HOST, *host);
        }
        builder.body(()).unwrap()
    }

    #[test]
    fn ports_case_and_the_trailing_dot_do_not_count() {
        for text in [
            "Example.COM",
            "example.com:8080",
            "example.com.",
            "EXAMPLE.com.:80",
            "example.com:",
        ] {
            assert_eq!(
                normal_authority(text).as_deref(),
                Ok("example.com"),
                "{text}"
            );
        }
        assert_eq!(
            normal_authority("[2001:DB8:0::1]:80").as_deref(),
            Ok("[2001:db8::1]")
        );
        assert_eq!(normal_authority("127.0.0.1:80").as_deref(), Ok("127.0.0.1"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "-a",
            "a-",
            "a-.b",
            "a b",
            "user@host",
            "a:b",
            "a:+1",
            "a:70000",
            "[::1",
            "[::1]x",
            "[fe80::1%eth0]",
            "a/b",
            "a,b",
            "caf\u{e9}",
            "::1",
        ] {
            assert_eq!(normal_authority(text), Err(HostError::Invalid), "{text}");
        }
        assert!(normal_authority(&"a".repeat(64)).is_err());
        assert!(normal_authority(&"a.".repeat(130)).is_err());
    }

    #[test]
    fn the_request_target_and_the_header_must_agree_over_http_2() {
        let h1 = Version::HTTP_11;
        assert_eq!(of_request(&request(h1, "/", &["A"])).as_deref(), Ok("a"));
        assert_eq!(of_request(&request(h1, "/", &[])), Err(HostError::Missing));
        assert_eq!(
            of_request(&request(h1, "/", &["a", "a"])),
            Err(HostError::Repeated)
        );
        assert_eq!(
            of_request(&request(h1, "http://b/", &["a"])).as_deref(),
            Ok("b")
        );
        assert_eq!(
            of_request(&request(Version::HTTP_2, "http://b/", &["a"])),
            Err(HostError::Contradictory)
        );
        assert_eq!(
            of_request(&request(Version::HTTP_2, "http://b:80/", &["B"])).as_deref(),
            Ok("b")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_answered_without_a_panic(text in "\\PC{0,80}") {
            if let Ok(host) = normal_authority(&text) {
                prop_assert!(!host.bytes().any(|b| b.is_ascii_uppercase()));
            }
        }

        #[test]
        fn the_normal_form_is_its_own_normal_form(text in "[a-zA-Z0-9_.:\\[\\]-]{1,40}") {
            if let Ok(host) = normal_authority(&text) {
                prop_assert_eq!(normal_authority(&host), Ok(host.clone()));
            }
        }

        #[test]
        fn names_match_in_any_case_with_any_port(name in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z0-9]{1,9}){0,3}", port in 0_u16..) {
            let shouted = format!("{}:{port}", name.to_ascii_uppercase());
            prop_assert_eq!(normal_authority(&shouted).map(Cow::into_owned), Ok(name));
        }
    }
}
