//! `format` of strings and numbers. A format that the API server does not know constrains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Int32,
    Int64,
    Float,
    DateTime,
    Date,
    Duration,
    Byte,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Cidr,
    Mac,
    Uri,
    Uuid,
    UuidVersion(u8),
    ShortName,
    LongName,
    HexColor,
    RgbColor,
    CreditCard,
    Ssn,
    Isbn,
    Isbn10,
    Isbn13,
    ObjectId,
}

impl Format {
    /// The format of this name with the name that errors show.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "float" => Self::Float,
            "date-time" | "datetime" => Self::DateTime,
            "date" => Self::Date,
            "duration" => Self::Duration,
            "byte" => Self::Byte,
            "email" => Self::Email,
            "hostname" => Self::Hostname,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "cidr" => Self::Cidr,
            "mac" => Self::Mac,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid,
            "uuid3" => Self::UuidVersion(3),
            "uuid4" => Self::UuidVersion(4),
            "uuid5" => Self::UuidVersion(5),
            "k8s-short-name" => Self::ShortName,
            "k8s-long-name" => Self::LongName,
            "hexcolor" => Self::HexColor,
            "rgbcolor" => Self::RgbColor,
            "creditcard" => Self::CreditCard,
            "ssn" => Self::Ssn,
            "isbn" => Self::Isbn,
            "isbn10" => Self::Isbn10,
            "isbn13" => Self::Isbn13,
            "bsonobjectid" => Self::ObjectId,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float => "float",
            Self::DateTime => "date-time",
            Self::Date => "date",
            Self::Duration => "duration",
            Self::Byte => "byte",
            Self::Email => "email",
            Self::Hostname => "hostname",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Cidr => "cidr",
            Self::Mac => "mac",
            Self::Uri => "uri",
            Self::Uuid => "uuid",
            Self::UuidVersion(3) => "uuid3",
            Self::UuidVersion(4) => "uuid4",
            Self::UuidVersion(_) => "uuid5",
            Self::ShortName => "k8s-short-name",
            Self::LongName => "k8s-long-name",
            Self::HexColor => "hexcolor",
            Self::RgbColor => "rgbcolor",
            Self::CreditCard => "creditcard",
            Self::Ssn => "ssn",
            Self::Isbn => "isbn",
            Self::Isbn10 => "isbn10",
            Self::Isbn13 => "isbn13",
            Self::ObjectId => "bsonobjectid",
        }
    }

    /// Whether a number of the right type fits; formats of strings hold for every number.
    pub(crate) fn fits_number(self, value: &Value) -> bool {
        match self {
            Self::Int32 => value
                .as_f64()
                .is_none_or(|n| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&n)),
            Self::Int64 => value.as_u64().is_none_or(|n| i64::try_from(n).is_ok()),
            Self::Float => value
                .as_f64()
                .is_none_or(|n| n.abs() <= f64::from(f32::MAX)),
            _ => true,
        }
    }

    /// Whether a string fits; formats of numbers hold for every string.
    pub(crate) fn fits_text(self, text: &str) -> bool {
        match self {
            Self::Int32 | Self::Int64 | Self::Float => true,
            Self::DateTime => {
                is_date_time_shape(text) && text.to_uppercase().parse::<jiff::Timestamp>().is_ok()
            }
            Self::Date => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
            Self::Duration => is_duration(text),
            Self::Byte => base64::engine::general_purpose::STANDARD
                .decode(text)
                .is_ok(),
            Self::Email => is_email(text),
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Cidr => is_cidr(text),
            Self::Mac => is_mac(text),
            Self::Uri => text.starts_with('/') || url::Url::parse(text).is_ok(),
            Self::Uuid => text.len() >= 32 && uuid::Uuid::try_parse(text).is_ok(),
            Self::UuidVersion(version) => has_uuid_version(text, version),
            Self::ShortName => text.len() <= 63 && is_dns_label(text),
            Self::LongName => text.len() <= 253 && text.split('.').all(is_dns_label),
            Self::HexColor => is_hex_color(text),
            Self::RgbColor => is_rgb_color(text),
            Self::CreditCard => {
                let digits = digits_of(text);
                (13..=19).contains(&digits.len()) && luhn(&digits)
            }
            Self::Ssn => is_ssn(text),
            Self::Isbn => is_isbn10(text) || is_isbn13(text),
            Self::Isbn10 => is_isbn10(text),
            Self::Isbn13 => is_isbn13(text),
            Self::ObjectId => text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        }
    }
}

/// `2020-01-01T00:00:00Z` up to the seconds; what follows is left to the parser.
fn is_date_time_shape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 20
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't')
        && bytes[13] == b':'
        && bytes[16] == b':'
}

