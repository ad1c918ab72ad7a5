//! Whatever goes wrong in between, the end is the same: nothing doubled, nothing lost, nothing left behind. The API
//! server is the embedded one, which costs no process; `crash` shows what is checked.

mod crash;
mod cut;
mod network;
mod town;

use crate::embedded;
use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio_util::sync::DropGuard;

/// The embedded API server with the CRDs. It ends with the guard.
async fn server() -> Result<(Client, DropGuard)> {
    let (client, guard) = embedded::server().await?;
    operator::install_crds(&client).await?;
    Ok((remembering(client), guard))
}

/// A client that asks for a published schema once. Each operator reads them when it starts; to put them together anew
/// for hundreds of operators is most of what this machine would do.
fn remembering(client: Client) -> Client {
    let known: Arc<Mutex<HashMap<String, Bytes>>> = Arc::default();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, known) = (client.clone(), known.clone());
        async move {
            if !request.uri().path().starts_with("/openapi/") {
                return client.send(request).await;
            }
            let url = request.uri().to_string();
            let held = known.lock().get(&url).cloned();
            let document = match held {
                Some(document) => document,
                None => {
                    client
                        .send(request)
                        .await?
                        .into_body()
                        .collect_bytes()
                        .await?
                }
            };
            known.lock().insert(url, document.clone());
            Ok::<_, kube::Error>(Response::new(Body::from(document.to_vec())))
        }
    });
    Client::new(service, "default")
}
