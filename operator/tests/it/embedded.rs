//! The embedded API server, for tests that need no process of their own for it.

use anyhow::Result;
use apiserver::{ApiServer, Options};
use kube::Client;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// An API server in this process with its garbage collector, and without CRDs. It ends with the guard.
pub async fn server() -> Result<(Client, DropGuard)> {
    let server = Arc::new(ApiServer::open(Options::default()).await?);
    let client = Client::new(server.service(), "default");
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move { server.run(stop).await });
    Ok((client, token.drop_guard()))
}
