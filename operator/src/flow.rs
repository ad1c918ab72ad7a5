//! How much of the API server one operator takes at a time. Ten thousand objects that all want a write would otherwise
//! wait inside the server, behind each other and before everybody else's requests, among them the renewal of our own
//! Lease.

use kube::Client;
use kube::client::Body;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Requests under way at a time: enough to keep a large API server busy, and no more than what its fair queueing holds
/// for one client of no privilege.
pub const AT_A_TIME: usize = 64;

/// The client, which waits its turn. A watch counts until it is answered, not as long as it lives.
pub fn limited(client: Client) -> Client {
    let turns = Arc::new(Semaphore::new(AT_A_TIME));
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (client, turns) = (client.clone(), turns.clone());
        async move {
            // It is never closed; without a turn the request would be made all the same.
            let _turn = turns.acquire().await;
            client.send(request).await
        }
    });
    Client::new(service, namespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn so_many_requests_are_under_way_and_no_more() {
        let now = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let counted = now.clone();
        let server = tower::service_fn(move |_: http::Request<Body>| {
            let counted = counted.clone();
            async move {
                let under_way = counted.0.fetch_add(1, Ordering::SeqCst) + 1;
                counted.1.fetch_max(under_way, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                counted.0.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, std::convert::Infallible>(http::Response::new(Body::empty()))
            }
        });
        let client = limited(Client::new(server, "default"));
        let requests = (0..=AT_A_TIME * 2).map(|_| {
            let request = http::Request::get("/").body(Body::empty()).unwrap();
            client.send(request)
        });
        let answers = futures::future::join_all(requests).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(now.1.load(Ordering::SeqCst), AT_A_TIME);
    }
}
