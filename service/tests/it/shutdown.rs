//! Signals, sent to a process of its own: this test binary, started again with a role.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::within;

const ROLE: &str = "SERVICE_TEST_ROLE";

/// The child's side of the tests below; without a role it has nothing to do but prove that it can be started.
#[tokio::test]
async fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        assert!(std::env::current_exe().unwrap().is_file());
        return;
    };
    let token = service::shutdown::on_signal().unwrap();
    println!("child-ready");
    token.cancelled().await;
    println!("child-draining");
    if role == "stuck" {
        std::future::pending::<()>().await;
    }
}

async fn start(
    role: &str,
) -> (
    Child,
    tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "shutdown::child", "--nocapture"])
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    expect_line(&mut lines, "child-ready").await;
    (child, lines)
}

async fn expect_line(
    lines: &mut tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    wanted: &str,
) {
    let found = async {
        // The harness prints on the same line before the test does.
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.ends_with(wanted) {
                return true;
            }
        }
        false
    };
    assert!(
        within(wanted, found).await,
        "the child ended without saying {wanted}"
    );
}

async fn send(child: &Child, signal: &str) {
    let pid = child.id().unwrap().to_string();
    let status = Command::new("kill")
        .args([format!("-{signal}"), pid])
        .status()
        .await
        .unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn either_signal_starts_an_orderly_end() {
    for signal in ["TERM", "INT"] {
        let (mut child, mut lines) = start("prompt").await;
        send(&child, signal).await;
        expect_line(&mut lines, "child-draining").await;
        assert!(
            within("the child to end", child.wait())
                .await
                .unwrap()
                .success()
        );
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let (mut child, mut lines) = start("stuck").await;
    send(&child, "TERM").await;
    expect_line(&mut lines, "child-draining").await;
    send(&child, "INT").await;
    let status = within("the child to end", child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(service::shutdown::IMPATIENT_EXIT));
}
