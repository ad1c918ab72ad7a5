//! Each command, and what a host answers to it.

use std::time::Duration;

use bytes::Bytes;
use host::agent::workloads::{failed, report};
use protocol::Reason;
use protocol::bus::Headers;
use protocol::ext::{
    ComponentExtension, StartExtension, WorkloadStartV1, WorkloadStatusV1, WorkloadStopV1,
};
use protocol::json;
use protocol::subject::{Command, host_command};
use protocol::v2::WorkloadState::{Error, NotFound, Running as IsRunning, Starting, Stopping};
use protocol::v2::{
    HostHeartbeat, Workload, WorkloadStartRequest, WorkloadStatusRequest, WorkloadStatusResponse,
    WorkloadStopRequest,
};
use testbed::wait::until;

use super::fake::{MALFORMED, Told};
use super::{AT_ONCE, HOST, NEVER, Running, id_of, message_of, on_both, state_of};

pub fn base(id: &str, name: &str) -> WorkloadStartRequest {
    WorkloadStartRequest {
        workload_id: id.to_owned(),
        workload: Some(Workload {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            ..Workload::default()
        }),
    }
}

pub fn extended(id: &str, name: &str, revision: &str) -> WorkloadStartV1 {
    WorkloadStartV1 {
        base: Some(base(id, name)),
        extension: Some(StartExtension {
            control_plane: "cluster-a".to_owned(),
            revision: revision.to_owned(),
            components: [(
                "cart".to_owned(),
                ComponentExtension {
                    memory_limit: 1 << 24,
                    registry_token: "token".to_owned(),
                    ..ComponentExtension::default()
                },
            )]
            .into(),
            ..StartExtension::default()
        }),
    }
}

fn status(id: &str) -> WorkloadStatusRequest {
    WorkloadStatusRequest {
        workload_id: id.to_owned(),
    }
}

fn stop(id: &str) -> WorkloadStopRequest {
    WorkloadStopRequest {
        workload_id: id.to_owned(),
    }
}

/// Sends a base start, whose answer comes when the test has decided what becomes of the workload.
fn base_start(
    running: &Running,
    request: &WorkloadStartRequest,
) -> tokio::task::JoinHandle<protocol::v2::WorkloadStatus> {
    let operator = running.operator.clone();
    let payload = Bytes::from(json::encode(request));
    tokio::spawn(async move {
        let subject = host_command(HOST, Command::Start).unwrap();
        let answer = operator
            .request(&subject, Headers::new(), payload, testbed::wait::TEST)
            .await
            .unwrap();
        let answer: WorkloadStatusResponse = json::decode(&answer.payload).unwrap();
        answer.workload_status.unwrap()
    })
}

