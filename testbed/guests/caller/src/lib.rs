//! Answers HTTP by calling `callee`: the path says how.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wit_bindgen::generate!({ world: "caller", path: "wit" });

use test::calls::{calls, counters::{self, Counter}};

struct Caller;

wasip2::http::proxy::export!(Caller);

impl wasip2::exports::http::incoming_handler::Guest for Caller {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, argument) = target.split_once('?').unwrap_or((&target, ""));
        let text = match path {
            "/improve" => format!("{:?}", calls::improve(&calls::Item {
                name: argument.to_owned(),
                tags: vec!["a".to_owned(), "b".to_owned()],
                size: None,
            })),
            "/environment" => format!("mine {:?} theirs {:?}", variables(std::env::vars().collect()),
                variables(calls::environment())),
            "/trap" => { calls::trap(); "survived".to_owned() }
            "/hoard" => { calls::hoard(); "survived".to_owned() }
            "/spin" => { calls::spin(); "survived".to_owned() }
            "/count" => format!("{} {}", calls::count(), calls::count()),
            "/resources" => resources(),
            _ => "ok".to_owned(),
        };
        respond(out, &text);
    }
}

fn variables(mut variables: Vec<(String, String)>) -> Vec<(String, String)> {
    variables.sort();
    variables
}

fn resources() -> String {
    let one = Counter::new(1);
    let ten = Counter::new(10);
    let added = one.add(4);
    let before = counters::alive();
    let merged = Counter::merge(one, &ten);
    let sum = merged.add(0);
    drop(ten);
    let after = counters::alive();
    drop(merged);
    let end = counters::alive();
    format!("added {added} sum {sum} alive {before} {after} {end}")
}

fn respond(out: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    if stream.blocking_write_and_flush(text.as_bytes()).is_ok() {
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}
