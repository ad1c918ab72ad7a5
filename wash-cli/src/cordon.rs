//! `wash host cordon NAME` and `wash host uncordon NAME`: whether a host takes new workloads. What runs there stays.

use anyhow::{Context, anyhow};
use clap::Args;
use crd_types::Host;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::cluster::ClusterArgs;
use crate::failure::Failure;
use crate::output::Reply;

/// Arguments of `wash host cordon` and `wash host uncordon`.
#[derive(Debug, Args)]
pub struct CordonArgs {
    /// Name of the host, as in `kubectl get hosts`
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// What a host is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Take no new workloads.
    Cordon,
    /// Take new workloads again.
    Uncordon,
}

/// Runs `wash host cordon` or `wash host uncordon`.
pub async fn run(args: CordonArgs, wish: Wish) -> Result<Reply, Failure> {
    let (client, default) = args.cluster.connect().await?;
    let chosen = args.cluster.namespace.as_deref();
    let host = find(&client, chosen, &default, &args.name).await?;
    let namespace = host.namespace().unwrap_or_default();
    let cordoned = wish == Wish::Cordon;
    let changes = host.unschedulable != cordoned;
    if changes {
        let api: Api<Host> = Api::namespaced(client, &namespace);
        // The field goes when it says nothing, as with `kubectl uncordon`.
        let value = if cordoned {
            Value::Bool(true)
        } else {
            Value::Null
        };
        let params = PatchParams {
            field_manager: Some("wash".to_owned()),
            ..PatchParams::default()
        };
        api.patch(
            &args.name,
            &params,
            &Patch::Merge(json!({ "unschedulable": value })),
        )
        .await
        .with_context(|| format!("cannot change host {}", args.name))?;
    }
    let what = if cordoned { "cordoned" } else { "uncordoned" };
    let already = if changes { "" } else { "already " };
    Ok(Reply::new(
        format!("host/{} {already}{what}", args.name),
        json!({"host": args.name, "namespace": namespace, "unschedulable": cordoned}),
    ))
}

/// The host of this name: in the chosen namespace, else wherever it is. Hosts live in their operator's namespace,
/// which whoever cordons one need not know.
async fn find(
    client: &Client,
    chosen: Option<&str>,
    default: &str,
    name: &str,
) -> Result<Host, Failure> {
    let only = ListParams::default().fields(&format!("metadata.name={name}"));
    let listed = match chosen {
        Some(namespace) => {
            Api::<Host>::namespaced(client.clone(), namespace)
                .list(&only)
                .await
        }
        None => match Api::<Host>::all(client.clone()).list(&only).await {
            Err(kube::Error::Api(status)) if status.code == 403 => {
                Api::<Host>::namespaced(client.clone(), default)
                    .list(&only)
                    .await
            }
            other => other,
        },
    };
    let mut hosts = match listed {
        Ok(hosts) => hosts.items,
        Err(kube::Error::Api(status)) if status.code == 404 => {
            return Err(Failure::with_hint(
                anyhow!("the cluster does not know wasmCloud's hosts"),
                "install wasmCloud's kinds with `runtime-operator install-crds`; `wash up` brings them along",
            ));
        }
        Err(error) => {
            return Err(anyhow::Error::from(error)
                .context("cannot list the hosts")
                .into());
        }
    };
    let Some(host) = hosts.pop() else {
        let place = chosen.map_or(String::new(), |namespace| format!(" in {namespace}"));
        return Err(Failure::with_hint(
            anyhow!("there is no host {name}{place}"),
            "`kubectl get hosts --all-namespaces` lists them",
        ));
    };
    if hosts.is_empty() {
        return Ok(host);
    }
    hosts.push(host);
    let places: Vec<String> = hosts.iter().filter_map(ResourceExt::namespace).collect();
    Err(Failure::with_hint(
        anyhow!("several hosts are called {name}, in {}", places.join(", ")),
        "choose one with --namespace",
    ))
}
