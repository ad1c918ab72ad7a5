//! Watches: the changes of a resource as a stream of JSON lines.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use rand::Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::answer::{self, JSON, Response};
use super::options::{ListOptions, revision};
use super::selector::Selector;
use super::view::{View, is_verbatim};
use super::{Api, Call, On, list, media};
use crate::registry::Resource;
use crate::status::ApiError;
use crate::store::{Change, Expired, Object, Snapshot, Watch};

/// How often a client that allows bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_secs(30);
/// A watch without a timeout ends after 30 to 60 minutes, so that clients spread out.
const DEFAULT_TIMEOUT: std::ops::Range<u64> = 1800..3600;

impl Api {
    pub(super) fn watch(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        let view = media::view(call)?;
        let options = ListOptions::parse(&call.query)?;
        let selector = Selector::parse(&options.labels, &options.fields, &on.resource)?;
        let from = revision(options.resource_version.as_deref().unwrap_or_default())?;
        let timeout = options
            .timeout
            .unwrap_or_else(|| Duration::from_secs(rand::rng().random_range(DEFAULT_TIMEOUT)));
        let started = self.start(on, &options, from);
        let mut bookmarks =
            tokio::time::interval_at(Instant::now() + BOOKMARK_EVERY, BOOKMARK_EVERY);
        bookmarks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let encoder = Encoder {
            resource: Arc::clone(&on.resource),
            namespace: on.namespace.clone(),
            selector,
            view,
            definitions: true,
        };
        let state = match started {
            Err(expired) => Streaming::Failed(list::expired(expired)),
            Ok((initial, watch)) => Streaming::Begin {
                initial,
                announce: options.initial_events == Some(true) && options.bookmarks,
                live: Live {
                    watch,
                    encoder,
                    bookmarks: options.bookmarks.then_some(bookmarks),
                    deadline: Instant::now() + timeout,
                    closing: call.closing.clone(),
                },
            },
        };
        let stream = futures::stream::unfold(state, |state| async move {
            let (bytes, next) = state.step().await?;
            Some((Ok::<_, Infallible>(Frame::data(bytes)), next))
        });
        let mut response = answer::raw(StatusCode::OK, JSON, Bytes::new());
        *response.body_mut() = StreamBody::new(stream).boxed_unsync();
        Ok(response)
    }

