//! Answers HTTP in WASI 0.3: `/count` counts the requests of this instance, `/slow` takes a while without
//! keeping others from being answered, `/trap` traps, `/refuse` answers with an error code.

use std::sync::atomic::{AtomicU32, Ordering};

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

struct HttpAsync;

wasip3::http::service::export!(HttpAsync);

static REQUESTS: AtomicU32 = AtomicU32::new(0);

impl wasip3::exports::http::handler::Guest for HttpAsync {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let count = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        let text = match request.get_path_with_query().unwrap_or_default().as_str() {
            "/count" => count.to_string(),
            "/slow" => {
                wasip3::clocks::monotonic_clock::wait_for(300_000_000).await;
                count.to_string()
            }
            "/trap" => std::process::abort(),
            "/refuse" => return Err(ErrorCode::HttpRequestDenied),
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
