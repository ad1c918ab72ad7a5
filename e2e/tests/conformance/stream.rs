//! A watch as it arrives.

use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use testbed::wait;

use crate::space::SOON;

/// An open watch.
pub struct Watching {
    body: Body,
    pending: Vec<u8>,
}

/// One event of a watch.
#[derive(Debug)]
pub struct Event {
    pub kind: String,
    pub object: Value,
}

impl Event {
    pub fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// `ADDED a`
    pub fn short(&self) -> String {
        format!("{} {}", self.kind, self.name())
    }
}

impl Watching {
    pub fn new(body: Body) -> Self {
        Self {
            body,
            pending: Vec::new(),
        }
    }

    /// The next event; `None` when the server ends the watch.
    pub async fn next(&mut self) -> Option<Event> {
        wait::within(SOON, "the next event of a watch", self.line())
            .await
            .unwrap()
    }

    /// The next event, which must come.
    pub async fn event(&mut self) -> Event {
        self.next().await.expect("an event, not the watch's end")
    }

    /// The next `count` events in short.
    pub async fn events(&mut self, count: usize) -> Vec<String> {
        let mut found = Vec::new();
        for _ in 0..count {
            found.push(self.event().await.short());
        }
        found
    }

    async fn line(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).expect("an event is JSON");
                return Some(Event {
                    kind: event["type"].as_str().unwrap_or_default().to_owned(),
                    object: event["object"].clone(),
                });
            }
            let frame = self.body.frame().await?.expect("the watch goes on");
            if let Ok(data) = frame.into_data() {
                self.pending.extend_from_slice(&data);
            }
        }
    }
}
