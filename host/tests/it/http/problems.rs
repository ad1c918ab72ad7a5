use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use host::http::HandleError;

use super::{
    client::{get, get_with},
    fake::{Handler, eventually, front, front_with, within},
};

#[tokio::test]
async fn each_failure_has_its_status_reason_and_request_id() {
    within(async {
        let front = front();
        let retry = HandleError::Overloaded {
            retry_after: Duration::from_millis(1500),
        };
        for (error, status, reason, retry_after) in [
            (retry, 503, "TooManyRequests", Some("2")),
            (HandleError::Draining, 503, "Draining", Some("1")),
            (HandleError::Timeout, 504, "RequestTimeout", None),
            (HandleError::OutOfMemory, 500, "OutOfMemory", None),
            (
                HandleError::Trap("secret at 0x1234".to_owned()),
                500,
                "Trap",
                None,
            ),
            (HandleError::NoResponse, 500, "NoResponse", None),
            (
                HandleError::Guest("secret detail".to_owned()),
                500,
                "NoResponse",
                None,
            ),
            (
                HandleError::BodyTooLarge { limit: 7 },
                413,
                "RequestTooLarge",
                None,
            ),
            (
                HandleError::Host("secret path".to_owned()),
                500,
                "Internal",
                None,
            ),
        ] {
            let shown = error.clone();
            let handler = Handler::new("default/a-0", move |_, _| {
                let error = error.clone();
                async move { Err(error) }
            });
            let _guard = front.serve(handler, &["a.example"]).unwrap();
            let reply = get_with(front.address, "a.example", "x-request-id: my-id-1\r\n").await;
            assert_eq!(reply.status, status, "{shown:?}");
            assert_eq!(reply.header("retry-after"), retry_after, "{shown:?}");
            assert_eq!(reply.header("x-request-id"), Some("my-id-1"));
            assert!(
                reply.body.starts_with(reason) && reply.body.contains("my-id-1"),
                "{}",
                reply.body
            );
            assert!(!reply.body.contains("secret"), "{}", reply.body);
        }
    })
    .await;
}

#[tokio::test]
async fn who_accepts_json_gets_json() {
    within(async {
        let front = front();
        let reply = get_with(
            front.address,
            "a.example",
            "Accept: text/html;q=0.5, application/json\r\n",
        )
        .await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (404, Some("application/json"))
        );
        let document: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(document["requestId"].as_str(), reply.header("x-request-id"));
        assert!(document["message"].as_str().unwrap().contains("a.example"));
        assert!(!document["reason"].as_str().unwrap().is_empty());
        let reply = get(front.address, "a.example").await;
        assert_eq!(
            reply.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
    })
    .await;
}

#[tokio::test]
async fn the_request_id_reaches_the_handler_and_the_client() {
    within(async {
        let front = front();
        let handler = Handler::new("default/a-0", |_, context| async move {
            super::fake::text(&context.request_id)
        });
        let _guard = front.serve(handler, &["a.example"]).unwrap();
        let reply = get_with(front.address, "a.example", "x-request-id: abc.DEF:1\r\n").await;
        assert_eq!(
            (&*reply.body, reply.header("x-request-id")),
            ("abc.DEF:1", Some("abc.DEF:1"))
        );
        let reply = get_with(front.address, "a.example", "x-request-id: not sane\r\n").await;
        assert_ne!(reply.body, "not sane");
        assert_eq!(Some(&*reply.body), reply.header("x-request-id"));
    })
    .await;
}

#[tokio::test]
async fn no_answer_in_time_is_504_and_the_call_is_dropped() {
    within(async {
        let front =
            front_with(|options| options.limits.request_timeout = Some(Duration::from_millis(50)));
        let open = Arc::new(AtomicUsize::new(0));
        let _guard = front
            .serve(Handler::never("default/a-0", &open), &["a.example"])
            .unwrap();
        let reply = get(front.address, "a.example").await;
        assert_eq!(reply.status, 504);
        eventually("the call to be dropped", || {
            open.load(std::sync::atomic::Ordering::SeqCst) == 0
        })
        .await;
    })
    .await;
}
