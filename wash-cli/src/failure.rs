//! A failed command: what went wrong, why, and what to try next.

use std::fmt::Write;

/// Exit code of a command that failed.
const FAILED: u8 = 1;
/// Exit code of a command line that makes no sense.
const USAGE: u8 = 2;
/// Exit code of a command that was interrupted.
const INTERRUPTED: u8 = 130;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    hint: Option<String>,
    exit_code: u8,
}

impl Failure {
    /// A failure with the command or change to try next.
    pub fn with_hint(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            hint: Some(hint.into()),
            exit_code: FAILED,
        }
    }

    /// A failure named by what was tried.
    pub fn new(what: impl Into<String>) -> Self {
        anyhow::Error::msg(what.into()).into()
    }

    /// A command line that makes no sense, in a way its parser cannot see.
    pub fn usage(what: impl Into<String>) -> Self {
        Self {
            exit_code: USAGE,
            ..Self::new(what)
        }
    }

    /// The same failure with what caused it.
    pub fn because(self, cause: impl Into<anyhow::Error>) -> Self {
        Self {
            error: cause.into().context(self.error.to_string()),
            ..self
        }
    }

    /// The same failure with the command or change to try next.
    pub fn hint_at(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The user ended the command.
    pub fn interrupted() -> Self {
        Self {
            error: anyhow::anyhow!("interrupted"),
            hint: None,
            exit_code: INTERRUPTED,
        }
    }

    /// The error and its causes in one line. A cause that its parent already quotes is left out.
    pub fn message(&self) -> String {
        let mut message = self.error.to_string();
        for cause in self.error.chain().skip(1) {
            let cause = cause.to_string();
            if !message.contains(&cause) {
                let _ = write!(message, ": {cause}");
            }
        }
        message
    }

    /// What to try next.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The process's exit code.
    pub const fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            hint: None,
            exit_code: FAILED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_once() {
        let inner = anyhow::anyhow!("disk is full");
        let failure = Failure::from(inner.context("cannot write a").context("deploy failed"));
        assert_eq!(
            failure.message(),
            "deploy failed: cannot write a: disk is full"
        );
        let quoted = anyhow::anyhow!("disk is full").context("cannot write: disk is full");
        assert_eq!(
            Failure::from(quoted).message(),
            "cannot write: disk is full"
        );
    }
}
