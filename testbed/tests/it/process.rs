use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use testbed::{Process, wait};

const SOON: Duration = Duration::from_secs(10);

fn runs(pid: u32) -> bool {
    Command::new("kill")
        .args(["-0", &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[tokio::test]
async fn dropping_it_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::new("sleeper", "sleep", folder.path().join("log")).arg("600");
    process.start().unwrap();
    let pid = process.id().unwrap();
    assert!(runs(pid));
    drop(process);
    assert!(!runs(pid));
}

#[tokio::test]
async fn an_early_end_is_reported_with_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 'port in use' >&2; exit 7";
    let mut process = Process::new("server", "sh", folder.path().join("log")).args(["-c", script]);
    process.start().unwrap();
    let error = process
        .ready(SOON, || async { Err::<(), _>("no answer") })
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("exit status: 7") && error.contains("port in use"),
        "{error}"
    );
}

/// Runs in a process of its own (below): starts a server, tells its id, and is killed.
#[test]
fn holder() {
    if std::env::var_os("TESTBED_HOLD").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::new("sleeper", "sleep", folder.path().join("log")).arg("600");
    process.start().unwrap();
    println!("\nheld {}", process.id().unwrap());
    let _ = std::io::stdin().lines().next();
}

#[tokio::test]
async fn a_killed_test_takes_its_servers_along() {
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::holder", "--nocapture"])
        .env("TESTBED_HOLD", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let held = BufReader::new(test.stdout.take().unwrap())
        .lines()
        .find_map(|line| {
            line.unwrap()
                .strip_prefix("held ")
                .map(|pid| pid.parse::<u32>().unwrap())
        })
        .unwrap();
    assert!(runs(held));
    test.kill().unwrap();
    test.wait().unwrap();
    wait::until(SOON, "the server's end", || async move {
        if runs(held) { Err("it runs") } else { Ok(()) }
    })
    .await
    .unwrap();
}
