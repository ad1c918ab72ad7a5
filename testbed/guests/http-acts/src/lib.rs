//! Does what the path says, good or bad: what tests of limits, faults and isolation need.
//!
//! `/spin` computes for ever · `/memory` allocates for ever · `/trap` · `/exit` · `/none` returns without a
//! response · `/late-trap` traps after its response began · `/silent` falls silent within its body ·
//! `/wait` waits for ever · `/count` counts the requests of this instance · `/env` lists the environment ·
//! `/print` writes lines to standard output and error · `/write?path` and `/read?path` use files ·
//! `/get?url` sends a request · anything else: `ok`.

use std::sync::atomic::{AtomicU32, Ordering};
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam, Scheme,
};

struct HttpActs;

wasip2::http::proxy::export!(HttpActs);

static REQUESTS: AtomicU32 = AtomicU32::new(0);

impl wasip2::exports::http::incoming_handler::Guest for HttpActs {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let count = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        let target = request.path_with_query().unwrap_or_default();
        let (path, argument) = target.split_once('?').unwrap_or((&target, ""));
        let text = match path {
            "/spin" => spin(),
            "/memory" => hoard(),
            "/trap" => std::process::abort(),
            "/exit" => std::process::exit(3),
            "/none" => return,
            "/late-trap" => {
                begin(out);
                std::process::abort()
            }
            "/silent" => {
                begin(out);
                wait_for_ever()
            }
            "/wait" => wait_for_ever(),
            "/count" => count.to_string(),
            "/env" => environment(),
            "/print" => {
                println!("to standard output");
                eprintln!("to standard error");
                "printed".to_owned()
            }
            "/write" => outcome(std::fs::write(argument, "written").map(|()| "written".to_owned())),
            "/read" => outcome(std::fs::read_to_string(argument)),
            "/get" => get(argument),
            _ => "ok".to_owned(),
        };
        respond(out, &text);
    }
}

fn spin() -> ! {
    let mut x = 0_u64;
    loop {
        x = std::hint::black_box(x.wrapping_mul(31).wrapping_add(1));
    }
}

fn hoard() -> ! {
    let mut kept = Vec::new();
    loop {
        kept.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

fn wait_for_ever() -> ! {
    loop {
        monotonic_clock::subscribe_duration(3_600_000_000_000).block();
    }
}

fn environment() -> String {
    let mut lines: Vec<_> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    lines.sort();
    lines.join("\n")
}

fn outcome(result: std::io::Result<String>) -> String {
    result.unwrap_or_else(|error| format!("error: {error}"))
}

/// `http://host:port/path`
fn get(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let request = OutgoingRequest::new(Fields::new());
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let set = request.set_scheme(Some(&scheme)).is_ok()
        && request.set_authority(Some(authority)).is_ok()
        && request.set_path_with_query(Some(&format!("/{path}"))).is_ok();
    if !set {
        return "error: not a URL".to_owned();
    }
    let future = match outgoing_handler::handle(request, None) {
        Ok(future) => future,
        Err(code) => return format!("error: {code:?}"),
    };
    future.subscribe().block();
    match future.get() {
        Some(Ok(Ok(response))) => {
            let status = response.status();
            let body = response.consume().expect("the body is taken once");
            let stream = body.stream().expect("the stream is taken once");
            let mut bytes = Vec::new();
            while let Ok(chunk) = stream.blocking_read(64 * 1024) {
                bytes.extend(chunk);
            }
            format!("{status} {}", String::from_utf8_lossy(&bytes))
        }
        Some(Ok(Err(code))) => format!("error: {code:?}"),
        _ => "error: no answer".to_owned(),
    }
}

/// Sends the head and the first bytes of a body that is not finished.
fn begin(out: ResponseOutparam) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    let _ = stream.blocking_write_and_flush(b"begun");
    std::mem::forget((body, stream));
}

fn respond(out: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    for chunk in text.as_bytes().chunks(4096) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            return;
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}
