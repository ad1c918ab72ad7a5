//! Subjects of the control connection. An id becomes one token of a subject, so it may hold no dot, wildcard or space.

use std::fmt;

/// Subscription of the operator to every heartbeat.
pub const ALL_HEARTBEATS: &str = "runtime.operator.heartbeat.>";
/// Subscription of the operator to every announcement.
pub const ALL_ANNOUNCEMENTS: &str = "runtime.operator.host.>";
/// Subscription of the operator to every change of a workload's state.
pub const ALL_WORKLOAD_STATES: &str = "runtime.operator.workload.>";

/// An id that cannot be a token of a subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be part of a subject: expected letters, digits, `-` or `_`")]
pub struct InvalidToken(pub String);

/// What a host is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Answer with a heartbeat.
    Heartbeat,
    /// Start a workload; answered with its state.
    Start,
    /// The state of a workload.
    Status,
    /// Stop a workload.
    Stop,
    /// Start with the extension; answered as soon as it is accepted.
    StartV1,
    /// The state with the extension.
    StatusV1,
    /// Stop with the extension.
    StopV1,
    /// The workloads a host has.
    List,
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 8] = [
        Self::Heartbeat,
        Self::Start,
        Self::Status,
        Self::Stop,
        Self::StartV1,
        Self::StatusV1,
        Self::StopV1,
        Self::List,
    ];

    /// The tokens after `runtime.host.<id>.`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Start => "workload.start",
            Self::Status => "workload.status",
            Self::Stop => "workload.stop",
            Self::StartV1 => "workload.start.v1",
            Self::StatusV1 => "workload.status.v1",
            Self::StopV1 => "workload.stop.v1",
            Self::List => "workload.list",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a subject of the control connection means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A heartbeat of this host.
    Heartbeat { host: &'a str },
    /// An announcement of this host.
    Announcement { host: &'a str },
    /// A state change of this workload on this host.
    WorkloadState { host: &'a str, workload: &'a str },
    /// A command to this host; `None` is one this code does not know.
    Command {
        host: &'a str,
        command: Option<Command>,
    },
}

/// Where a host publishes its heartbeats.
pub fn heartbeat(host: &str) -> Result<String, InvalidToken> {
    Ok(format!("runtime.operator.heartbeat.{}", token(host)?))
}

/// Where a host announces what the base heartbeat cannot say.
pub fn announcement(host: &str) -> Result<String, InvalidToken> {
    Ok(format!("runtime.operator.host.{}", token(host)?))
}

/// Where a host publishes that a workload's state changed.
pub fn workload_state(host: &str, workload: &str) -> Result<String, InvalidToken> {
    Ok(format!(
        "runtime.operator.workload.{}.{}",
        token(host)?,
        token(workload)?
    ))
}

/// Where a host takes a command.
pub fn host_command(host: &str, command: Command) -> Result<String, InvalidToken> {
    Ok(format!("runtime.host.{}.{command}", token(host)?))
}

/// Subscription of a host to all its commands, known or not.
pub fn host_commands(host: &str) -> Result<String, InvalidToken> {
    Ok(format!("runtime.host.{}.>", token(host)?))
}

/// The meaning of a subject; `None` for subjects of others.
pub fn parse(subject: &str) -> Option<Parsed<'_>> {
    let rest = subject.strip_prefix("runtime.")?;
    if let Some(rest) = rest.strip_prefix("host.") {
        let (host, command) = rest.split_once('.')?;
        let command = Command::ALL.into_iter().find(|c| c.as_str() == command);
        return is_token(host).then_some(Parsed::Command { host, command });
    }
    let (what, rest) = rest.strip_prefix("operator.")?.split_once('.')?;
    match what {
        "heartbeat" if is_token(rest) => Some(Parsed::Heartbeat { host: rest }),
        "host" if is_token(rest) => Some(Parsed::Announcement { host: rest }),
        "workload" => {
            let (host, workload) = rest.split_once('.')?;
            (is_token(host) && is_token(workload))
                .then_some(Parsed::WorkloadState { host, workload })
        }
        _ => None,
    }
}

/// Whether an id can be one token of a subject.
pub fn is_token(id: &str) -> bool {
    !id.is_empty()
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn token(id: &str) -> Result<&str, InvalidToken> {
    if is_token(id) {
        Ok(id)
    } else {
        Err(InvalidToken(id.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_subjects_parse_back() {
        for command in Command::ALL {
            assert_eq!(
                parse(&host_command("h-1", command).unwrap()),
                Some(Parsed::Command {
                    host: "h-1",
                    command: Some(command)
                })
            );
        }
        assert_eq!(
            parse(&heartbeat("h").unwrap()),
            Some(Parsed::Heartbeat { host: "h" })
        );
        assert_eq!(
            parse(&announcement("h").unwrap()),
            Some(Parsed::Announcement { host: "h" })
        );
        assert_eq!(
            parse(&workload_state("h", "w").unwrap()),
            Some(Parsed::WorkloadState {
                host: "h",
                workload: "w"
            })
        );
    }

    #[test]
    fn the_reference_s_subjects() {
        assert_eq!(heartbeat("a").unwrap(), "runtime.operator.heartbeat.a");
        assert_eq!(
            host_command("a", Command::Heartbeat).unwrap(),
            "runtime.host.a.heartbeat"
        );
        assert_eq!(
            host_command("a", Command::Start).unwrap(),
            "runtime.host.a.workload.start"
        );
        assert_eq!(host_commands("a").unwrap(), "runtime.host.a.>");
    }

    #[test]
    fn an_id_is_one_token() {
        for bad in ["", "a.b", "*", ">", "a b", "ü"] {
            assert!(heartbeat(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            parse("runtime.host.h.workload.dance"),
            Some(Parsed::Command {
                host: "h",
                command: None
            })
        );
        assert_eq!(parse("runtime.operator.heartbeat.a.b"), None);
        assert_eq!(parse("other"), None);
    }
}
