//! Log output of a process: stderr, as text for people or JSON for collectors.

use std::fmt;
use std::io::{self, IsTerminal};
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One line of text, coloured on a terminal.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for LogFormat {
    type Err = TelemetryError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(TelemetryError::Format(other.to_owned())),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A format nobody knows.
    #[error("unknown log format {0:?}: expected \"text\" or \"json\"")]
    Format(String),
    /// A filter that does not parse.
    #[error(
        "log filter {filter:?} is not valid, expected for example \"info\" or \"info,host=debug\""
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
}

/// What is logged and how.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// How a line looks.
    pub format: LogFormat,
    /// Which lines, in the syntax of `RUST_LOG`; that variable wins when it is set and not empty.
    pub filter: String,
    /// Colour: `None` decides by whether stderr is a terminal and `NO_COLOR` is unset.
    pub colour: Option<bool>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
            colour: None,
        }
    }
}

/// Starts logging to stderr. The first call of a process decides; later ones only check their filter, so tests and
/// embedded parts may call it freely.
pub fn init(options: &LogOptions) -> Result<(), TelemetryError> {
    let from_env = std::env::var("RUST_LOG")
        .ok()
        .filter(|value| !value.is_empty());
    let filter = parse_filter(from_env.as_deref().unwrap_or(&options.filter))?;
    let colour = options.colour.unwrap_or_else(|| {
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
    });
    let registry = tracing_subscriber::registry().with(filter);
    let outcome = match options.format {
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(io::stderr)
                    .with_ansi(colour),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(io::stderr),
            )
            .try_init(),
    };
    // The error only says that logging is already set up.
    drop(outcome);
    Ok(())
}

fn parse_filter(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::Filter {
            filter: filter.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_filter_is_named() {
        let error = parse_filter("info,host=loud").unwrap_err();
        assert!(error.to_string().contains("\"info,host=loud\""), "{error}");
    }

    #[test]
    fn starting_twice_is_fine() {
        init(&LogOptions::default()).unwrap();
        init(&LogOptions {
            format: LogFormat::Json,
            ..LogOptions::default()
        })
        .unwrap();
    }

    #[test]
    fn formats_read_as_they_print() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(format.to_string().parse::<LogFormat>().unwrap(), format);
        }
        assert!(
            "xml"
                .parse::<LogFormat>()
                .unwrap_err()
                .to_string()
                .contains("\"xml\"")
        );
    }
}
