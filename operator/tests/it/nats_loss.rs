//! A NATS server goes away for several windows, with hosts on connections of their own.
//!
//! Outside a host is lost after 45 s of silence, the bus is away for 5 minutes, and connections are tried again every
//! 4 s at the latest. The last cannot be shortened, so the window is 6 s here, and the outage two of them.

use crate::estate::{Estate, PATIENCE, ids, uids};
use crate::fixture::spec;
use crate::witness::Witness;
use anyhow::{Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use protocol::bus::SharedBus;
use protocol::bus::nats::{NatsOptions, connect};
use service::metrics::Metrics;
use std::time::Duration;
use testbed::fake_hosts::{FakeHost, HostOptions};
use testbed::nats::NatsServer;
use testbed::wait::{TEST, until, within};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

const WINDOW: Duration = Duration::from_secs(6);
const OUTAGE: Duration = Duration::from_secs(12);
const BEAT: Duration = Duration::from_millis(500);

/// The hosts' way to the server: it can be shut while the operator's is open.
struct Way {
    url: String,
    open: watch::Sender<bool>,
    _end: DropGuard,
}

impl Way {
    async fn to(server: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("nats://{}", listener.local_addr()?);
        let (open, state) = watch::channel(true);
        let token = CancellationToken::new();
        let stop = token.clone();
        let serving = async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut state = state.clone();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", server)).await?;
                    tokio::select! {
                        _ = state.wait_for(|open| !open) => {}
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                    }
                    anyhow::Ok(())
                });
            }
        };
        tokio::spawn(async move { stop.run_until_cancelled(serving).await });
        Ok(Self {
            url,
            open,
            _end: token.drop_guard(),
        })
    }

    /// A host at the end of a connection of its own, which speaks as hosts do. It falls silent with the way.
    async fn host(&self, estate: &Estate, name: &str) -> Result<FakeHost> {
        let bus: SharedBus = connect(&NatsOptions::server(&self.url)).await?;
        let host = FakeHost::with(&bus, HostOptions::named(name)).await?;
        let (speaks, mut open) = (host.clone(), self.open.subscribe());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(BEAT);
            // Until the way is gone.
            while open.has_changed().is_ok() {
                ticks.tick().await;
                if *open.borrow_and_update() {
                    speaks.beat().await;
                }
            }
        });
        estate.host_ready(name).await?;
        Ok(host)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_a_nats_server_that_is_down_for_long_costs_no_host_and_no_workload() -> Result<()> {
    within(TEST, "NATS is down", async {
        let estate = Estate::new("w02-nats").await?;
        let mut nats = NatsServer::start().await?;
        let mut options = estate.options();
        options.liveness.window = WINDOW;
        options.probe_interval = Duration::from_secs(1);
        options.inventory_interval = Duration::from_secs(2);
        let bus: SharedBus = connect(&NatsOptions::server(nats.url())).await?;
        let operator = estate
            .operate_over(bus.clone(), options, Metrics::new())
            .await?;
        let way = Way::to(nats.port()).await?;
        let hosts = [way.host(&estate, "a").await?, way.host(&estate, "b").await?];
        estate
            .apply("hello", spec(4, "registry.example/hello:1"))
            .await?;
        estate.available("hello", 4).await?;
        let before = uids(&estate.all_workloads().await?);
        let logs = hosts.each_ref().map(FakeHost::log);
        let witness = Witness::of(&estate.client, &estate.namespace).await?;

        way.open.send_replace(false);
        nats.stop();
        // The outage.
        tokio::time::sleep(OUTAGE).await;
        nats.start_again().await?;
        let up = bus.status();
        until(PATIENCE, "the operator to be back", || async {
            ensure!(up.borrow().is_connected());
            Ok(())
        })
        .await?;
        // Hosts come back later than the operator, which has heard them nowhere yet.
        let asked = hosts.each_ref().map(FakeHost::inventories);
        way.open.send_replace(true);
        until(PATIENCE * 2, "the window to be over, and more", || async {
            for (host, asked) in hosts.iter().zip(asked) {
                // The first at once, the others 1.6 s later each, if not more.
                let more = host.inventories() - asked;
                ensure!(more > 5, "{}: {more}", host.name());
            }
            Ok(())
        })
        .await?;

        estate.available("hello", 4).await?;
        let trouble = witness.trouble().await?;
        ensure!(trouble.is_empty(), "{trouble:?}");
        ensure!(
            hosts.each_ref().map(FakeHost::log) == logs,
            "nothing was started or stopped"
        );
        let mut has: Vec<String> = hosts.iter().flat_map(ids).collect();
        has.sort();
        ensure!(has == before && uids(&estate.all_workloads().await?) == before);
        // It has told all that it had to tell.
        operator.stop().await?;
        let events: Api<Event> = Api::namespaced(estate.client.clone(), &estate.namespace);
        let all = events.list(&ListParams::default()).await?.items;
        ensure!(all.iter().all(|e| e.reason.as_deref() != Some("HostLost")));
        Ok(())
    })
    .await?
}
