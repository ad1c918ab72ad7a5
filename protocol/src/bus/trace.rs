//! W3C trace context, as it travels in the header `traceparent`: what one side does because of the other can be found
//! under one id in the logs of both.

use std::fmt;
use std::str::FromStr;

use super::headers::{Headers, TRACEPARENT};

/// A trace and the part of it that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    sampled: bool,
}

/// A header that is no trace context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C trace context")]
pub struct InvalidTrace;

/// The id of a trace, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceContext {
    /// A trace of its own.
    pub fn new() -> Self {
        Self {
            // Zero is no id; it is also never drawn by anybody.
            trace: rand::random::<u128>().max(1),
            span: rand::random::<u64>().max(1),
            sampled: true,
        }
    }

    /// A further part of the same trace.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span: rand::random::<u64>().max(1),
            ..*self
        }
    }

    /// The id of the trace.
    pub const fn id(&self) -> TraceId {
        TraceId(self.trace)
    }
}

impl Default for TraceContext {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTrace;

    /// Later versions may have more parts behind these; they are of no interest.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-');
        let mut hex = |length: usize| {
            let part = parts.next().filter(|p| p.len() == length)?;
            // from_str_radix would take a sign and capitals.
            let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            part.bytes().all(plain).then_some(part)
        };
        let read = || {
            let version = hex(2)?;
            let trace = u128::from_str_radix(hex(32)?, 16).ok()?;
            let span = u64::from_str_radix(hex(16)?, 16).ok()?;
            let flags = u8::from_str_radix(hex(2)?, 16).ok()?;
            let valid = version != "ff" && trace != 0 && span != 0;
            valid.then_some(Self {
                trace,
                span,
                sampled: flags & 1 == 1,
            })
        };
        let mut read = read;
        read().ok_or(InvalidTrace)
    }
}

impl Headers {
    /// Says which trace the message is part of.
    #[must_use]
    pub fn with_trace(self, trace: &TraceContext) -> Self {
        self.with(TRACEPARENT, trace.to_string())
    }

    /// The trace the message is part of, if it says so in a way that can be read.
    pub fn trace(&self) -> Option<TraceContext> {
        self.get(TRACEPARENT)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_reads_as_it_is_written() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context: TraceContext = text.parse().unwrap();
        assert_eq!(context.to_string(), text);
        assert_eq!(context.id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        let child = context.child();
        assert_eq!(child.id(), context.id());
        assert_ne!(child, context);
        let headers = Headers::new().with_trace(&child);
        assert_eq!(headers.trace(), Some(child));
        let own = TraceContext::new();
        assert_eq!(own.to_string().parse(), Ok(own));
    }

    #[test]
    fn nonsense_is_no_trace() {
        for text in [
            "",
            "00-1-2-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(text.parse::<TraceContext>(), Err(InvalidTrace), "{text}");
        }
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more";
        assert!(later.parse::<TraceContext>().is_ok());
    }
}
