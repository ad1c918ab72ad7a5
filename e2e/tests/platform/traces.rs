//! One start, read in the logs of the operator and of the host: the same trace in both, and whose it is.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testbed::wait;

use crate::cluster::{Apart, Cluster, SOON};
use crate::objects::{deployment, ready};

#[tokio::test]
async fn w23_one_trace_leads_from_the_operator_s_log_to_the_host_s() {
    wait::within(2 * wait::TEST, "a trace", trace())
        .await
        .unwrap()
        .unwrap();
}

/// What the spans around a line say under this name.
fn field<'l>(line: &'l Value, name: &str) -> Option<&'l str> {
    let spans = line["spans"].as_array().into_iter().flatten();
    let mut said = spans.filter_map(|span| span[name].as_str());
    said.next_back()
}

fn lines(log: &str) -> Vec<Value> {
    // What a program says before it knows how is text.
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines.collect()
}

async fn trace() -> Result<()> {
    let cluster = Cluster::apart(&Apart::default()).await?;
    let kubectl = cluster.kubectl()?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    kubectl.apply(&deployment("hello", &hello, 1)).await?;
    let workloads = ready(&kubectl, "hello", 1)
        .await
        .with_context(|| cluster.logs())?;
    let uid = workloads[0]["metadata"]["uid"].as_str().context("uid")?;
    wait::until(SOON, "one trace in both logs", || async {
        let host = lines(&cluster.host_log(0)?);
        let started = host.iter().find(|line| {
            field(line, "command") == Some("workload.start.v1") && line.to_string().contains(uid)
        });
        let started = started.context("the host has logged no start of it")?;
        let trace = field(started, "trace_id").context("the start is in no trace")?;
        let operator = lines(&cluster.operator_log(0)?);
        let placed = operator
            .iter()
            .find(|line| field(line, "trace_id") == Some(trace))
            .with_context(|| format!("the operator has logged nothing in trace {trace}"))?;
        ensure!(field(placed, "uid") == Some(uid), "{placed}");
        ensure!(field(placed, "kind") == Some("Workload"), "{placed}");
        anyhow::Ok(())
    })
    .await
    .with_context(|| cluster.logs())
}
