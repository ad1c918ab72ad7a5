//! The starts that operators ask hosts for, seen on the bus.

use anyhow::{Context, Result};
use futures::StreamExt;
use protocol::bus::nats::{NatsOptions, connect};
use protocol::bus::{Headers, SharedBus, Subscription};
use serde_json::Value;
use testbed::wait;

use super::{Cluster, SOON};

/// Every command about workloads.
const COMMANDS: &str = "runtime.host.*.workload.>";
/// Ours: what was sent before it has arrived when it does.
const MARK: &str = "runtime.host.nobody.workload.mark";

/// Starts since this was made. Its subscription hears what hosts hear, so that a command to a host that is gone is
/// not answered "nobody there": not for tests that end hosts.
pub struct Starts {
    bus: SharedBus,
    commands: Subscription,
    ids: Vec<String>,
}

impl Starts {
    pub async fn follow(cluster: &Cluster) -> Result<Self> {
        let nats = cluster.nats.as_ref().context("this cluster has no NATS")?;
        let bus: SharedBus = connect(&NatsOptions::server(&nats.url)).await?;
        let commands = bus.subscribe(COMMANDS).await?;
        bus.flush().await?;
        Ok(Self {
            bus,
            commands,
            ids: Vec::new(),
        })
    }

    /// The ids of the workloads, once for each start, sorted.
    pub async fn so_far(&mut self) -> Result<Vec<String>> {
        self.bus
            .publish(MARK, Headers::new(), Vec::new().into())
            .await?;
        let (commands, ids) = (&mut self.commands, &mut self.ids);
        wait::within(SOON, "the mark", async {
            while let Some(message) = commands.next().await {
                if message.subject == MARK {
                    return Ok(());
                }
                if message.subject.contains(".workload.start") {
                    let body: Value = serde_json::from_slice(&message.payload)?;
                    // The extension's command has the base command in it.
                    let base = body.get("base").unwrap_or(&body);
                    let id = base["workloadId"].as_str().context("a start has an id")?;
                    ids.push(id.to_owned());
                }
            }
            anyhow::bail!("the connection ended")
        })
        .await??;
        self.ids.sort_unstable();
        Ok(self.ids.clone())
    }
}
