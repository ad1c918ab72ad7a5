//! A command that may take only so long.

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, While};

/// Runs `command` without input or output; kills it after `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Result<ExitStatus> {
    let what = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .doing(format!("cannot run {what}"))?;
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Err(Error(format!(
                "{what} did not finish within {} s",
                limit.as_secs()
            )));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_ended() {
        let error = run(Command::new("sleep").arg("600"), Duration::from_millis(100)).unwrap_err();
        assert!(
            error.to_string().starts_with("sleep did not finish"),
            "{error}"
        );
        assert!(
            run(&mut Command::new("true"), Duration::from_mins(1))
                .unwrap()
                .success()
        );
    }
}
