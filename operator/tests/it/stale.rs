//! A watch has to begin again, and the list it begins with is older than what was seen before: another API server,
//! which lags behind, answers. What was between comes later, over the watch.

use crate::fixture::{World, spec};
use crate::watching::{Stream, expired};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, StreamBody};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ListParams, PostParams};
use kube::client::Body;
use kube::{Api, Client};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use testbed::fake_hosts::{OnStart, Speaks};
use testbed::wait::{TEST, until, within};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Until a watch tells of anything: what is made of the list is made without it.
const LAG: Duration = Duration::from_secs(1);
const IMAGE: &str = "registry.example/hello:1";
const ALL: [&str; 3] = ["workloaddeployments", "workloadreplicasets", "workloads"];

fn path(kind: &str) -> String {
    format!("/apis/runtime.wasmcloud.dev/v1alpha1/{kind}")
}

/// What lists are answered with, once each, when the watches have broken off.
#[derive(Clone)]
struct Past {
    lists: Arc<Mutex<HashMap<String, String>>>,
    breaks: watch::Sender<usize>,
}

impl Past {
    fn new() -> Self {
        Self {
            lists: Arc::default(),
            breaks: watch::Sender::new(0),
        }
    }

    /// What these kinds are at present.
    async fn take(client: &Client, kinds: &[&str]) -> Result<HashMap<String, String>> {
        let mut lists = HashMap::new();
        for kind in kinds {
            let request = Request::get(path(kind)).body(Vec::new())?;
            lists.insert(path(kind), client.request_text(request).await?);
        }
        Ok(lists)
    }

    /// Every watch breaks off, and begins again with these; returns when each has.
    async fn come_back(&self, lists: HashMap<String, String>) -> Result<()> {
        *self.lists.lock() = lists;
        self.breaks.send_modify(|breaks| *breaks += 1);
        until(TEST, "the old lists to be read", || async {
            let left = self.lists.lock().len();
            ensure!(left == 0, "{left} are not");
            Ok(())
        })
        .await
    }

    fn client(&self, inner: Client) -> Client {
        let past = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (past, inner) = (past.clone(), inner.clone());
            async move {
                let query = request.uri().query().unwrap_or_default().to_owned();
                let is = |wanted: &str| query.split('&').any(|word| word == wanted);
                if is("watch=true") {
                    let breaks = past.breaks.subscribe();
                    let response = inner.send(request).await?;
                    return Ok::<_, kube::Error>(response.map(|body| breaking(body, breaks)));
                }
                // Reflectors list page by page; controllers, who look for themselves, do not.
                if is("limit=500")
                    && let Some(old) = past.lists.lock().remove(request.uri().path())
                {
                    let body = Full::new(Bytes::from(old)).map_err(|never| match never {});
                    return Ok(http::Response::new(body.boxed_unsync()));
                }
                let response = inner.send(request).await?;
                Ok(response.map(BodyExt::boxed_unsync))
            }
        });
        Client::new(service, "default")
    }
}

/// A watch that tells nothing at first, and ends at the next break because its position is too old.
fn breaking(body: Body, breaks: watch::Receiver<usize>) -> Stream {
    let start = Instant::now() + LAG;
    let frames = futures::stream::unfold(Some((body, breaks)), move |open| async move {
        let (mut body, mut breaks) = open?;
        let told = async {
            sleep_until(start).await;
            body.frame().await
        };
        tokio::select! {
            frame = told => Some((frame?, Some((body, breaks)))),
            _ = breaks.changed() => {
                Some((Ok(expired()), None))
            }
        }
    });
    StreamBody::new(Box::pin(frames)).boxed_unsync()
}

fn behind(replicas: i32) -> Value {
    let mut spec = spec(replicas, IMAGE);
    spec["kubernetes"] = json!({"service": {"name": "hello"}});
    spec
}

/// The slice, once it has an endpoint. All Workloads are on one host: there is one, however many they are.
async fn leads_somewhere(world: &World) -> Result<EndpointSlice> {
    let slices: Api<EndpointSlice> = Api::default_namespaced(world.client.clone());
    let of_it = ListParams::default().labels("kubernetes.io/service-name=hello");
    until(TEST, "an endpoint", || async {
        let mut all = slices.list(&of_it).await?.items;
        let slice = all.pop().context("no slice")?;
        let endpoints = slice.endpoints.as_ref().map_or(0, Vec::len);
        ensure!(endpoints == 1, "{endpoints} endpoints");
        Ok(slice)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_older_than_what_was_seen_changes_nothing() -> Result<()> {
    within(TEST, "old lists", async {
        let mut world = World::new().await?;
        world.stop_operator().await?;
        let past = Past::new();
        world.start_operator_as(past.client(world.client.clone()));
        let host = world.host("ours", Speaks::Extension).await?;
        let services: Api<Service> = Api::default_namespaced(world.client.clone());
        let service = json!({"metadata": {"name": "hello"}, "spec": {"ports": [{"name": "http", "port": 80}]}});
        services
            .create(&PostParams::default(), &serde_json::from_value(service)?)
            .await?;
        host.on_start(OnStart::Hangs);
        world.apply("hello", behind(1)).await?;
        let started = until(TEST, "a start", || async {
            let held = host.held().into_iter().next();
            held.map(|(id, _)| id).ok_or("none")
        })
        .await?;
        let starting = Past::take(&world.client, &ALL[2..]).await?;
        host.on_start(OnStart::Runs);
        host.finish(&started).await;
        world.ready("hello", 1).await?;
        let slice = leads_somewhere(&world).await?;

        // A Workload that serves seems to be starting. The Service leads to it all the while.
        past.come_back(starting).await?;
        world.apply("hello", behind(3)).await?;
        world.ready("hello", 3).await?;
        let now = leads_somewhere(&world).await?;
        ensure!(now.metadata.resource_version == slice.metadata.resource_version, "{now:?}");

        let deployments = Past::take(&world.client, &ALL[..1]).await?;
        let all = Past::take(&world.client, &ALL).await?;
        world.apply("hello", behind(1)).await?;
        world.ready("hello", 1).await?;
        world.workload_count(1).await?;

        // First the wish alone is old: three replicas. Then all of it, with two Workloads that are no more.
        past.come_back(deployments).await?;
        world.apply("hello", behind(2)).await?;
        world.ready("hello", 2).await?;
        world.workload_count(2).await?;
        ensure!(host.starts() == 4, "{:?}", host.log());
        past.come_back(all).await?;
        world.apply("hello", behind(3)).await?;
        world.ready("hello", 3).await?;
        world.workload_count(3).await?;
        ensure!(host.starts() == 5, "{:?}", host.log());
        ensure!(host.running().len() == 3, "{:?}", host.log());
        let now = leads_somewhere(&world).await?;
        ensure!(now.metadata.resource_version == slice.metadata.resource_version, "{now:?}");
        Ok(())
    })
    .await?
}