async fn is_starting(running: &Running, id: &str) {
    until(AT_ONCE, "the start to be begun", async || {
        let told = running.workloads.told();
        if told.contains(&Told::Start(id.to_owned())) {
            Ok(())
        } else {
            Err(format!("{told:?}"))
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_slow_start_delays_nothing() {
    on_both(async |host, operator| {
        let mut running = Running::start(host, operator, Duration::from_millis(20)).await;
        let slow = base_start(&running, &base("w-slow", "slow"));
        is_starting(&running, "w-slow").await;

        let heartbeat: HostHeartbeat = running.ask(Command::Heartbeat, &()).await;
        assert_eq!(
            (heartbeat.workload_count, heartbeat.component_count),
            (1, 2)
        );
        let its = running.ask_base(Command::Status, &status("w-slow")).await;
        assert_eq!(its.workload_state(), Starting);
        let other = extended("w-other", "other", "r1");
        assert_eq!(
            state_of(&running.ask_ext(Command::StartV1, &other).await),
            Starting
        );
        let other = running.ask_base(Command::Stop, &stop("w-other")).await;
        assert_eq!(other.workload_state(), Stopping);
        // Heartbeats that say so go on while the start is still waiting.
        while running.heard.heartbeat().await.workload_count != 2 {}
        assert!(!slow.is_finished());

        running
            .workloads
            .becomes(report("w-slow", IsRunning, "ready"));
        let outcome = slow.await.unwrap();
        assert_eq!(outcome.workload_state(), IsRunning);
        assert_eq!(outcome.workload_id, "w-slow");
    })
    .await;
}

#[tokio::test]
async fn the_base_start_answers_with_the_reason_of_a_failure() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        let start = base_start(&running, &base("w", "cart"));
        is_starting(&running, "w").await;
        let cause = "registry.example/cart:1: no such tag";
        running
            .workloads
            .becomes(failed("w", Reason::ImageNotFound, cause));
        let outcome = start.await.unwrap();
        assert_eq!(outcome.workload_state(), Error);
        assert_eq!(outcome.message, format!("ImageNotFound: {cause}"));
    })
    .await;
}

#[tokio::test]
async fn a_stop_ends_a_base_start_that_waits() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        let start = base_start(&running, &base("w", "cart"));
        is_starting(&running, "w").await;
        let answer = running.ask_base(Command::Stop, &stop("w")).await;
        assert_eq!(answer.workload_state(), Stopping);
        running
            .workloads
            .becomes(report("w", Stopping, "stopped while starting"));
        assert_eq!(start.await.unwrap().workload_state(), Stopping);
    })
    .await;
}

#[tokio::test]
async fn the_extended_start_answers_at_once_and_hands_everything_on() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        let request = extended("w", "cart", "r1");
        let answer = running.ask_ext(Command::StartV1, &request).await;
        assert_eq!((id_of(&answer), state_of(&answer)), ("w", Starting));
        assert_eq!(answer.reason, "");
        let handed = running.workloads.request("w");
        assert_eq!(Some(handed.workload), request.base.unwrap().workload);
        assert_eq!(Some(handed.extension), request.extension);
    })
    .await;
}

#[tokio::test]
async fn an_id_is_used_once() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        let request = extended("w", "cart", "r1");
        running.ask_ext(Command::StartV1, &request).await;
        running.workloads.becomes(report("w", IsRunning, "ready"));

        // Sent again, because the first answer was lost: the state of now.
        let again = running.ask_ext(Command::StartV1, &request).await;
        assert_eq!((state_of(&again), again.reason.as_str()), (IsRunning, ""));

        let other = running
            .ask_ext(Command::StartV1, &extended("w", "cart", "r2"))
            .await;
        assert_eq!((id_of(&other), state_of(&other)), ("w", Error));
        assert_eq!(other.reason, Reason::AlreadyExists.as_str());

        let plain = running.ask_base(Command::Start, &base("w", "cart")).await;
        assert_eq!(
            (plain.workload_id.as_str(), plain.workload_state()),
            ("w", Error)
        );
        assert!(
            plain.message.contains("already exists"),
            "{}",
            plain.message
        );

        let kept = running.ask_base(Command::Status, &status("w")).await;
        assert_eq!(kept.workload_state(), IsRunning);
        assert_eq!(running.workloads.told(), [Told::Start("w".to_owned())]);
        assert_eq!(running.workloads.request("w").extension.revision, "r1");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_leaves_the_id_free() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        let request = extended("w", MALFORMED, "r1");
        let answer = running.ask_ext(Command::StartV1, &request).await;
        assert_eq!((id_of(&answer), state_of(&answer)), ("w", Error));
        assert_eq!(answer.reason, Reason::InvalidAllowList.as_str());
        assert!(message_of(&answer).contains("allowedHosts[0]"));
        let answer = running
            .ask_base(Command::Start, &base("w", MALFORMED))
            .await;
        assert_eq!(
            (answer.workload_id.as_str(), answer.workload_state()),
            ("w", Error)
        );
        assert!(
            answer.message.starts_with("InvalidAllowList: "),
            "{}",
            answer.message
        );

        let answer = running.ask_base(Command::Status, &status("w")).await;
        assert_eq!(answer.workload_state(), NotFound);
        let answer = running
            .ask_ext(Command::StartV1, &extended("w", "cart", "r1"))
            .await;
        assert_eq!(state_of(&answer), Starting);
    })
    .await;
}

