//! Logs a line at every level, then answers.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wit_bindgen::generate!({ world: "http-logger", path: "wit", generate_all });

use wasi::logging::logging::{Level, log};

struct HttpLogger;

wasip2::http::proxy::export!(HttpLogger);

impl wasip2::exports::http::incoming_handler::Guest for HttpLogger {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        for level in [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Critical] {
            log(level, "request", "a message of the guest");
        }
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(out, Ok(response));
        let _ = OutgoingBody::finish(body, None);
    }
}
