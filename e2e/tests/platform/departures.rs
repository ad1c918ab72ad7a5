//! A host is told to end while clients ask for what it serves: they find their hosts through the EndpointSlice, as
//! kube-proxy does, and notice nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use testbed::wait;

use crate::cluster::{Cluster, Hosts, SOON};
use crate::follow::Watch;
use crate::load::{ask, noticed_nothing};
use crate::objects::{deployment, ready, spread};

/// Prints, at each change of a slice, its name, the addresses of its endpoints and whether each is ready.
const COLUMNS: &str = "custom-columns=NAME:.metadata.name,AT:.endpoints[*].addresses[0],READY:.endpoints[*].conditions.ready";

/// Whom to ask, by index of the hosts; for each slice, since hosts at different ports are in different ones.
#[derive(Default)]
struct Known(Mutex<BTreeMap<String, Vec<usize>>>);

impl Known {
    fn learn(&self, line: &str, addresses: &[String]) {
        let mut columns = line.split_whitespace();
        let (Some(name), Some(at), Some(ready)) = (columns.next(), columns.next(), columns.next())
        else {
            return;
        };
        let ready = at.split(',').zip(ready.split(','));
        let ready = ready.filter(|(_, ready)| *ready == "true");
        let ready = ready.filter_map(|(at, _)| addresses.iter().position(|a| a == at));
        self.held().insert(name.to_owned(), ready.collect());
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Vec<usize>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<usize> {
        self.held().values().flatten().copied().collect()
    }

    fn next(&self, turn: usize) -> Option<usize> {
        let known = self.all();
        known.get(turn % known.len().max(1)).copied()
    }
}

#[tokio::test]
async fn w35_no_request_fails_while_a_host_leaves() {
    wait::within(3 * wait::TEST, "a departure under load", departure())
        .await
        .unwrap()
        .unwrap();
}

async fn departure() -> Result<()> {
    let mut cluster = Cluster::start(Hosts::TwoOverNats).await?;
    let kubectl = cluster.kubectl()?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    kubectl.apply(&deployment("hello", &hello, 4)).await?;
    let placed = ready(&kubectl, "hello", 4)
        .await
        .with_context(|| cluster.logs())?;
    ensure!(spread(&placed).len() == 2, "{placed:?}");
    let addresses = [cluster.address(0).await?, cluster.address(1).await?];
    let (known, stop) = (Arc::new(Known::default()), AtomicBool::new(false));
    let seen = Arc::new(AtomicUsize::new(0));
    let mut slices = {
        let ours = ["-l", "kubernetes.io/service-name=hello"];
        let shown = ["--no-headers", "-o", COLUMNS];
        Watch::start(&kubectl, "endpointslices", &[&ours[..], &shown].concat())?
    };
    slices
        .until("both hosts in the slice", |line| {
            known.learn(line, &addresses);
            known.all().len() == 2
        })
        .await?;
    let following = {
        let (known, seen) = (known.clone(), seen.clone());
        tokio::spawn(async move {
            let follow = |line: &str| {
                known.learn(line, &addresses);
                seen.fetch_add(1, Ordering::Relaxed);
                false
            };
            // It is over when the test is.
            slices.until("the end", follow).await.map(drop)
        })
    };
    // The host is ended by somebody else than those who ask it.
    let mut leaving = cluster.take_host(1)?;
    let cluster = &cluster;
    let changes = async {
        let outcome = async {
            leaving.stop().await?;
            let left = ready(&kubectl, "hello", 4).await?;
            ensure!(spread(&left).len() == 1, "{left:?}");
            anyhow::Ok(())
        }
        .await;
        stop.store(true, Ordering::Relaxed);
        outcome
    };
    let (outcome, one, two) = tokio::join!(
        changes,
        ask(cluster, &stop, |turn| known.next(turn)),
        ask(cluster, &stop, |turn| known.next(turn))
    );
    outcome.with_context(|| cluster.logs())?;
    following.abort();
    noticed_nothing(cluster, &[one, two])?;
    ensure!(seen.load(Ordering::Relaxed) > 0, "the slice never changed");
    wait::until(SOON, "the host's departure to be told", || async {
        let events = ["get", "events", "--all-namespaces", "-o", "name"];
        let left = [&events[..], &["--field-selector", "reason=HostLeft"]].concat();
        let found = kubectl.run(&left).await?;
        ensure!(!found.is_empty(), "{}", kubectl.run(&events).await?);
        anyhow::Ok(())
    })
    .await
}
