//! A server process of a test: its log, its end, and the end of everything it leaves behind.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

/// How much of a log is shown with an error.
const TAIL_LINES: usize = 40;

/// A process that is killed when this value is dropped, and when the process that holds it dies.
///
/// stdout and stderr go to one log file. After [`Process::kill`] it can be started again with the
/// same arguments.
#[derive(Debug)]
pub struct Process {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    log: PathBuf,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    watchdog: Child,
}

impl Process {
    /// Describes a process; [`Process::start`] starts it. `log` is appended to.
    pub fn new(name: &str, program: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            args: Vec::new(),
            envs: Vec::new(),
            log: log.into(),
            running: None,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.envs.push((name.into(), value.into()));
        self
    }

    /// Starts the process, unless it runs already.
    pub fn start(&mut self) -> Result<()> {
        if self.running.is_some() && self.exited()?.is_none() {
            return Ok(());
        }
        self.running = None;
        let log = open_log(&self.log)?;
        let child = Command::new(&self.program)
            .args(&self.args)
            .envs(self.envs.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {} ({})", self.name, self.program.display()))?;
        let watchdog = watchdog(child.id());
        self.running = match watchdog {
            Ok(watchdog) => Some(Running { child, watchdog }),
            Err(error) => {
                end(child);
                return Err(error);
            }
        };
        Ok(())
    }

    /// The process id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }

    /// How it ended, or `None` while it runs. A process that was never started has not ended.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        match &mut self.running {
            Some(running) => Ok(running.child.try_wait()?),
            None => Ok(None),
        }
    }

    /// Ends it as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(Running { child, watchdog }) = self.running.take() {
            // The watchdog first: it must not outlive the process whose number it knows.
            end(watchdog);
            end(child);
        }
    }

    /// Sends a signal by its name (`TERM`, `INT`, `STOP`, `CONT`) to the running process.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let id = self
            .id()
            .with_context(|| format!("{} does not run", self.name))?;
        let status = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(id.to_string())
            .status()?;
        anyhow::ensure!(
            status.success(),
            "kill -{signal} {id} ({}) failed: {status}",
            self.name
        );
        Ok(())
    }

    /// Ends it as a service manager does (SIGTERM), and returns how it ended.
    pub async fn terminate(&mut self, deadline: std::time::Duration) -> Result<ExitStatus> {
        self.signal("TERM")?;
        let status = self.wait_for_exit(deadline).await?;
        self.kill();
        Ok(status)
    }

    /// Waits until it ended by itself.
    pub async fn wait_for_exit(&mut self, deadline: std::time::Duration) -> Result<ExitStatus> {
        let name = self.name.clone();
        let log = self.log.clone();
        crate::wait::until(deadline, &format!("the end of {name}"), || {
            let seen = self.exited();
            async { seen?.context("it runs") }
        })
        .await
        .with_context(|| format!("log of {name}:\n{}", tail(&log)))
    }

    /// Where stdout and stderr go.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of the log, for an error.
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }

    /// Waits until `ready` answers `Ok`; fails at once, with the log, when the process ends first.
    pub async fn ready<T, E, F, Fut>(
        &mut self,
        deadline: std::time::Duration,
        mut ready: F,
    ) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: std::fmt::Display,
    {
        let what = format!("{} to be ready", self.name);
        let looked = crate::wait::until(deadline, &what, || {
            let ended = self.exited();
            let look = ready();
            async move {
                match ended? {
                    Some(status) => Ok(Err(status)),
                    None => look
                        .await
                        .map(Ok)
                        .map_err(|seen| anyhow::anyhow!("{seen:#}")),
                }
            }
        })
        .await;
        match looked {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(status)) => Err(anyhow::anyhow!(
                "{} ended ({status}) before it was ready; its log:\n{}",
                self.name,
                self.log_tail()
            )),
            Err(error) => Err(error.context(format!("log of {}:\n{}", self.name, self.log_tail()))),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            // Not the print macros: what is written here must appear beside the panic, uncaptured.
            let text = format!(
                "--- log of {} ({})\n{}\n",
                self.name,
                self.log.display(),
                self.log_tail()
            );
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }
}

fn open_log(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot write the log {}", path.display()))
}

/// A process that waits for the end of this one (its standard input closes then, however this one
/// ends) and kills the server. Rust runs no destructors at a signal, a deadlock's kill or `exit`.
fn watchdog(server: u32) -> Result<Child> {
    Command::new("sh")
        .args([
            "-c",
            "read -r _; kill -9 \"$0\" 2>/dev/null",
            &server.to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the watchdog of a server (sh)")
}

fn end(mut child: Child) {
    // Both fail only for a process that has ended and was waited for.
    let _ = child.kill();
    let _ = child.wait();
}

fn tail(log: &Path) -> String {
    let Ok(bytes) = std::fs::read(log) else {
        return format!("(no log at {})", log.display());
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}
