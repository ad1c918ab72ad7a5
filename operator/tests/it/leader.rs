//! Two operators, one Lease: one works, and the other takes over when it goes.

use crate::fixture::{World, spec};
use anyhow::{Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use operator::{Exit, OperatorDeps, OperatorOptions};
use testbed::fake_hosts::Speaks;
use testbed::wait::{TEST, until, within};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_passes_on_and_nothing_is_done_twice() -> Result<()> {
    within(TEST, "a change of leaders", async {
        let mut world = World::new().await?;
        world.stop_operator().await?;
        let leases: Api<Lease> = Api::namespaced(world.client.clone(), "default");
        let run = |name: &str| {
            let options = OperatorOptions {
                leader_identity: Some(name.into()),
                ..OperatorOptions::new("default")
            };
            let deps = OperatorDeps::new(world.client.clone(), world.bus.clone(), options);
            let token = CancellationToken::new();
            (token.clone(), tokio::spawn(operator::run(deps, token)))
        };
        let holder = |name: &'static str| {
            let leases = leases.clone();
            async move {
                until(
                    crate::fixture::PATIENCE,
                    &format!("{name} to lead"),
                    || async {
                        let lease = leases.get("d34db3ef.wasmcloud.dev").await?;
                        let held = lease.spec.and_then(|s| s.holder_identity);
                        ensure!(held.as_deref() == Some(name), "{held:?}");
                        anyhow::Ok(())
                    },
                )
                .await
            }
        };
        let (stop_first, first) = run("first");
        holder("first").await?;
        let (stop_second, second) = run("second");
        let host = world.host("ours", Speaks::Extension).await?;
        world
            .apply("hello", spec(2, "registry.example/hello:1"))
            .await?;
        world.ready("hello", 2).await?;
        ensure!(
            host.starts() == 2,
            "{} starts: one operator works",
            host.starts()
        );

        stop_first.cancel();
        ensure!(first.await?? == Exit::Stopped);
        holder("second").await?;
        world
            .apply("hello", spec(3, "registry.example/hello:1"))
            .await?;
        world.ready("hello", 3).await?;
        ensure!(
            host.starts() == 3,
            "{} starts: the new leader touches nothing that runs",
            host.starts()
        );
        stop_second.cancel();
        ensure!(second.await?? == Exit::Stopped);
        Ok(())
    })
    .await?
}
