//! `wash rollout`: what `kubectl rollout` does for Deployments of apps/v1 and cannot do for ours.

mod history;
mod status;
mod undo;

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use crd_types::{Artifact, WorkloadDeployment, hash};
use futures::StreamExt;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::cluster::ClusterArgs;
use crate::failure::Failure;
use crate::output::{Output, Reply};
use status::Stage;
use undo::Published;

/// Annotation on the template that makes it another one.
const RESTARTED_AT: &str = "runtime.wasmcloud.dev/restartedAt";

/// What to do with a rollout.
#[derive(Debug, Subcommand)]
pub enum RolloutCommand {
    /// Show how far a rollout is, and stay until it ends
    Status(StatusArgs),
    /// List the revisions of a Deployment, or show one
    History(HistoryArgs),
    /// Go back to an earlier revision
    Undo(UndoArgs),
    /// Replace every replica by a new one of the same template
    Restart(DeploymentArgs),
    /// Let changes of the template wait
    Pause(DeploymentArgs),
    /// Roll out the changes that waited
    Resume(DeploymentArgs),
}

/// Which Deployment.
#[derive(Debug, Args)]
pub struct DeploymentArgs {
    /// Name of the WorkloadDeployment; `workloaddeployment/NAME` will do too
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Arguments of `wash rollout status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Stay until the rollout has ended
    #[arg(short, long, action = clap::ArgAction::Set, default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    watch: bool,
    /// How long to stay; for as long as it takes when not given
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
}

/// Arguments of `wash rollout history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Show the template of this revision
    #[arg(long, value_name = "NUMBER")]
    revision: Option<u32>,
}

/// Arguments of `wash rollout undo`.
#[derive(Debug, Args)]
pub struct UndoArgs {
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Go back to this revision; to the one before the present when not given
    #[arg(long, value_name = "NUMBER")]
    to_revision: Option<u32>,
}

fn name(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        None => Ok(text.to_owned()),
        Some(("workloaddeployment" | "workloaddeployments", name)) => Ok(name.to_owned()),
        Some((kind, _)) => Err(format!(
            "{kind} has no rollouts; expected the name of a WorkloadDeployment"
        )),
    }
}

/// Runs `wash rollout`.
pub async fn run(command: RolloutCommand, output: Output) -> Result<Reply, Failure> {
    match command {
        RolloutCommand::Status(args) => follow(args, output).await,
        RolloutCommand::History(args) => list(args).await,
        RolloutCommand::Undo(args) => go_back(args).await,
        RolloutCommand::Restart(args) => restart(args).await,
        RolloutCommand::Pause(args) => pause(args, true).await,
        RolloutCommand::Resume(args) => pause(args, false).await,
    }
}

impl DeploymentArgs {
    async fn open(&self) -> Result<(Client, Api<WorkloadDeployment>), Failure> {
        let (client, namespace) = self.cluster.connect().await?;
        let api = Api::namespaced(client.clone(), &namespace);
        Ok((client, api))
    }

    async fn read(&self, api: &Api<WorkloadDeployment>) -> Result<WorkloadDeployment, Failure> {
        let found = api.get_opt(&self.name).await?;
        found.ok_or_else(|| Failure::new(format!("there is no deployment \"{}\"", self.name)))
    }

    async fn patch(&self, api: &Api<WorkloadDeployment>, change: Value) -> Result<(), Failure> {
        let params = PatchParams {
            field_manager: Some("wash".to_owned()),
            ..PatchParams::default()
        };
        api.patch(&self.name, &params, &Patch::Merge(change))
            .await
            .with_context(|| format!("cannot change deployment \"{}\"", self.name))?;
        Ok(())
    }

    fn reply(&self, what: &str) -> Reply {
        Reply::new(
            format!("workloaddeployment/{} {what}", self.name),
            json!({ "deployment": self.name, "result": what }),
        )
    }
}

async fn restart(args: DeploymentArgs) -> Result<Reply, Failure> {
    let (_, api) = args.open().await?;
    if args.read(&api).await?.spec.paused {
        return Err(paused(&args, "restarted"));
    }
    let now = humantime::format_rfc3339_millis(std::time::SystemTime::now()).to_string();
    let annotations = json!({ RESTARTED_AT: now });
    args.patch(
        &api,
        json!({"spec": {"template": {"annotations": annotations}}}),
    )
    .await?;
    Ok(args.reply("restarted"))
}

async fn pause(args: DeploymentArgs, wanted: bool) -> Result<Reply, Failure> {
    let (_, api) = args.open().await?;
    let what = if wanted { "paused" } else { "resumed" };
    if args.read(&api).await?.spec.paused == wanted {
        return Err(Failure::new(if wanted {
            format!("deployment \"{}\" is already paused", args.name)
        } else {
            format!("deployment \"{}\" is not paused", args.name)
        }));
    }
    // The field goes when it says nothing.
    let value = if wanted {
        Value::Bool(true)
    } else {
        Value::Null
    };
    args.patch(&api, json!({"spec": {"paused": value}})).await?;
    Ok(args.reply(what))
}