    /// Where the watch begins, and what it shows first.
    fn start(
        &self,
        on: &On,
        options: &ListOptions,
        from: Option<u64>,
    ) -> Result<(Option<Snapshot>, Watch), Expired> {
        let bucket = &on.resource.bucket;
        let namespace = Some(on.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let old = from.filter(|from| *from < on.resource.since);
        match (options.initial_events, from) {
            // Without a revision the client gets what is there, then the changes.
            (Some(true), _) | (None, None) => {
                let (snapshot, watch) = self.store.list_and_watch(bucket, namespace);
                if let Some(from) = from
                    && from > snapshot.revision
                {
                    return Err(Expired {
                        requested: from,
                        kept: snapshot.revision,
                    });
                }
                Ok((Some(snapshot), watch))
            }
            (Some(false), None) => Ok((None, self.store.watch(bucket, self.store.revision())?)),
            // What changed before the CRD did was another resource: its objects had another schema.
            _ if old.is_some() => Err(Expired {
                requested: old.unwrap_or_default(),
                kept: on.resource.since,
            }),
            (_, Some(from)) => Ok((None, self.store.watch(bucket, from)?)),
        }
    }
}

enum Streaming {
    Begin {
        initial: Option<Snapshot>,
        announce: bool,
        live: Live,
    },
    Live(Live),
    Failed(ApiError),
    Done,
}

struct Live {
    watch: Watch,
    encoder: Encoder,
    bookmarks: Option<Interval>,
    deadline: Instant,
    closing: CancellationToken,
}

impl Streaming {
    /// The next piece of the stream, and what follows it.
    async fn step(self) -> Option<(Bytes, Self)> {
        match self {
            Self::Begin {
                initial: Some(snapshot),
                announce,
                mut live,
            } => {
                let mut out = BytesMut::new();
                for object in &snapshot.objects {
                    if live.encoder.shows(object) {
                        live.encoder.event(&mut out, "ADDED", object);
                    }
                }
                if announce {
                    let end = json!({"k8s.io/initial-events-end": "true"});
                    live.encoder
                        .bookmark(&mut out, snapshot.revision, Some(end));
                }
                // An empty frame sends the response's head, which the client waits for.
                Some((out.freeze(), Self::Live(live)))
            }
            Self::Begin {
                initial: None,
                live,
                ..
            } => Some((Bytes::new(), Self::Live(live))),
            Self::Live(live) => live.step().await,
            Self::Failed(error) => Some((error_event(&error), Self::Done)),
            Self::Done => None,
        }
    }
}

impl Live {
    async fn step(mut self) -> Option<(Bytes, Streaming)> {
        loop {
            let mut out = BytesMut::new();
            let bookmark = async {
                match &mut self.bookmarks {
                    Some(interval) => drop(interval.tick().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return None,
                changes = self.watch.next() => match changes {
                    Ok(changes) => {
                        for change in &changes {
                            self.encoder.change(&mut out, change);
                        }
                    }
                    Err(expired) => {
                        let error = list::expired(expired);
                        return Some((error_event(&error), Streaming::Done));
                    }
                },
                () = bookmark => self.encoder.bookmark(&mut out, self.watch.progress(), None),
                () = tokio::time::sleep_until(self.deadline) => {
                    if self.bookmarks.is_some() {
                        self.encoder.bookmark(&mut out, self.watch.progress(), None);
                        return Some((out.freeze(), Streaming::Done));
                    }
                    return None;
                }
            }
            if !out.is_empty() {
                return Some((out.freeze(), Streaming::Live(self)));
            }
        }
    }
}

/// Turns changes into events as one client sees them.
struct Encoder {
    resource: Arc<Resource>,
    namespace: String,
    selector: Selector,
    view: View,
    /// Whether the next table event carries the column definitions.
    definitions: bool,
}

impl Encoder {
    fn shows(&self, object: &Object) -> bool {
        (self.namespace.is_empty() || *self.namespace == *object.key.name.namespace)
            && self.selector.matches(object)
    }

    fn change(&mut self, out: &mut BytesMut, change: &Change) {
        let plain = self.selector.is_empty() && self.view.is_plain();
        if plain && is_verbatim(&self.resource, &change.after) {
            if self.shows(&change.after) {
                out.extend_from_slice(change.frame.get_or_init(|| frame(change)));
            }
            return;
        }
        let before = change
            .before
            .as_ref()
            .is_some_and(|object| self.shows(object));
        let after = !change.removed && self.shows(&change.after);
        match (before, after) {
            (false, false) => {}
            (false, true) => self.event(out, "ADDED", &change.after),
            (true, true) => self.event(out, "MODIFIED", &change.after),
            (true, false) if change.removed => self.event(out, "DELETED", &change.after),
            (true, false) => {
                // It left the selection: its last selected state, at the revision it left.
                let last = change
                    .before
                    .as_ref()
                    .map(|object| object.value())
                    .unwrap_or_default();
                let key = change.after.key.clone();
                if let Ok(object) = Object::encode(key, change.revision, last) {
                    self.event(out, "DELETED", &object);
                }
            }
        }
    }

    fn event(&mut self, out: &mut BytesMut, kind: &str, object: &Object) {
        let shown = match &self.view {
            View::Table { .. } => {
                let metadata = json!({"resourceVersion": object.revision.to_string()});
                let definitions = std::mem::take(&mut self.definitions);
                self.view.table_of(
                    &self.resource,
                    std::iter::once(object),
                    &metadata,
                    definitions,
                )
            }
            view => view.one(&self.resource, object),
        };
        line(out, kind, &shown);
    }

    fn bookmark(&mut self, out: &mut BytesMut, revision: u64, annotations: Option<Value>) {
        let mut metadata =
            json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
        if let Some(annotations) = annotations {
            metadata["annotations"] = annotations;
        }
        let object = match &self.view {
            View::Object => {
                json!({"kind": self.resource.kind, "apiVersion": self.resource.api_version(), "metadata": metadata})
            }
            View::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            View::Table { version, .. } => json!({
                "kind": "Table", "apiVersion": version, "metadata": metadata,
                "columnDefinitions": null, "rows": [],
            }),
        };
        line(out, "BOOKMARK", object.to_string().as_bytes());
    }
}

fn line(out: &mut BytesMut, kind: &str, object: &[u8]) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    out.extend_from_slice(object);
    out.extend_from_slice(b"}\n");
}

/// The event of a change for everybody who sees all of the resource.
fn frame(change: &Change) -> Bytes {
    let kind = match (&change.before, change.removed) {
        (_, true) => "DELETED",
        (None, false) => "ADDED",
        (Some(_), false) => "MODIFIED",
    };
    let mut out = BytesMut::with_capacity(change.after.json.len() + 40);
    line(&mut out, kind, &change.after.json);
    out.freeze()
}

fn error_event(error: &ApiError) -> Bytes {
    let mut out = BytesMut::new();
    line(&mut out, "ERROR", error.to_status().to_string().as_bytes());
    out.freeze()
}
