//! Ages as kubectl shows them.

use jiff::Timestamp;
use serde_json::Value;

/// The age of an RFC 3339 timestamp: `5m`, `2d3h`; `<unknown>` when it is not one.
pub fn age(timestamp: &Value, now: Timestamp) -> String {
    let Some(then) = timestamp
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok())
    else {
        return "<unknown>".into();
    };
    human(now.as_second() - then.as_second())
}

/// At most two units, the second one only while it says something.
fn human(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let two = |big: i64, big_name: char, small: i64, small_name: char| {
        let rest = seconds % big / small;
        match rest {
            0 => format!("{}{big_name}", seconds / big),
            rest => format!("{}{big_name}{rest}{small_name}", seconds / big),
        }
    };
    match seconds {
        ..-1 => "<invalid>".into(),
        -1..0 => "0s".into(),
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(MINUTE, 'm', 1, 's'),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(HOUR, 'h', MINUTE, 'm'),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(DAY, 'd', HOUR, 'h'),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(YEAR, 'y', DAY, 'd'),
        s => format!("{}y", s / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_ages_as_kubectl_does() {
        let cases = [
            (0, "0s"),
            (-5, "<invalid>"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 60, "3h1m"),
            (9 * 3600 + 60, "9h"),
            (49 * 3600, "2d1h"),
            (9 * 86400 + 7200, "9d"),
            (800 * 86400, "2y70d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(seconds), text);
        }
    }
}
