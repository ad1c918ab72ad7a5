//! `wash up` as a child process with a data folder of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::error::{Error, Result, While};

const READY: Duration = Duration::from_mins(1);
/// In-flight requests, then the hosts' goodbye.
const STOP: Duration = Duration::from_secs(30);

/// Everything the demo writes.
#[derive(Debug)]
pub struct Folder {
    pub root: PathBuf,
    wash: PathBuf,
    /// Held as long as this demo runs.
    _lock: File,
}

impl Folder {
    /// Claims `root` for this demo and empties it; ends what a killed demo left running.
    pub fn claim(root: PathBuf, wash: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&root)?;
        let lock = File::create(root.join("lock"))?;
        lock.try_lock().map_err(|_| {
            Error::new("another `cargo xtask demo` is running; end it with Ctrl-C first")
        })?;
        let folder = Self {
            root,
            wash,
            _lock: lock,
        };
        folder.end_leftover()?;
        for place in [folder.data(), folder.images()] {
            match std::fs::remove_dir_all(&place) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error(format!("cannot empty {}: {error}", place.display())));
                }
                _ => {}
            }
        }
        Ok(folder)
    }

    /// The API server's objects, certificates and kubeconfig.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The local image store.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    pub fn log(&self) -> PathBuf {
        self.root.join("wash.log")
    }

    fn pid_file(&self) -> PathBuf {
        self.root.join("wash.pid")
    }

    /// A demo that was killed had no chance to end its `wash up`.
    fn end_leftover(&self) -> Result<()> {
        let Ok(pid) = std::fs::read_to_string(self.pid_file()) else {
            return Ok(());
        };
        let pid = pid.trim();
        // The number may be another process's by now: it is ours only if it runs our binary.
        let command = Command::new("ps")
            .args(["-o", "command=", "-p", pid])
            .output()?;
        if String::from_utf8_lossy(&command.stdout).starts_with(&*self.wash.to_string_lossy()) {
            signal("KILL", pid)?;
            let end = Instant::now() + STOP;
            while signal("0", pid).is_ok() {
                if Instant::now() > end {
                    return Err(Error(format!(
                        "`wash up` (process {pid}) of an earlier demo does not end"
                    )));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(std::fs::remove_file(self.pid_file())?)
    }
}

/// A running `wash up`; ended when dropped.
#[derive(Debug)]
pub struct Platform<'a> {
    folder: &'a Folder,
    child: Child,
    /// Where the host answers HTTP.
    pub http: String,
    pub kubeconfig: PathBuf,
}

impl<'a> Platform<'a> {
    /// Starts it and waits until the API answers, the operator leads and the host is registered.
    pub fn start(folder: &'a Folder) -> Result<Self> {
        let log = File::create(folder.log())?;
        let mut child = Command::new(&folder.wash)
            .args([
                "--output",
                "json",
                "up",
                "--hosts",
                "1",
                "--http-addr",
                "127.0.0.1:0",
            ])
            .arg("--data-dir")
            .arg(folder.data())
            .arg("--store")
            .arg(folder.images())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .doing("cannot start wash up")?;
        std::fs::write(folder.pid_file(), child.id().to_string())?;
        let stdout = child.stdout.take();
        let mut platform = Self {
            folder,
            child,
            http: String::new(),
            kubeconfig: PathBuf::new(),
        };
        let stdout = stdout.ok_or_else(|| Error::new("wash up was started without its output"))?;
        let said = platform.first_message(stdout)?;
        platform.http = field(&said, "http")
            .ok_or_else(|| Error(format!("wash up names no HTTP address: {said}")))?;
        platform.kubeconfig = field(&said, "kubeconfig")
            .map(PathBuf::from)
            .ok_or_else(|| Error(format!("wash up names no kubeconfig: {said}")))?;
        Ok(platform)
    }

    /// What it prints once it is ready: one JSON object, ended by a line `}`.
    fn first_message(&mut self, stdout: std::process::ChildStdout) -> Result<String> {
        let (send, received) = mpsc::channel();
        // Reads on after the message too: a full pipe would stop wash.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout)
                .lines()
                .map_while(std::result::Result::ok)
            {
                let _ = send.send(line);
            }
        });
        let end = Instant::now() + READY;
        let mut said = String::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match received.recv_timeout(left) {
                Ok(line) => {
                    said.push_str(&line);
                    if line.starts_with('}') || (line.starts_with('{') && line.ends_with('}')) {
                        return Ok(said);
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(self.failed(&format!(
                        "wash up was not ready within {} s",
                        READY.as_secs()
                    )));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    return Err(self.failed(&format!(
                        "wash up ended ({status}) before it was ready: {said}"
                    )));
                }
            }
        }
    }

    /// An error with the end of wash's log.
    pub fn failed(&self, what: &str) -> Error {
        let log = self.folder.log();
        Error(format!("{what}\n--- {}\n{}", log.display(), tail(&log)))
    }

    /// Runs another `wash` command against this platform's cluster and images.
    pub fn wash(&self, args: &[&str], paths: &[&Path]) -> Result<String> {
        let output = Command::new(&self.folder.wash)
            .args(args)
            .args(paths)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("WASH_STORE", self.folder.images())
            .stdin(Stdio::null())
            .output()
            .doing("cannot run wash")?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(self.failed(&format!("wash {}: {}", args.join(" "), said.trim())))
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// Ends it as a service manager does, and checks that it drained and left without complaint.
    pub fn stop(mut self) -> Result<()> {
        signal("TERM", &self.child.id().to_string())?;
        let end = Instant::now() + STOP;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > end {
                return Err(
                    self.failed(&format!("wash up did not end within {} s", STOP.as_secs()))
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if status.success() {
            Ok(())
        } else {
            Err(self.failed(&format!("wash up ended with {status}")))
        }
    }
}

impl Drop for Platform<'_> {
    fn drop(&mut self) {
        // Both fail only for a process that has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(self.folder.pid_file());
    }
}

fn signal(signal: &str, pid: &str) -> Result<()> {
    let mut command = Command::new("kill");
    let status = command
        .arg(format!("-{signal}"))
        .arg(pid)
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(Error(format!("cannot send {signal} to process {pid}")))
    }
}

/// The string value of the first `"name": "value"`.
fn field(json: &str, name: &str) -> Option<String> {
    let rest = json.split(&format!("\"{name}\":")).nth(1)?;
    rest.trim_start_matches([' ', '['])
        .strip_prefix('"')?
        .split('"')
        .next()
        .map(str::to_owned)
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(30)..)
        .unwrap_or_default()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_wash_up_says() {
        let said = "{  \"data\": {    \"http\": \"127.0.0.1:1\",    \"kubeconfig\": \"/a b/kubeconfig\"  }}";
        assert_eq!(field(said, "http").as_deref(), Some("127.0.0.1:1"));
        assert_eq!(
            field(said, "kubeconfig").as_deref(),
            Some("/a b/kubeconfig")
        );
        assert_eq!(
            field("{\"http\": [\"127.0.0.1:1\"]}", "http").as_deref(),
            Some("127.0.0.1:1")
        );
        assert_eq!(field(said, "nothing"), None);
    }

    #[test]
    fn a_folder_is_one_demos_at_a_time() {
        let shell = xshell::Shell::new().unwrap();
        let temporary = shell.create_temp_dir().unwrap();
        let root = temporary.path().join("demo");
        let held = Folder::claim(root.clone(), "wash".into()).unwrap();
        assert!(Folder::claim(root.clone(), "wash".into()).is_err());
        drop(held);
        Folder::claim(root, "wash".into()).unwrap();
    }
}
