//! Events for users, in `events.k8s.io/v1`. Telling one never waits and never fails: it is put into a bounded queue, and a
//! task of its own writes, at a bounded rate. What is lost on the way is logged and counted; the status says the same.

mod writer;

use crate::core::event_flow::Topic;
use crate::metrics::OperatorMetrics;
use kube::{Client, Resource, ResourceExt};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use writer::{Told, Writer};

/// Events that wait to be looked at.
const QUEUE: usize = 4096;
/// How long the last Events may take when the operator ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Tells Events. Clones share the queue.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Told>,
    lost: Arc<writer::Lost>,
    tasks: TaskTracker,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("waiting", &(QUEUE - self.queue.capacity()))
            .finish_non_exhaustive()
    }
}

impl Events {
    /// In the name of this instance of the operator. Objects without a namespace have theirs in `namespace`.
    pub fn new(
        client: Client,
        namespace: String,
        instance: &str,
        metrics: &OperatorMetrics,
    ) -> Self {
        let (queue, told) = mpsc::channel(QUEUE);
        let lost = Arc::new(writer::Lost::new(metrics.events_lost.clone()));
        let tasks = TaskTracker::new();
        let written = metrics.events_written.clone();
        let writer = Writer::new(client, namespace, instance, Arc::clone(&lost), written);
        tasks.spawn(writer.run(told));
        Self { queue, lost, tasks }
    }

    /// Something went well.
    #[expect(
        clippy::unused_async,
        reason = "told like any other step of a reconcile; that it never waits is the queue's business"
    )]
    pub async fn normal<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        // Half of the queue is for warnings alone.
        if self.queue.capacity() < QUEUE / 2 {
            self.lost.one();
            return;
        }
        self.tell(about, false, reason, action, note);
    }

    /// Something a user should look at.
    #[expect(
        clippy::unused_async,
        reason = "told like any other step of a reconcile; that it never waits is the queue's business"
    )]
    pub async fn warning<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        tracing::info!(
            kind = %K::kind(&()), namespace = about.namespace(), name = %about.name_any(), uid = about.uid(),
            reason, note, "warning event"
        );
        self.tell(about, true, reason, action, note);
    }

    /// Waits, for a short while, until what was told is written. Nothing is told after this.
    pub async fn close(&self) {
        let written = async {
            // The writer may have ended with the rest of the process.
            if self.queue.send(Told::Last).await.is_ok() {
                self.tasks.close();
                self.tasks.wait().await;
            }
        };
        if tokio::time::timeout(LAST_WORDS, written).await.is_err() {
            tracing::warn!("the last events could not be written in time");
        }
    }

    fn tell<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        warning: bool,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let topic = Topic {
            api_version: K::api_version(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
            namespace: about.namespace().unwrap_or_default(),
            name: about.name_any(),
            uid: about.uid().unwrap_or_default(),
            warning,
            reason: reason.to_owned(),
            action: action.to_owned(),
        };
        if self
            .queue
            .try_send(Told::Event(topic, note.to_owned()))
            .is_err()
        {
            self.lost.one();
        }
    }
}