async fn list(args: HistoryArgs) -> Result<Reply, Failure> {
    let (client, api) = args.deployment.open().await?;
    let deployment = args.deployment.read(&api).await?;
    let all = history::revisions(&client, &deployment).await?;
    let name = &args.deployment.name;
    if let Some(number) = args.revision {
        let one = history::target(name, &all, Some(number))?;
        let template = serde_json::to_value(&one.template)?;
        let text = format!("workloaddeployment/{name} with revision #{number}\n{template:#}");
        return Ok(Reply::new(
            text,
            json!({"revision": number, "template": template}),
        ));
    }
    let data: Vec<Value> = all
        .iter()
        .map(|r| json!({"revision": r.number, "changeCause": r.cause, "images": r.images()}))
        .collect();
    Ok(Reply::new(
        history::table(name, &all),
        json!({"deployment": name, "revisions": data}),
    ))
}

async fn go_back(args: UndoArgs) -> Result<Reply, Failure> {
    let (client, api) = args.deployment.open().await?;
    let mut deployment = args.deployment.read(&api).await?;
    if deployment.spec.paused {
        return Err(paused(&args.deployment, "rolled back"));
    }
    let name = &args.deployment.name;
    let all = history::revisions(&client, &deployment).await?;
    let target = history::target(name, &all, args.to_revision)?;
    let current = all.last();
    if current.is_some_and(|c| hash::same_template(&c.template, &target.template)) {
        let what = format!(
            "skipped rollback (current template already matches revision {})",
            target.number
        );
        return Ok(args.deployment.reply(&what));
    }
    let published = published(&client, &deployment).await?;
    let (spec, notes) = undo::back(&deployment.spec, &target.template, &published);
    deployment.spec = spec;
    let params = PostParams {
        field_manager: Some("wash".to_owned()),
        ..PostParams::default()
    };
    // With the resourceVersion of the object as read: a change made meanwhile is not lost.
    api.replace(name, &params, &deployment)
        .await
        .with_context(|| format!("cannot change deployment \"{name}\""))?;
    let mut reply = args.deployment.reply("rolled back");
    for note in &notes {
        reply.message.push_str("\nnote: ");
        reply.message.push_str(note);
    }
    reply.data = json!({"deployment": name, "revision": target.number, "notes": notes});
    Ok(reply)
}

/// What the Artifacts of a Deployment stand for.
async fn published(
    client: &Client,
    deployment: &WorkloadDeployment,
) -> Result<BTreeMap<String, Published>, Failure> {
    let api: Api<Artifact> =
        Api::namespaced(client.clone(), &deployment.namespace().unwrap_or_default());
    let mut all = BTreeMap::new();
    for entry in &deployment.spec.artifacts {
        let name = &entry.artifact_from.name;
        if let Some(artifact) = api.get_opt(name).await? {
            let status = artifact.status.unwrap_or_default();
            let image = &artifact.spec.image;
            let pinned = status.digest.as_ref().and_then(|digest| {
                let reference: oci::Reference = image.parse().ok()?;
                Some(reference.pinned(digest.parse().ok()?).to_string())
            });
            let published = Published {
                images: status.artifact_url.into_iter().chain(pinned).collect(),
                pull_secret: artifact.spec.image_pull_secret,
            };
            all.insert(name.clone(), published);
        }
    }
    Ok(all)
}

fn paused(args: &DeploymentArgs, what: &str) -> Failure {
    let name = &args.name;
    Failure::new(format!(
        "deployment \"{name}\" is paused and cannot be {what}"
    ))
    .hint_at(format!("resume it first with `wash rollout resume {name}`"))
}

async fn follow(args: StatusArgs, output: Output) -> Result<Reply, Failure> {
    let (_, api) = args.deployment.open().await?;
    let deployment = args.deployment.read(&api).await?;
    let first = status::stage(&deployment);
    if !args.watch {
        return ended(first).unwrap_or_else(|text| Ok(Reply::new(text, Value::Null)));
    }
    let name = &args.deployment.name;
    let waiting = async {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut changes = pin!(watcher(api, config));
        let mut told = String::new();
        let mut stage = first;
        loop {
            let text = match ended(stage) {
                Ok(outcome) => return outcome,
                Err(text) => text,
            };
            if text != told {
                output.progress(&text);
                told = text;
            }
            stage = loop {
                match changes.next().await {
                    None => return Err(Failure::new("the watch ended")),
                    Some(Err(error)) => return Err(error.into()),
                    Some(Ok(watcher::Event::Apply(seen) | watcher::Event::InitApply(seen))) => {
                        break status::stage(&seen);
                    }
                    Some(Ok(watcher::Event::Delete(_))) => {
                        return Err(Failure::new(format!("deployment \"{name}\" was deleted")));
                    }
                    Some(Ok(_)) => {}
                }
            };
        }
    };
    let Some(limit) = args.timeout else {
        return waiting.await;
    };
    match tokio::time::timeout(limit, waiting).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::new(format!(
            "deployment \"{name}\" is not rolled out after {}",
            humantime::format_duration(limit)
        ))),
    }
}

/// The outcome of a rollout that has ended; the words for one that has not.
fn ended(stage: Stage) -> Result<Result<Reply, Failure>, String> {
    match stage {
        Stage::Done(text) => Ok(Ok(Reply::new(text, json!({"complete": true})))),
        Stage::Failed(text) => Ok(Err(Failure::new(text))),
        Stage::Waiting(text) => Err(text),
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_are_taken_as_kubectl_takes_them() {
        assert_eq!(name("web").unwrap(), "web");
        assert_eq!(name("workloaddeployment/web").unwrap(), "web");
        assert!(name("deployment/web").unwrap_err().contains("no rollouts"));
    }
}
