//! Values of flags as people and charts write them. Each refusal says what was expected.

use crate::core::durations;
use clap::builder::{StringValueParser, TypedValueParser};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// An address to serve at, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bind(pub Option<SocketAddr>);

/// `HOST:PORT`, `:PORT` for every address, `0` for nowhere.
pub(super) fn bind_address(text: &str) -> Result<Bind, String> {
    if text == "0" || text.is_empty() {
        return Ok(Bind(None));
    }
    if let Some(port) = text.strip_prefix(':') {
        let port = port
            .parse()
            .map_err(|_| format!("{port:?} is not a port; expected 0 to 65535"))?;
        return Ok(Bind(Some(SocketAddr::new(
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            port,
        ))));
    }
    text.parse()
        .map(|addr| Bind(Some(addr)))
        .map_err(|_| "expected HOST:PORT with an IP address as host, :PORT or 0".to_owned())
}

/// A path, or nothing.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    StringValueParser::new().map(PathBuf::from)
}

/// A truth as Go's flags take it.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// A duration that is not nothing.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    durations::duration(text)
        .filter(|d| !d.is_zero())
        .ok_or_else(|| "expected a duration above zero such as 500ms, 30s or 1m30s".to_owned())
}

/// A share of a whole.
pub(super) fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a number from 0 to 1 such as 0.5".to_owned())
}

/// A part of a hundred.
pub(super) fn percent(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|percent| (0.0..=100.0).contains(percent))
        .ok_or_else(|| "expected a number from 0 to 100 such as 80".to_owned())
}

/// A level as zap has it: a word, or how many levels below info.
pub(super) fn zap_level(text: &str) -> Result<&'static str, String> {
    match text {
        "debug" | "1" => Ok("debug"),
        "info" | "0" => Ok("info"),
        "warn" => Ok("warn"),
        "error" | "dpanic" | "panic" | "fatal" => Ok("error"),
        _ if text.parse::<u8>().is_ok() => Ok("trace"),
        _ => Err("expected debug, info, error, panic or a number such as 2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_go() {
        assert_eq!(bind_address("0"), Ok(Bind(None)));
        assert_eq!(bind_address("127.0.0.1:9").unwrap().0.unwrap().port(), 9);
        assert!(bind_address(":9").unwrap().0.unwrap().ip().is_unspecified());
        assert_eq!(
            bind_address(":x").unwrap_err(),
            "\"x\" is not a port; expected 0 to 65535"
        );
        assert!(bind_address("x").is_err());
    }

    #[test]
    fn other_values() {
        assert_eq!((boolean("T"), boolean("0")), (Ok(true), Ok(false)));
        assert!(boolean("yes").is_err());
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("0s").is_err() && duration("30").is_err());
        assert_eq!(share("0.25"), Ok(0.25));
        assert!(share("1.5").is_err() && share("NaN").is_err());
        assert_eq!(percent("80.0"), Ok(80.0));
        assert!(percent("101").is_err());
        assert_eq!((zap_level("1"), zap_level("7")), (Ok("debug"), Ok("trace")));
        assert!(zap_level("loud").is_err());
    }
}
