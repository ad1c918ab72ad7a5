//! Values as people write them.

/// Bytes: a number, with `Ki`, `Mi`, `Gi` or `K`, `M`, `G`, and an optional `B`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    let factor: u64 = match unit.strip_suffix('B').unwrap_or(unit) {
        "" => 1,
        "K" | "k" => 1000,
        "M" => 1000 * 1000,
        "G" => 1000 * 1000 * 1000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        other => return Err(format!("unknown unit {other:?}; write for example 256Mi")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write a number of bytes, for example 256Mi".to_owned())?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "too large".to_owned())
}

/// `key=value`, as labels are given: names and values by Kubernetes' rules.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    let name = match key.split_once('/') {
        Some((prefix, name)) => {
            if prefix.is_empty()
                || prefix.len() > 253
                || !prefix.split('.').all(|part| word(part) && !part.is_empty())
            {
                return Err(format!("the prefix of {key:?} must be a DNS name"));
            }
            name
        }
        None => key,
    };
    if name.is_empty() || !word(name) {
        return Err(format!(
            "{key:?} is not a label name: up to 63 letters, digits, `-`, `_` and `.`"
        ));
    }
    if !word(value) {
        return Err(format!(
            "{value:?} is not a label value: up to 63 letters, digits, `-`, `_` and `.`"
        ));
    }
    Ok((key.to_owned(), value.to_owned()))
}

fn word(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && edge(text.chars().next())
        && edge(text.chars().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_in_both_families_of_units() {
        for (text, value) in [
            ("0", 0),
            ("1024", 1024),
            ("1Ki", 1024),
            ("2MiB", 2 << 20),
            ("3G", 3_000_000_000),
            ("1 Gi", 1 << 30),
        ] {
            assert_eq!(bytes(text), Ok(value), "{text}");
        }
        for text in [
            "",
            "Mi",
            "-1",
            "1.5Gi",
            "1Ti",
            "99999999999999999999",
            "18446744073709551615Ki",
        ] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_follow_the_rules_of_kubernetes() {
        assert_eq!(
            label("zone=eu-1"),
            Ok(("zone".to_owned(), "eu-1".to_owned()))
        );
        assert_eq!(
            label("example.com/tier="),
            Ok(("example.com/tier".to_owned(), String::new()))
        );
        for text in [
            "zone",
            "=x",
            "a b=c",
            "a=b c",
            "-a=b",
            "/a=b",
            "a..b/=c",
            &format!("a={}", "x".repeat(64)),
        ] {
            assert!(label(text).is_err(), "{text}");
        }
    }
}
