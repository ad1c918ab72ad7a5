//! What a command prints: text for people, or one JSON envelope with a stable shape.

use std::io::Write;
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    #[value(alias = "plain")]
    Text,
    /// `{"message": string, "success": bool, "data": object|null}` on stdout.
    Json,
}

/// The result of a command that succeeded.
#[derive(Debug, Default)]
pub struct Reply {
    /// What happened, for people. Empty prints nothing.
    pub message: String,
    /// The same for programs.
    pub data: Value,
    /// Prints nothing, in either form: everything was said before.
    pub silent: bool,
}

impl Reply {
    /// A reply with text for people and data for programs.
    pub fn new(message: impl Into<String>, data: Value) -> Self {
        Self {
            message: message.into(),
            data,
            silent: false,
        }
    }

    /// A success of which everything was said before.
    pub fn silent() -> Self {
        Self {
            silent: true,
            ..Self::default()
        }
    }

    /// As [`Reply::new`], for data with a type of its own.
    pub fn of(message: impl Into<String>, data: &impl Serialize) -> Result<Self, Failure> {
        Ok(Self::new(message, serde_json::to_value(data)?))
    }
}

impl Output {
    /// Prints a success.
    pub fn reply(self, reply: &Reply) -> ExitCode {
        match self {
            _ if reply.silent => {}
            Self::Text if reply.message.is_empty() => {}
            Self::Text => line(&mut std::io::stdout(), &reply.message),
            Self::Json => envelope(&reply.message, true, &reply.data),
        }
        ExitCode::SUCCESS
    }

    /// Prints a failure: what, why, and the command to try next. Text goes to stderr.
    pub fn failure(self, failure: &Failure) -> ExitCode {
        match self {
            Self::Text => {
                line(
                    &mut std::io::stderr(),
                    &format!("error: {}", failure.message()),
                );
                if let Some(hint) = failure.hint() {
                    line(&mut std::io::stderr(), &format!("hint: {hint}"));
                }
            }
            Self::Json => envelope(
                &failure.message(),
                false,
                &failure
                    .hint()
                    .map_or(Value::Null, |hint| json!({ "hint": hint })),
            ),
        }
        ExitCode::from(failure.exit_code())
    }

    /// Prints one line of progress to stderr; programs get none.
    pub fn progress(self, text: &str) {
        if self == Self::Text {
            line(&mut std::io::stderr(), text);
        }
    }
}

fn envelope(message: &str, success: bool, data: &Value) {
    let envelope = json!({ "message": message, "success": success, "data": data });
    line(&mut std::io::stdout(), &format!("{envelope:#}"));
}

/// A reader that went away (`wash … | head`) is not this command's failure.
fn line(to: &mut impl Write, text: &str) {
    let _ = writeln!(to, "{text}");
}
