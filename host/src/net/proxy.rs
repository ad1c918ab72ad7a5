//! The proxy that the host's environment asks for: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in
//! either case, read as curl does. Guests have no say in it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, uri::Authority};
use ipnet::IpNet;
use url::Url;

use super::host_pattern::HostName;

/// A proxy speaking plain HTTP (CONNECT for TLS targets).
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it listens.
    pub authority: Authority,
    /// `Proxy-Authorization`, if its address holds a user.
    pub authorization: Option<HeaderValue>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

/// Which targets go through which proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    direct: Vec<Direct>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Direct {
    All,
    /// The name and everything below it.
    Domain(String),
    Net(IpNet),
}

impl Proxies {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, String> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads variables by `lookup`. The error names the variable but not its value, which may hold a password.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let get = |name: &str| {
            lookup(&name.to_ascii_lowercase())
                .or_else(|| lookup(name))
                .filter(|value| !value.trim().is_empty())
        };
        let proxy = |name: &str| -> Result<Option<Proxy>, String> {
            get(name)
                .map(|value| parse_proxy(&value).map_err(|problem| format!("{name}: {problem}")))
                .transpose()
        };
        let all = proxy("ALL_PROXY")?;
        Ok(Self {
            http: proxy("HTTP_PROXY")?.or_else(|| all.clone()),
            https: proxy("HTTPS_PROXY")?.or(all),
            direct: get("NO_PROXY")
                .map(|list| parse_direct(&list))
                .unwrap_or_default(),
        })
    }

    /// The proxy for a target, `None` for a direct connection.
    pub fn find(&self, tls: bool, host: &HostName) -> Option<&Proxy> {
        let proxy = if tls {
            self.https.as_ref()
        } else {
            self.http.as_ref()
        }?;
        let direct = self.direct.iter().any(|entry| match (entry, host) {
            (Direct::All, _) => true,
            (Direct::Domain(domain), HostName::Name(name)) => name
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            (Direct::Net(net), HostName::Address(address)) => net.contains(address),
            _ => false,
        });
        (!direct).then_some(proxy)
    }
}

fn parse_proxy(value: &str) -> Result<Proxy, String> {
    let value = value.trim();
    let with_scheme = if value.contains("://") {
        value.to_owned()
    } else {
        format!("http://{value}")
    };
    let url = Url::parse(&with_scheme).map_err(|error| format!("not a URL ({error})"))?;
    if url.scheme() != "http" {
        return Err(format!(
            "proxies of scheme {:?} are not supported; use http://",
            url.scheme()
        ));
    }
    let host = url.host_str().ok_or("the URL has no host")?;
    let authority = format!("{host}:{}", url.port().unwrap_or(80));
    let authorization = (!url.username().is_empty()).then(|| {
        let decode = |text: &str| {
            url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        let user = format!(
            "{}:{}",
            decode(url.username()),
            decode(url.password().unwrap_or_default())
        );
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(user))).map(|mut value| {
            value.set_sensitive(true);
            value
        })
    });
    Ok(Proxy {
        authority: authority
            .parse()
            .map_err(|error| format!("not a host and port ({error})"))?,
        authorization: authorization
            .transpose()
            .map_err(|_| "the user cannot be sent in a header")?,
    })
}

/// `NO_PROXY`: entries no one can match are left out, as everywhere.
fn parse_direct(list: &str) -> Vec<Direct> {
    list.split([',', ' '])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .filter_map(|entry| {
            if entry == "*" {
                return Some(Direct::All);
            }
            if let Ok(net) = entry.parse::<IpNet>() {
                return Some(Direct::Net(net));
            }
            let entry = entry
                .strip_prefix("*.")
                .or_else(|| entry.strip_prefix('.'))
                .unwrap_or(entry);
            match HostName::parse(entry).ok()? {
                HostName::Name(name) => Some(Direct::Domain(name)),
                HostName::Address(address) => Some(Direct::Net(address.into())),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, String> {
        Proxies::from_lookup(|name| {
            variables
                .iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn targets_go_through_the_proxy_of_their_scheme_unless_excepted() {
        let proxies = proxies(&[
            ("HTTP_PROXY", "proxy.corp:3128"),
            ("https_proxy", "http://us%65r:p%40ss@secure.corp"),
            ("NO_PROXY", ".internal, 10.0.0.0/8,localhost"),
        ])
        .unwrap();
        let find = |tls, host: &str| {
            proxies
                .find(tls, &HostName::parse(host).unwrap())
                .map(|p| p.authority.as_str())
        };
        assert_eq!(find(false, "example.com"), Some("proxy.corp:3128"));
        assert_eq!(find(true, "example.com"), Some("secure.corp:80"));
        for direct in ["db.internal", "internal", "10.1.2.3", "localhost"] {
            assert_eq!(find(false, direct), None, "{direct}");
        }
        assert_eq!(find(false, "notinternal"), Some("proxy.corp:3128"));
        let secure = proxies
            .find(true, &HostName::parse("a.b").unwrap())
            .unwrap();
        assert_eq!(
            secure.authorization.as_ref().unwrap().to_str().unwrap(),
            "Basic dXNlcjpwQHNz"
        );
        assert!(!format!("{proxies:?}").contains("dXNlcjpwQHNz"));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_value() {
        let error = proxies(&[("HTTPS_PROXY", "socks5://u:secret@host:1")]).unwrap_err();
        assert!(
            error.starts_with("HTTPS_PROXY") && !error.contains("secret"),
            "{error}"
        );
        assert_eq!(proxies(&[]).unwrap(), Proxies::default());
        assert_eq!(proxies(&[("HTTP_PROXY", " ")]).unwrap(), Proxies::default());
    }
}
