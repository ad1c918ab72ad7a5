//! Answers every request with a greeting, and with the path that was asked for.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct HttpHello;

wasip2::http::proxy::export!(HttpHello);

impl wasip2::exports::http::incoming_handler::Guest for HttpHello {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_else(|| "/".to_owned());
        let greeting = format!("Hello from a WebAssembly component! You asked for {path}\n");
        respond(response_out, &greeting);
    }
}

fn respond(response_out: ResponseOutparam, text: &str) {
    let headers = Fields::new();
    headers
        .append("content-type", b"text/plain; charset=utf-8")
        .expect("the header is valid and allowed");
    let response = OutgoingResponse::new(headers);
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(response_out, Ok(response));

    let stream = body.write().expect("the stream is taken once");
    // One write takes at most 4096 bytes.
    for chunk in text.as_bytes().chunks(4096) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            // The client is gone, and with it whoever could be told.
            return;
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}
