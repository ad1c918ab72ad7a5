//! `wash up`: the whole platform in one process. The same operator and host code as on a cluster; around them an embedded
//! API server, and a bus in memory or over NATS.

mod args;
mod claim;
pub mod dirs;
mod hosts;
mod platform;

use std::time::Instant;

use serde_json::json;

use crate::failure::Failure;
use crate::output::{Output, Reply};
use crate::{deploy, up::platform::Platform};

pub use args::UpArgs;

/// Runs until a signal ends it. What it prints once everything is ready is for people and programs alike; it prints
/// nothing more when it ends.
pub async fn run(args: UpArgs, output: Output) -> Result<Reply, Failure> {
    let began = Instant::now();
    let token = service::shutdown::on_signal()?;
    let plan = args.plan()?;
    let platform = tokio::select! {
        started = Platform::start(&plan, &token) => started?,
        () = token.cancelled() => return Err(Failure::interrupted()),
    };
    let ready = tokio::select! {
        ready = platform.ready() => ready,
        () = token.cancelled() => {
            platform.stop().await;
            return Err(Failure::interrupted());
        }
    };
    output.reply(&announce(&platform, &ready, began));
    if let Some(file) = &plan.deploy
        && let Err(failure) = deploy_file(&platform, file, output).await
    {
        platform.stop().await;
        return Err(failure);
    }
    token.cancelled().await;
    output.progress("draining");
    platform.stop().await;
    Ok(Reply::silent())
}

async fn deploy_file(
    platform: &Platform,
    file: &std::path::Path,
    output: Output,
) -> Result<(), Failure> {
    let documents = deploy::manifest::read(file)?;
    let applied = deploy::apply(platform.client(), "default", &documents, false).await?;
    for object in &applied {
        output.progress(&format!("{object} applied"));
    }
    Ok(())
}

fn announce(platform: &Platform, hosts: &[hosts::Served], began: Instant) -> Reply {
    let milliseconds = began.elapsed().as_millis();
    let kubeconfig = platform.kubeconfig().display().to_string();
    let mut lines = vec![
        format!("ready in {milliseconds} ms"),
        format!("  kubeconfig  {kubeconfig}"),
    ];
    lines.extend(
        hosts
            .iter()
            .map(|host| format!("  {:<10}  http://{}", host.name, host.http)),
    );
    lines.push(format!(
        "try: kubectl --kubeconfig {kubeconfig} get ww,hosts"
    ));
    let data = json!({
        "kubeconfig": kubeconfig,
        "api": platform.api().to_string(),
        "http": hosts.first().map(|host| host.http.to_string()),
        "hosts": hosts.iter().map(|host| json!({"name": host.name, "address": host.http.to_string()})).collect::<Vec<_>>(),
        "milliseconds": u64::try_from(milliseconds).unwrap_or(u64::MAX),
    });
    Reply::new(lines.join("\n"), data)
}
