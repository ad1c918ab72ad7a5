//! Requests that cannot be carried out are answered all the same, and at once: nobody waits for a timeout.

use protocol::Reason;
use protocol::bus::Headers;
use protocol::ext::{WorkloadReply, WorkloadReport};
use protocol::json;
use protocol::subject::{Command, host_command};
use protocol::v2::{HostHeartbeat, WorkloadState, WorkloadStatusResponse};

use super::commands::extended;
use super::{HOST, NEVER, Running, message_of, on_both, state_of};

const UNDECODABLE: [&[u8]; 5] = [
    b"hello",
    b"[1, 2]",
    b"\xff\xfe\x00",
    br#"{"workloadId": {"#,
    b"null and more",
];

#[tokio::test]
async fn what_cannot_be_read_is_answered_in_the_command_s_own_form() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        for payload in UNDECODABLE {
            for command in [Command::Start, Command::Status, Command::Stop] {
                let answer = running.ask_raw(command.as_str(), payload).await;
                let answer: WorkloadStatusResponse = json::decode(&answer).unwrap();
                let status = answer.workload_status.unwrap();
                assert_eq!(status.workload_state(), WorkloadState::Error, "{command}");
                assert!(
                    status
                        .message
                        .starts_with("InvalidMessage: not a valid Workload"),
                    "{command}: {}",
                    status.message
                );
            }
            let extended = [
                Command::StartV1,
                Command::StatusV1,
                Command::StopV1,
                Command::List,
            ];
            for command in extended {
                let report = report(&running.ask_raw(command.as_str(), payload).await);
                assert_eq!(report.reason, Reason::InvalidMessage.as_str(), "{command}");
            }
            let answer = running.ask_raw("heartbeat", payload).await;
            let heartbeat: HostHeartbeat = json::decode(&answer).unwrap();
            assert_eq!(heartbeat.id, HOST);
        }
        assert!(running.workloads.told().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_field_that_is_missing_is_named() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        for (payload, field, id) in [
            ("", "workloadId", ""),
            ("{}", "workloadId", ""),
            (r#"{"workload":{"name":"cart"}}"#, "workloadId", ""),
            (r#"{"workloadId":"w"}"#, "workload is missing", "w"),
        ] {
            let answer = running.ask_raw("workload.start", payload).await;
            let answer: WorkloadStatusResponse = json::decode(&answer).unwrap();
            let status = answer.workload_status.unwrap();
            assert_eq!(status.workload_state(), WorkloadState::Error);
            assert_eq!(status.workload_id, id);
            assert!(
                status.message.contains(field),
                "{payload}: {}",
                status.message
            );
        }
        for payload in [
            "",
            "{}",
            r#"{"base":{}}"#,
            r#"{"extension":{"revision":"r"}}"#,
        ] {
            let report = report(&running.ask_raw("workload.start.v1", payload).await);
            assert_eq!(report.reason, Reason::InvalidMessage.as_str());
            assert!(message_of(&report).contains("workloadId"), "{payload}");
        }
        assert!(running.workloads.told().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_command_nobody_knows_is_answered() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        for command in [
            "dance",
            "workload",
            "workload.dance",
            "workload.start.v9",
            "a.b.c.d.e",
        ] {
            let report = report(&running.ask_raw(command, "{}").await);
            assert_eq!(report.reason, Reason::InvalidMessage.as_str(), "{command}");
            assert_eq!(state_of(&report), WorkloadState::Error, "{command}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_asks_for_no_answer_is_done_and_does_no_harm() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        for command in Command::ALL {
            let subject = host_command(HOST, command).unwrap();
            for payload in UNDECODABLE {
                running
                    .operator
                    .publish(&subject, Headers::new(), payload.into())
                    .await
                    .unwrap();
            }
        }
        let answer = running
            .ask_ext(Command::StartV1, &extended("w", "cart", "r1"))
            .await;
        assert_eq!(state_of(&answer), WorkloadState::Starting);
        assert!(!running.task.is_finished());
    })
    .await;
}

fn report(answer: &[u8]) -> WorkloadReport {
    let answer: WorkloadReply = json::decode(answer).unwrap();
    answer.report.unwrap()
}
