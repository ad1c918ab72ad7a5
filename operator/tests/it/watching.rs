//! Clients whose watches are not what the API server sent.

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use kube::Client;
use kube::client::Body;
use serde_json::json;

/// What a client reads.
pub type Stream = UnsyncBoxBody<Bytes, kube::Error>;

/// A client that reads each watch as `change` makes it of the path and what was sent. Its other requests are as ever.
pub fn through(
    client: Client,
    change: impl Fn(&str, Body) -> Stream + Clone + Send + Sync + 'static,
) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, change) = (client.clone(), change.clone());
        async move {
            let uri = request.uri().clone();
            let query = uri.query().unwrap_or_default();
            let watches = query.split('&').any(|word| word == "watch=true");
            let response = client.send(request).await?;
            Ok::<_, kube::Error>(response.map(|body| {
                if watches {
                    change(uri.path(), body)
                } else {
                    body.boxed_unsync()
                }
            }))
        }
    });
    Client::new(service, "default")
}

/// The last word of a watch whose position is too old to go on from.
pub fn expired() -> Frame<Bytes> {
    let mut event = json!({"type": "ERROR", "object": {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 410,
        "reason": "Expired", "message": "too old resource version",
    }})
    .to_string();
    event.push('\n');
    Frame::data(Bytes::from(event))
}
