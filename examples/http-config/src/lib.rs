//! Answers with the environment and the `wasi:config` values that the manifest gives it.
//!
//! `GET /` lists all of them, `GET /<key>` answers with one `wasi:config` value, or 404.

use std::fmt::Write;

use wasi::config::store;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wit_bindgen::generate!({ world: "http-config", path: "wit", generate_all });

struct HttpConfig;

wasip2::http::proxy::export!(HttpConfig);

impl wasip2::exports::http::incoming_handler::Guest for HttpConfig {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let key = path.split('?').next().unwrap_or_default().trim_start_matches('/');
        let (status, text) = match key {
            "" => listing(),
            key => one(key),
        };
        respond(response_out, status, &text);
    }
}

fn listing() -> (u16, String) {
    let mut text = String::from("environment:\n");
    let mut environment: Vec<_> = std::env::vars().collect();
    environment.sort();
    for (name, value) in environment {
        let _ = writeln!(text, "  {name}={value}");
    }
    match store::get_all() {
        Ok(mut values) => {
            values.sort();
            text.push_str("wasi:config:\n");
            for (key, value) in values {
                let _ = writeln!(text, "  {key}={value}");
            }
            (200, text)
        }
        Err(error) => (500, format!("wasi:config: {error:?}\n")),
    }
}

fn one(key: &str) -> (u16, String) {
    match store::get(key) {
        Ok(Some(value)) => (200, format!("{value}\n")),
        Ok(None) => (404, format!("no value is called {key}\n")),
        Err(error) => (500, format!("wasi:config: {error:?}\n")),
    }
}

fn respond(response_out: ResponseOutparam, status: u16, text: &str) {
    let headers = Fields::new();
    headers
        .append("content-type", b"text/plain; charset=utf-8")
        .expect("the header is valid and allowed");
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("the status is valid");
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
