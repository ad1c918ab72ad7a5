//! Headers of a message: trace context, deadline, epoch of the leader.

use std::time::Duration;

/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// Milliseconds the sender still waits.
pub const DEADLINE: &str = "wasmcloud-deadline-ms";
/// Epoch of the operator that leads; a host ignores commands of an older one.
pub const EPOCH: &str = "wasmcloud-epoch";

/// Names and values in the order they were set. Names compare without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// No headers. Does not allocate.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a header, in place of one with the same name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a header, in place of one with the same name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self
            .0
            .iter_mut()
            .find(|(n, _)| n.eq_ignore_ascii_case(&name))
        {
            Some(held) => held.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of a header.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Says how long the sender waits.
    #[must_use]
    pub fn with_deadline(self, remaining: Duration) -> Self {
        self.with(DEADLINE, remaining.as_millis().to_string())
    }

    /// How long the sender waits, if it said so.
    pub fn deadline(&self) -> Option<Duration> {
        self.get(DEADLINE)?.parse().ok().map(Duration::from_millis)
    }

    /// Every header.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes the headers take on the wire, which count towards the largest payload.
    pub(super) fn wire_size(&self) -> usize {
        const FRAME: usize = "NATS/1.0\r\n\r\n".len();
        if self.0.is_empty() {
            return 0;
        }
        let lines = self
            .0
            .iter()
            .map(|(n, v)| n.len() + v.len() + ": \r\n".len());
        FRAME + lines.sum::<usize>()
    }

    /// The name of a header that no bus can carry.
    pub(super) fn unsendable(&self) -> Option<&str> {
        let name_ok =
            |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        let value_ok = |v: &str| !v.contains(['\r', '\n']);
        self.0
            .iter()
            .find(|(n, v)| !name_ok(n) || !value_ok(v))
            .map(|(n, _)| n.as_str())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        headers
            .into_iter()
            .fold(Self::new(), |all, (name, value)| all.with(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case() {
        let headers = Headers::new()
            .with("A", "1")
            .with("a", "2")
            .with_deadline(Duration::from_secs(2));
        assert_eq!(headers.get("A"), Some("2"));
        assert_eq!(headers.deadline(), Some(Duration::from_secs(2)));
        assert_eq!(headers.iter().count(), 2);
    }

    #[test]
    fn lines_cannot_be_smuggled() {
        assert_eq!(
            Headers::new().with("a", "b\r\nc: d").unsendable(),
            Some("a")
        );
        assert_eq!(Headers::new().with("a b", "c").unsendable(), Some("a b"));
        assert_eq!(Headers::new().with(TRACEPARENT, "00-1").unsendable(), None);
    }
}
