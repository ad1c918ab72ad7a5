//! Every message recorded from the running reference decodes, and encodes to the same JSON.

use protocol::subject::{Command, Parsed, parse};
use protocol::{json, v2};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn same<M: Serialize + DeserializeOwned>(recorded: &str) {
    let message: M = json::decode(recorded.as_bytes()).unwrap();
    let ours: Value = serde_json::from_slice(&json::encode(&message)).unwrap();
    let theirs: Value = serde_json::from_str(recorded).unwrap();
    assert_eq!(ours, theirs);
}

#[test]
fn recorded_messages_round_trip() {
    let recorded: Vec<Value> = serde_json::from_str(include_str!("../fixtures/wire.json")).unwrap();
    let (mut requests, mut replies, mut heartbeats) = (0, 0, 0);
    for entry in &recorded {
        let subject = entry["subject"].as_str().unwrap();
        let data = entry["data"].as_str().unwrap();
        match parse(subject) {
            Some(Parsed::Command { command, .. }) => {
                requests += 1;
                match command.unwrap() {
                    Command::Start => same::<v2::WorkloadStartRequest>(data),
                    Command::Status => same::<v2::WorkloadStatusRequest>(data),
                    Command::Stop => same::<v2::WorkloadStopRequest>(data),
                    Command::Heartbeat => assert!(data.is_empty() || data == "{}"),
                    other => panic!("the reference knows no {other}"),
                }
            }
            Some(Parsed::Heartbeat { .. }) => {
                heartbeats += 1;
                same::<v2::HostHeartbeat>(data);
            }
            None if data.contains("workloadStatus") => {
                replies += 1;
                same::<v2::WorkloadStatusResponse>(data);
            }
            None => {
                replies += 1;
                same::<v2::HostHeartbeat>(data);
            }
            Some(other) => panic!("the reference sends no {other:?}"),
        }
    }
    assert!(
        requests > 5 && replies > 5 && heartbeats > 0,
        "{requests} {replies} {heartbeats}"
    );
}
