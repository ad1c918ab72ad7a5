//! Sends every request back: its body as the body, streamed, and what was asked in headers
//! (`x-method`, `x-path`, `x-authority`, and each request header as `x-request-<name>`).

use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::StreamError;

struct HttpEcho;

wasip2::http::proxy::export!(HttpEcho);

impl wasip2::exports::http::incoming_handler::Guest for HttpEcho {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let response = OutgoingResponse::new(describe(&request));
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(response_out, Ok(response));
        let incoming = request.consume().expect("the request's body is taken once");
        if copy(&incoming, &body).is_ok() {
            let _ = OutgoingBody::finish(body, None);
        }
    }
}

fn describe(request: &IncomingRequest) -> Fields {
    let headers = Fields::new();
    let add = |name: &str, value: &[u8]| {
        // What may not be a response header is left out.
        let _ = headers.append(name, value);
    };
    let method = match request.method() {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(other) => other,
    };
    add("x-method", method.as_bytes());
    add("x-path", request.path_with_query().unwrap_or_default().as_bytes());
    add("x-authority", request.authority().unwrap_or_default().as_bytes());
    for (name, value) in request.headers().entries() {
        add(&format!("x-request-{name}"), &value);
    }
    headers
}

/// An error means that one of the two sides is gone.
fn copy(from: &IncomingBody, to: &OutgoingBody) -> Result<(), StreamError> {
    let input = from.stream().expect("the stream is taken once");
    let output = to.write().expect("the stream is taken once");
    loop {
        match output.blocking_splice(&input, 64 * 1024) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            Err(error) => return Err(error),
        }
    }
    output.blocking_flush()
}
