//! Clients that ask without a pause, and notice every answer that is none.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};

use crate::cluster::Cluster;

/// What a client got.
pub struct Asked {
    answered: usize,
    failures: Vec<String>,
}

/// Asks for `hello.test` again and again until told to stop, each time the host that `whom` names for the turn.
pub async fn ask(
    cluster: &Cluster,
    stop: &AtomicBool,
    whom: impl Fn(usize) -> Option<usize>,
) -> Asked {
    let (mut answered, mut failures) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let Some(index) = whom(answered) else {
            failures.push("nobody is ready".to_owned());
            tokio::task::yield_now().await;
            continue;
        };
        match cluster.get(index, "hello.test", "/").await {
            Ok(answer) if answer.status == 200 => answered += 1,
            Ok(answer) => failures.push(format!("host {index}: {answer:?}")),
            Err(error) => failures.push(format!("host {index}: {error:#}")),
        }
    }
    Asked { answered, failures }
}

/// Fails unless the clients asked a lot and each answer was 200.
pub fn noticed_nothing(cluster: &Cluster, clients: &[Asked]) -> Result<()> {
    let answered: usize = clients.iter().map(|client| client.answered).sum();
    let failures: Vec<&String> = clients.iter().flat_map(|c| &c.failures).collect();
    ensure!(
        failures.is_empty(),
        "{} of {answered} failed: {:?}\n{}",
        failures.len(),
        &failures[..failures.len().min(3)],
        cluster.logs()
    );
    ensure!(answered > 100, "{answered} answers are no load");
    Ok(())
}
