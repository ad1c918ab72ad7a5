//! Finalizers of others.

use crate::estate::{Estate, PATIENCE};
use anyhow::{Result, ensure};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::client::Body;
use kube::{Api, Client, ResourceExt};
use operator::OperatorDeps;
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use testbed::fake_hosts::HostOptions;
use testbed::wait::{TEST, until, within};
use tokio_util::sync::CancellationToken;

const THEIRS: &str = "example.com/backup";

/// Answers to the operator's changes of finalizers.
type Answers = Arc<Mutex<Vec<StatusCode>>>;

/// A client that is overtaken: just before it puts the operator's finalizer on a Workload somebody adds another, and
/// just before it takes it off somebody changes a label.
fn overtaken(inner: &Client, workloads: Api<crd_types::Workload>, name: &str) -> (Client, Answers) {
    let answers = Answers::default();
    let (inner, name, seen) = (inner.clone(), name.to_owned(), answers.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, workloads) = (inner.clone(), workloads.clone());
        let (name, seen) = (name.clone(), seen.clone());
        async move {
            let at_it = request
                .uri()
                .path()
                .ends_with(&format!("/workloads/{name}"));
            if *request.method() != Method::PATCH || !at_it {
                return inner.send(request).await;
            }
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let before = seen.lock().len();
            let first = match before {
                0 => Some(json!({"finalizers": [THEIRS]})),
                2 => Some(json!({"labels": {"touched": "yes"}})),
                _ => None,
            };
            if let Some(change) = first {
                let change = Patch::Merge(json!({"metadata": change}));
                workloads
                    .patch(&name, &PatchParams::default(), &change)
                    .await?;
            }
            let answer = inner
                .send(Request::from_parts(parts, Body::from(body)))
                .await?;
            seen.lock().push(answer.status());
            Ok::<_, kube::Error>(answer)
        }
    });
    (Client::new(service, "default"), answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finalizer_that_somebody_adds_meanwhile_survives_ours_as_it_comes_and_goes() -> Result<()>
{
    within(TEST, "two finalizers", async {
        let estate = Estate::new("finalizers").await?;
        let (client, answers) = overtaken(&estate.client, estate.workloads(), "kept");
        let stop = CancellationToken::new();
        let deps = OperatorDeps::new(client, estate.bus(), estate.options());
        let mut stage = deps.options.progress.watch();
        let running = tokio::spawn(operator::run(deps, stop.clone()));
        stage
            .wait_for(|stage| *stage == operator::Stage::Working)
            .await?;
        let host = estate.host(HostOptions::named("host")).await?;
        estate.create("kept", json!({})).await?;
        estate.workload_ready("kept").await?;
        let now = DeleteParams::background();
        estate.workloads().delete("kept", &now).await?;
        until(PATIENCE, "only theirs to be left", || async {
            let held = estate.workloads().get("kept").await?;
            ensure!(held.finalizers() == [THEIRS], "{:?}", held.finalizers());
            anyhow::Ok(())
        })
        .await?;
        ensure!(host.held().is_empty(), "it was stopped first");
        let seen = answers.lock().clone();
        let twice = [StatusCode::CONFLICT, StatusCode::OK].repeat(2);
        ensure!(seen == twice, "{seen:?}");
        stop.cancel();
        running.await??;
        Ok(())
    })
    .await?
}
