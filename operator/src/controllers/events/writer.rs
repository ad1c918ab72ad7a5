//! Writes Events: in order for one object, several objects at a time, never faster than allowed.

use crate::core::event_flow::{Allowance, Flow, Topic, Write};
use crate::error::code;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use prometheus_client::metrics::counter::Counter;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

/// Who reports.
const CONTROLLER: &str = "runtime-operator";
/// The API server's limits.
const MAX_NOTE: usize = 1024;
const MAX_INSTANCE: usize = 128;
const MAX_NAME: usize = 230;
/// Writes at once when it has been quiet, and in the long run.
const BURST: u32 = 250;
const PER_SECOND: u32 = 25;
/// Writes under way at a time.
const CONCURRENT: usize = 8;
/// How often held ones are looked at, and lost ones logged.
const TICK: Duration = Duration::from_secs(5);

/// What the queue carries.
#[derive(Debug)]
pub(super) enum Told {
    /// Something happened.
    Event(Topic, String),
    /// Nothing more will.
    Last,
}

/// Events that were too many. They are counted where they are lost and logged in one line now and then.
#[derive(Debug)]
pub(super) struct Lost {
    all: Counter,
    unsaid: AtomicU64,
}

impl Lost {
    pub fn new(all: Counter) -> Self {
        Self {
            all,
            unsaid: AtomicU64::new(0),
        }
    }

    pub fn one(&self) {
        self.all.inc();
        self.unsaid.fetch_add(1, Ordering::Relaxed);
    }

    fn say(&self) {
        let lost = self.unsaid.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(
                lost,
                "too many events at once; these were not written, statuses tell the same"
            );
        }
    }
}

/// The writing side.
pub(super) struct Writer {
    client: Client,
    namespace: String,
    instance: String,
    /// Tells this run's Events from those of others about the same object.
    run: u64,
    lost: Arc<Lost>,
    written: Counter,
}

impl Writer {
    pub fn new(
        client: Client,
        namespace: String,
        instance: &str,
        lost: Arc<Lost>,
        written: Counter,
    ) -> Self {
        Self {
            client,
            namespace,
            instance: cut(instance, MAX_INSTANCE).to_owned(),
            run: rand::random::<u64>() & !0xffff_ffff,
            lost,
            written,
        }
    }

    /// Writes until it is told that there is nothing more, or nobody is left to tell.
    pub async fn run(self, mut told: mpsc::Receiver<Told>) {
        let writer = Arc::new(self);
        let (tasks, permits) = (TaskTracker::new(), Arc::new(Semaphore::new(CONCURRENT)));
        let mut flow = Flow::default();
        let mut allowance = Allowance::new(BURST, PER_SECOND, Instant::now());
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let due = tokio::select! {
                next = told.recv() => match next {
                    Some(Told::Event(topic, note)) => flow
                        .happened(topic, cut(&note, MAX_NOTE).to_owned(), Instant::now())
                        .into_iter()
                        .collect(),
                    Some(Told::Last) | None => break,
                },
                _ = ticks.tick() => {
                    writer.lost.say();
                    flow.due(Instant::now())
                }
            };
            for write in due {
                tokio::time::sleep(allowance.take(Instant::now())).await;
                let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                    return;
                };
                let writer = Arc::clone(&writer);
                tasks.spawn(async move {
                    writer.write(write).await;
                    drop(permit);
                });
            }
        }
        writer.lost.say();
        tasks.close();
        tasks.wait().await;
    }

    async fn write(&self, write: Write) {
        match self.attempt(&write).await {
            Ok(()) => {
                self.written.inc();
            }
            Err(error) => {
                self.lost.all.inc();
                let Topic {
                    kind,
                    namespace,
                    name,
                    uid,
                    reason,
                    ..
                } = &write.topic;
                tracing::warn!(
                    kind, namespace, name, uid, reason, note = write.note, %error,
                    "an event could not be written"
                );
            }
        }
    }

    async fn attempt(&self, write: &Write) -> Result<(), kube::Error> {
        let event = self.event(write);
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        if write.again {
            let name = event.metadata.name.as_deref().unwrap_or_default();
            let patch = json!({"series": event.series});
            match api
                .patch(name, &PatchParams::default(), &Patch::Merge(patch))
                .await
            {
                // It has outlived its time and is told anew.
                Err(error) if code(&error) == Some(404) => {}
                other => return other.map(drop),
            }
        }
        match api.create(&PostParams::default(), &event).await {
            // An earlier try went through although its answer was lost.
            Err(error) if code(&error) == Some(409) => Ok(()),
            other => other.map(drop),
        }
    }

    fn event(&self, write: &Write) -> Event {
        let topic = &write.topic;
        let now = MicroTime(jiff::Timestamp::now());
        let given = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
        let name = format!(
            "{}.{:x}",
            cut(&topic.name, MAX_NAME),
            self.run | write.event
        );
        Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: given(&topic.namespace).or_else(|| given(&self.namespace)),
                ..ObjectMeta::default()
            },
            action: Some(topic.action.clone()),
            reason: Some(topic.reason.clone()),
            type_: Some(if topic.warning { "Warning" } else { "Normal" }.to_owned()),
            note: given(&write.note),
            regarding: Some(ObjectReference {
                api_version: given(&topic.api_version),
                kind: given(&topic.kind),
                namespace: given(&topic.namespace),
                name: given(&topic.name),
                uid: given(&topic.uid),
                ..ObjectReference::default()
            }),
            event_time: Some(now.clone()),
            series: (write.count > 1).then_some(EventSeries {
                count: write.count,
                last_observed_time: now,
            }),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }
}

/// As much of a text as fits.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("aéé", 2), "a");
    }
}
