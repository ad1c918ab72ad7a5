//! Subjects and subscriptions, by the rules of NATS: tokens between dots, `*` for one, a final `>` for one or more.

use super::BusError;

/// Checks a subject to publish to.
pub fn check_subject(subject: &str) -> Result<(), BusError> {
    check(subject, false)
}

/// Checks a subject to subscribe to.
pub fn check_pattern(pattern: &str) -> Result<(), BusError> {
    check(pattern, true)
}

fn check(subject: &str, wildcards: bool) -> Result<(), BusError> {
    let invalid = |problem| {
        Err(BusError::InvalidSubject {
            subject: subject.to_owned(),
            problem,
        })
    };
    if subject.is_empty() {
        return invalid("it is empty");
    }
    let mut tokens = subject.split('.').peekable();
    while let Some(token) = tokens.next() {
        if token.is_empty() {
            return invalid("a token between dots is empty");
        }
        if token
            .bytes()
            .any(|b| b.is_ascii_whitespace() || b.is_ascii_control())
        {
            return invalid("it holds a space or control character");
        }
        if matches!(token, "*" | ">") {
            if !wildcards {
                return invalid("a wildcard can be subscribed to but not sent to");
            }
            if token == ">" && tokens.peek().is_some() {
                return invalid("`>` must be the last token");
            }
        }
    }
    Ok(())
}

/// Whether a message for `subject` belongs to a subscription to `pattern`. Both are valid.
pub fn matches(pattern: &str, subject: &str) -> bool {
    let mut wanted = pattern.split('.');
    let mut given = subject.split('.');
    loop {
        match (wanted.next(), given.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        assert!(matches("a.b", "a.b"));
        assert!(matches("a.*", "a.b"));
        assert!(matches("a.>", "a.b.c"));
        assert!(matches(">", "a"));
        assert!(!matches("a.>", "a"));
        assert!(!matches("a.*", "a.b.c"));
        assert!(!matches("a.b.c", "a.b"));
    }

    #[test]
    fn malformed_subjects() {
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "a.*", ">", "a\r\nPUB b"] {
            assert!(check_subject(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "a.>.b", "a..*"] {
            assert!(check_pattern(bad).is_err(), "{bad:?}");
        }
        assert!(check_pattern("a.*.b.>").is_ok());
        assert!(check_subject("_INBOX.x1.2").is_ok());
    }
}
