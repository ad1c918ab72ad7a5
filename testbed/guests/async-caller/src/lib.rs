//! Answers HTTP (WASI 0.3) by calling `async-callee`, two calls at a time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

wasip3::wit_bindgen::generate!({
    world: "caller",
    path: "wit",
    runtime_path: "wasip3::wit_bindgen::rt",
});

use test::waits::waits;

struct Caller;

wasip3::http::service::export!(Caller);

impl wasip3::exports::http::handler::Guest for Caller {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let text = match request.get_path_with_query().unwrap_or_default().as_str() {
            "/both" => {
                let before = wasip3::clocks::monotonic_clock::now();
                let (a, b) = both(waits::wait(300), waits::wait(300)).await;
                let took = wasip3::clocks::monotonic_clock::now() - before;
                // One after the other would take 600.
                format!("{a} {b} together {}", took < 550_000_000)
            }
            "/trap" => {
                waits::trap().await;
                "survived".to_owned()
            }
            _ => "ok".to_owned(),
        };
        let (mut body, body_rx) = wit_stream::new();
        let (trailers, trailers_rx) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(body_rx), trailers_rx);
        drop(trailers);
        wasip3::wit_bindgen::spawn_local(async move {
            body.write_all(text.into_bytes()).await;
        });
        Ok(response)
    }
}

/// Polls both until both are done.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut done_a, mut done_b) = (None, None);
    poll_fn(move |cx| {
        if done_a.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(cx)
        {
            done_a = Some(value);
        }
        if done_b.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(cx)
        {
            done_b = Some(value);
        }
        match (done_a.take(), done_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (done_a, done_b) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}
