//! Durations and quantities as users write them.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::time::Duration;

/// A duration as in the Gateway API: `1h30m`, `500ms`. `None` for anything else.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let milliseconds: u64 = match &rest[..unit] {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return None,
        };
        total += Duration::from_millis(count.checked_mul(milliseconds)?);
        rest = &rest[unit..];
    }
    (!text.is_empty()).then_some(total)
}

/// A quantity as a number; `None` when it cannot be read.
pub fn quantity(quantity: &Quantity) -> Option<f64> {
    let parsed = kube_quantity::ParsedQuantity::try_from(quantity).ok()?;
    parsed.to_bytes_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up() {
        assert_eq!(duration("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(duration("1s500ms"), Some(Duration::from_millis(1500)));
        for bad in ["", "5", "s", "5x", "-1s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn quantities_read_as_kubernetes_does() {
        for (text, value) in [
            ("64Mi", 67_108_864.0),
            ("250m", 0.25),
            ("2", 2.0),
            ("1k", 1000.0),
        ] {
            assert_eq!(quantity(&Quantity(text.into())), Some(value), "{text}");
        }
    }
}
