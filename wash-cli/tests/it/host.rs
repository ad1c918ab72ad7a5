//! `wash host`: the cluster's host under another name.

use futures::StreamExt;
use protocol::bus::{Bus, nats};
use testbed::nats::NatsServer;
use testbed::wait;
use tokio::process::Command;

use crate::process::Person;

#[tokio::test]
async fn a_host_joins_over_nats_and_leaves_in_order() {
    let server = NatsServer::start().await.unwrap();
    let options = nats::NatsOptions {
        servers: vec![server.url()],
        ..nats::NatsOptions::default()
    };
    let bus = nats::connect(&options).await.unwrap();
    let mut heartbeats = bus.subscribe("runtime.operator.heartbeat.*").await.unwrap();

    let person = Person::new();
    let url = server.url();
    let args = [
        "host",
        "--name",
        "edge",
        "--scheduler-nats-url",
        &url,
        "--http-addr",
        "127.0.0.1:0",
    ];
    let child = person.command(&args).spawn().unwrap();
    let beat = wait::within(wait::TEST, "a heartbeat", heartbeats.next())
        .await
        .unwrap()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&beat.payload).contains("edge"),
        "{beat:?}"
    );

    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    let output = wait::within(wait::TEST, "the host to end", child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
