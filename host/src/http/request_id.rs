//! The id that ties a client's report to a log line: `x-request-id`.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Name of the header, in both directions.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 128;

/// The client's id if it is one (up to 128 characters that cannot break a log line), else a fresh one.
pub(super) fn of(headers: &HeaderMap) -> Arc<str> {
    headers
        .get(HEADER)
        .and_then(sane)
        .map_or_else(fresh, Arc::from)
}

fn sane(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte);
    (!text.is_empty() && text.len() <= MAX_LENGTH && text.bytes().all(safe)).then_some(text)
}

fn fresh() -> Arc<str> {
    let id: u128 = rand::random();
    let mut text = [0_u8; 32];
    for (index, byte) in text.iter_mut().enumerate() {
        let nibble = (id >> (124 - 4 * index)) as u8 & 0xf;
        *byte = b"0123456789abcdef"[usize::from(nibble)];
    }
    Arc::from(str::from_utf8(&text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let id = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            of(&headers)
        };
        assert_eq!(&*id("01J-abc.def:7"), "01J-abc.def:7");
        for bad in ["", "a b", "a\tb", "<script>", "caf\u{e9}", &"x".repeat(129)] {
            let fresh = id(bad);
            assert!(
                fresh.len() == 32 && fresh.bytes().all(|b| b.is_ascii_hexdigit()),
                "{bad:?} gave {fresh}"
            );
        }
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
    }
}
