//! Running `wash` with a home of its own, and what that looks like as text.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use testbed::wait;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A person with an empty home folder. Nothing of whoever runs the tests is seen.
pub struct Person {
    home: tempfile::TempDir,
    replaced: Vec<(String, &'static str)>,
}

/// What a run came to.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Person {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let replaced = vec![(home.path().display().to_string(), "[HOME]")];
        Self { home, replaced }
    }

    /// In what is compared, `text` reads as `name`.
    pub fn replace(&mut self, text: impl Into<String>, name: &'static str) {
        self.replaced.insert(0, (text.into(), name));
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn store(&self) -> PathBuf {
        self.home().join(".local/share/wash/images")
    }

    /// A command with this person's environment, in their home.
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wash"));
        command
            .args(args)
            .current_dir(self.home())
            .env_clear()
            .env("HOME", self.home());
        // The toolchain that runs the tests builds for them too.
        for name in ["PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(home) = std::env::var_os("HOME") {
            for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
                if std::env::var_os(name).is_none() {
                    command.env(name, Path::new(&home).join(folder));
                }
            }
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs `wash` with `args`.
    pub async fn wash<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        self.finish(self.command(args), None).await
    }

    /// Runs a command to its end, giving it `stdin`.
    pub async fn finish(&self, mut command: Command, stdin: Option<&str>) -> Run {
        if stdin.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            pipe.write_all(text.as_bytes()).await.unwrap();
        }
        let output = wait::within(wait::TEST, "wash to end", child.wait_with_output())
            .await
            .unwrap()
            .unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            self.replaced
                .iter()
                .fold(text, |text, (from, to)| text.replace(from, to))
        };
        Run {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Run {
    /// Everything about the run, for a snapshot.
    pub fn shown(&self) -> String {
        let code = self
            .code
            .map_or("none: killed".to_owned(), |code| code.to_string());
        format!(
            "exit code {code}\n--- stdout\n{}--- stderr\n{}",
            self.stdout, self.stderr
        )
    }

    /// The data of a run that succeeded with `-o json`.
    pub fn data(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{}", self.shown());
        let envelope: serde_json::Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(envelope["success"], true);
        envelope["data"].clone()
    }

    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.shown());
        self
    }
}

/// A component without imports or exports.
pub const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// The smallest core module.
pub const MODULE: &[u8] = b"\0asm\x01\0\0\0";
