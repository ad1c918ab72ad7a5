//! Names of objects: what they may look like, and generated ones.

use crate::registry::NameRule;

/// Five characters without vowels or look-alikes, as generated names have on a cluster.
pub fn generated(base: &str) -> String {
    use rand::seq::IndexedRandom;
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut rng = rand::rng();
    let base: String = base.chars().take(63 - 5).collect();
    let suffix: String = (0..5)
        .filter_map(|_| LETTERS.choose(&mut rng))
        .map(|letter| char::from(*letter))
        .collect();
    format!("{base}{suffix}")
}

/// RFC 1123 label.
pub fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| plain(b) || *b == b'-')
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
}

/// RFC 1123 subdomain.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|part| {
            let bytes = part.as_bytes();
            let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            bytes.iter().all(|b| plain(b) || *b == b'-')
                && bytes.first().is_some_and(plain)
                && bytes.last().is_some_and(plain)
        })
}

/// Whether a name is what its resource takes; the error is what kubectl prints.
pub fn check(rule: NameRule, name: &str) -> Result<(), &'static str> {
    let (fits, why) = match rule {
        NameRule::Subdomain => (
            is_subdomain(name),
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
             and must start and end with an alphanumeric character",
        ),
        NameRule::Label => (
            is_label(name),
            "a lowercase RFC 1123 label must consist of at most 63 lower case alphanumeric characters or '-', \
             and must start and end with an alphanumeric character",
        ),
        NameRule::Segment => (
            !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%']),
            "may not be '.' or '..' or contain '/' or '%'",
        ),
    };
    if fits { Ok(()) } else { Err(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rule() {
        for name in ["a", "a-b.c", "0.1"] {
            assert!(is_subdomain(name), "{name}");
        }
        for name in ["", "A", "a_", "-a", "a-", "a..b", ".a"] {
            assert!(!is_subdomain(name), "{name}");
        }
        assert!(!is_label("a.b"));
        assert!(check(NameRule::Segment, "system:node").is_ok());
    }

    #[test]
    fn generated_names_are_short_enough_to_be_labels() {
        let name = generated(&"x".repeat(80));
        assert_eq!(name.len(), 63);
        assert!(is_label(&name));
    }
}
