//! What a host may say, at most. Its words end up in objects, Events and logs: what the API server would refuse for
//! ever is refused here, once and by name, and what is only long is cut.

use std::collections::BTreeMap;

/// Bytes of a message for people that are kept.
pub const MESSAGE: usize = 1024;
/// Addresses that are kept; as many as a Host's status takes.
pub const ADDRESSES: usize = 16;
/// Labels that a host may have.
const LABELS: usize = 64;
/// Bytes of any other text.
const TEXT: usize = 253;

/// A message that is not too long to be written down.
pub fn message(text: &str) -> String {
    if text.len() <= MESSAGE {
        return text.to_owned();
    }
    let mut end = MESSAGE - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// Whether the name can be that of an object.
pub fn name(text: &str) -> Result<(), String> {
    let part = |part: &str| {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        !part.is_empty()
            && part.bytes().all(inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if text.len() <= TEXT && text.split('.').all(part) {
        return Ok(());
    }
    Err(format!(
        "friendlyName {:?} is no name for an object: use lower case letters, digits, '-' and '.', at most {TEXT}",
        message(text)
    ))
}

/// Whether the text is one that a Host can hold.
pub fn text(field: &str, text: &str) -> Result<(), String> {
    if text.len() <= TEXT {
        return Ok(());
    }
    Err(format!(
        "{field} has {} bytes, at most {TEXT} are taken",
        text.len()
    ))
}

/// Whether these can be labels of an object.
pub fn labels(labels: &BTreeMap<String, String>) -> Result<(), String> {
    if labels.len() > LABELS {
        return Err(format!(
            "{} labels, at most {LABELS} are taken",
            labels.len()
        ));
    }
    for (key, value) in labels {
        let (prefix, rest) = key
            .rsplit_once('/')
            .map_or((None, key.as_str()), |(p, r)| (Some(p), r));
        let key_fits = !rest.is_empty() && word(rest) && prefix.is_none_or(|p| name(p).is_ok());
        if !key_fits {
            return Err(format!(
                "label key {:?} is none that Kubernetes takes",
                message(key)
            ));
        }
        if !word(value) {
            return Err(format!(
                "label {key} has the value {:?}, which Kubernetes does not take",
                message(value)
            ));
        }
    }
    Ok(())
}

/// Whether this is the value of a label, or the last part of its key.
fn word(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    let ends = text.bytes().next().into_iter().chain(text.bytes().last());
    text.len() <= 63
        && text.bytes().all(inner)
        && ends.into_iter().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(message("short"), "short");
        let long = "ä".repeat(MESSAGE);
        let cut = message(&long);
        assert!(cut.len() <= MESSAGE && cut.ends_with('…'), "{}", cut.len());
    }

    #[test]
    fn names_are_those_of_objects() {
        for good in ["weak-lace-4731", "a", "host.example"] {
            assert_eq!(name(good), Ok(()));
        }
        for bad in [
            "",
            "Upper",
            "-a",
            "a-",
            "a..b",
            "a b",
            "ä",
            &"x".repeat(254),
        ] {
            assert!(name(bad).unwrap_err().contains("friendlyName"), "{bad}");
        }
    }

    #[test]
    fn labels_are_those_of_kubernetes() {
        let one =
            |key: &str, value: &str| labels(&BTreeMap::from([(key.to_owned(), value.to_owned())]));
        for (key, value) in [
            ("hostgroup", "default"),
            ("topology.kubernetes.io/zone", "eu_1.a"),
            ("a", ""),
        ] {
            assert_eq!(one(key, value), Ok(()));
        }
        let long = "x".repeat(64);
        for (key, value) in [
            ("", "a"),
            ("a b", "c"),
            ("/a", "b"),
            ("UP/a", "b"),
            ("a", "b c"),
            ("a", "-b"),
            ("a", &long),
            (&long, "a"),
        ] {
            assert!(one(key, value).is_err(), "{key}={value}");
        }
        let many = (0..=LABELS)
            .map(|n| (format!("k{n}"), String::new()))
            .collect();
        assert!(labels(&many).unwrap_err().contains("at most 64"));
    }

    #[test]
    fn long_texts_are_refused_by_field() {
        assert_eq!(text("hostname", "10.0.0.1"), Ok(()));
        let error = text("hostname", &"x".repeat(254)).unwrap_err();
        assert_eq!(error, "hostname has 254 bytes, at most 253 are taken");
    }
}