/// A Go duration (`1h30m`), or a count with a unit in words (`3 days`).
fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 22] = [
        "nanoseconds",
        "microseconds",
        "milliseconds",
        "seconds",
        "minutes",
        "hours",
        "days",
        "weeks",
        "nanosecond",
        "microsecond",
        "millisecond",
        "second",
        "minute",
        "hour",
        "day",
        "week",
        "ns",
        "us",
        "\u{b5}s",
        "ms",
        "wk",
        "min",
    ];
    let text = text.trim().to_lowercase();
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if rest == "0" {
        return true;
    }
    let mut found = false;
    while !rest.is_empty() {
        let number = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        if number == 0 || rest[..number].parse::<f64>().is_err() {
            return false;
        }
        rest = rest[number..].trim_start();
        let unit = UNITS.iter().find(|unit| rest.starts_with(**unit)).copied();
        let length = match unit {
            Some(unit) => unit.len(),
            None if rest.starts_with(['h', 'm', 's', 'd', 'w']) => 1,
            None => return false,
        };
        rest = rest[length..].trim_start();
        found = true;
    }
    found
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    !local.is_empty()
        && !domain.is_empty()
        && !text.contains(char::is_whitespace)
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

/// RFC 1034 with a top-level label of two letters or more; `localhost` counts.
fn is_hostname(text: &str) -> bool {
    if text.len() > 253 {
        return false;
    }
    let labels: Vec<&str> = text.split('.').collect();
    let label = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    let top = labels
        .last()
        .is_some_and(|top| top.len() >= 2 && top.chars().all(char::is_alphabetic));
    labels.iter().all(label) && (labels.len() == 1 || top)
}

fn is_dns_label(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| inside(*byte) || *byte == b'-')
        && inside(bytes[0])
        && inside(bytes[bytes.len() - 1])
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.parse::<u8>().is_ok_and(|length| length <= most)
}

/// EUI-48, EUI-64 or 20-octet InfiniBand, separated by colons or hyphens, or in groups of four by dots.
fn is_mac(text: &str) -> bool {
    let groups = |separator: char, width: usize| {
        let groups: Vec<&str> = text.split(separator).collect();
        let octets = groups.len() * width / 2;
        matches!(octets, 6 | 8 | 20)
            && groups.iter().all(|group| {
                group.len() == width && group.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    };
    groups(':', 2) || groups('-', 2) || groups('.', 4)
}

fn has_uuid_version(text: &str, version: u8) -> bool {
    uuid::Uuid::try_parse(text).is_ok_and(|uuid| uuid.get_version_num() == usize::from(version))
}

fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_rgb_color(text: &str) -> bool {
    let inside = text
        .strip_prefix("rgb(")
        .and_then(|rest| rest.strip_suffix(')'));
    inside.is_some_and(|inside| {
        let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u8>().is_ok())
    })
}

fn is_ssn(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range)
            .is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let bytes = text.as_bytes();
    bytes.len() == 11
        && digits(0..3)
        && digits(4..6)
        && digits(7..11)
        && matches!(bytes[3], b'-' | b' ')
        && matches!(bytes[6], b'-' | b' ')
}

fn digits_of(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

fn luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            if place % 2 == 1 {
                doubled(*digit)
            } else {
                *digit
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_isbn10(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    let value = |(place, c): (usize, char)| match c {
        'X' | 'x' if place == 9 => Some(10),
        _ => c.to_digit(10),
    };
    let digits: Option<Vec<u32>> = text.chars().enumerate().map(value).collect();
    digits.is_some_and(|digits| {
        digits.len() == 10
            && digits
                .iter()
                .zip((1..=10).rev())
                .map(|(digit, weight)| digit * weight)
                .sum::<u32>()
                .is_multiple_of(11)
    })
}

fn is_isbn13(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    let digits = digits_of(&text);
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { *digit } else { digit * 3 })
        .sum();
    text.len() == 13 && digits.len() == 13 && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn each_format_knows_right_from_wrong() {
        for (name, right, wrong) in [
            ("duration", "3 days", "3 moons"),
            ("duration", "1h30m", "h1"),
            ("hostname", "example.com", "-x.com"),
            ("ipv6", "::1", "1.2.3.4"),
            ("mac", "00:00:5e:00:53:01", "00:00:5e"),
            ("hexcolor", "#fff", "#ggg"),
            ("rgbcolor", "rgb(1,2,255)", "rgb(1,2,256)"),
            ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
            ("ssn", "111-22-3333", "111-22-333"),
            ("isbn10", "0-306-40615-2", "0-306-40615-3"),
            ("isbn13", "978-0-306-40615-7", "978-0-306-40615-8"),
            ("isbn", "0306406152", "1"),
            ("bsonobjectid", "507f1f77bcf86cd799439011", "507f"),
            (
                "uuid4",
                "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
                "123e4567-e89b-12d3-a456-426614174000",
            ),
            (
                "date-time",
                "2020-01-01T00:00:00+01:00",
                "2020-01-01 00:00:00",
            ),
        ] {
            let format = Format::named(name).unwrap();
            assert!(format.fits_text(right), "{name}: {right}");
            assert!(!format.fits_text(wrong), "{name}: {wrong}");
        }
    }
}