#[tokio::test]
async fn a_stop_is_answered_at_once_and_again() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        let stop_v1 = |drain_seconds| WorkloadStopV1 {
            workload_id: "w".to_owned(),
            drain_seconds,
        };
        let gone = running.ask_base(Command::Stop, &stop("w")).await;
        assert_eq!(
            (gone.workload_id.as_str(), gone.workload_state()),
            ("w", NotFound)
        );
        let gone = running.ask_ext(Command::StopV1, &stop_v1(None)).await;
        assert_eq!((id_of(&gone), state_of(&gone)), ("w", NotFound));

        running
            .ask_ext(Command::StartV1, &extended("w", "cart", "r1"))
            .await;
        assert_eq!(
            state_of(&running.ask_ext(Command::StopV1, &stop_v1(Some(9))).await),
            Stopping
        );
        assert_eq!(
            state_of(&running.ask_ext(Command::StopV1, &stop_v1(Some(0))).await),
            Stopping
        );
        assert_eq!(
            state_of(&running.ask_ext(Command::StopV1, &stop_v1(None)).await),
            Stopping
        );
        assert_eq!(
            running
                .ask_base(Command::Stop, &stop("w"))
                .await
                .workload_state(),
            Stopping
        );
        let told = |drain| Told::Stop("w".to_owned(), drain);
        assert_eq!(
            running.workloads.told()[1..],
            [
                told(Some(Duration::from_secs(9))),
                told(Some(Duration::ZERO)),
                told(None),
                told(None),
            ]
        );

        running.workloads.forget("w");
        assert_eq!(
            running
                .ask_base(Command::Stop, &stop("w"))
                .await
                .workload_state(),
            NotFound
        );
    })
    .await;
}

#[tokio::test]
async fn a_status_tells_what_is_known() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        let of = |id: &str| WorkloadStatusV1 {
            workload_id: id.to_owned(),
        };
        let unknown = running.ask_ext(Command::StatusV1, &of("w")).await;
        assert_eq!((id_of(&unknown), state_of(&unknown)), ("w", NotFound));

        running
            .ask_ext(Command::StartV1, &extended("w", "cart", "r1"))
            .await;
        let mut now = failed("w", Reason::CrashLoop, "exit code 3");
        now.restarts = 4;
        now.sequence = 11;
        running.workloads.becomes(now.clone());
        assert_eq!(running.ask_ext(Command::StatusV1, &of("w")).await, now);
        let plain = running.ask_base(Command::Status, &status("w")).await;
        assert_eq!(plain.workload_state(), Error);
        assert_eq!(plain.message, "CrashLoop: exit code 3");
    })
    .await;
}

#[tokio::test]
async fn commands_of_one_workload_keep_their_order() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        let send = async |command, payload: Vec<u8>| {
            let subject = host_command(HOST, command).unwrap();
            running
                .operator
                .publish(&subject, Headers::new(), payload.into())
                .await
                .unwrap();
        };
        let ids: Vec<String> = (0..50).map(|n| format!("w-{n:02}")).collect();
        // Nobody waits for an answer; nothing but the order of sending orders these.
        for id in &ids {
            send(Command::StartV1, json::encode(&extended(id, "cart", "r1"))).await;
            send(Command::Stop, json::encode(&stop(id))).await;
        }
        let last = running.ask_base(Command::Status, &status("w-49")).await;
        assert_eq!(last.workload_state(), Stopping);
        let expected: Vec<Told> = ids
            .into_iter()
            .flat_map(|id| [Told::Start(id.clone()), Told::Stop(id, None)])
            .collect();
        assert_eq!(running.workloads.told(), expected);
    })
    .await;
}
