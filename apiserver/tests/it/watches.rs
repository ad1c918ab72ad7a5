//! Watches.

use apiserver::Options;
use futures::{StreamExt, TryStreamExt};
use http::{Method, StatusCode};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::{Value, json};

use crate::server::*;

/// The events of a watch that ends by itself.
async fn events(server: &TestServer, path: &str) -> Vec<Value> {
    let (code, body) = server.get(path).await;
    assert_eq!(code, StatusCode::OK);
    let text = match body {
        Value::String(text) => text,
        one => one.to_string(),
    };
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn kinds(events: &[Value]) -> Vec<(&str, &str)> {
    events
        .iter()
        .map(|event| {
            (
                event["type"].as_str().unwrap(),
                event["object"]["metadata"]["name"].as_str().unwrap_or(""),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_watch_from_a_revision_sees_what_came_after_it() {
    within(async {
        let server = TestServer::start().await;
        let api: Api<ConfigMap> = Api::default_namespaced(server.client());
        server.create(CONFIG_MAPS, &config_map("before")).await;
        let from = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
        let mut stream = api.watch(&WatchParams::default(), &from).await.unwrap().boxed();
        server.create(CONFIG_MAPS, &config_map("after")).await;
        let event = stream.try_next().await.unwrap().unwrap();
        assert!(matches!(event, WatchEvent::Added(object) if object.metadata.name.as_deref() == Some("after")));
    })
    .await;
}

#[tokio::test]
async fn initial_events_end_with_their_bookmark() {
    within(async {
        let server = TestServer::start().await;
        server.create(CONFIG_MAPS, &config_map("a")).await;
        let path = format!(
            "{CONFIG_MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
             &allowWatchBookmarks=true&timeoutSeconds=1"
        );
        let seen = events(&server, &path).await;
        assert_eq!(kinds(&seen)[..2], [("ADDED", "a"), ("BOOKMARK", "")]);
        assert_eq!(
            seen[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
            "true"
        );
        assert_eq!(seen[1]["object"]["kind"], "ConfigMap");
    })
    .await;
}

#[tokio::test]
async fn a_streaming_list_of_kube_rs_works() {
    within(async {
        let server = TestServer::start().await;
        server.create(CONFIG_MAPS, &config_map("a")).await;
        let api: Api<ConfigMap> = Api::default_namespaced(server.client());
        let config = watcher::Config::default().streaming_lists();
        let mut stream = watcher(api, config).applied_objects().boxed();
        let first = stream.try_next().await.unwrap().unwrap();
        assert_eq!(first.metadata.name.as_deref(), Some("a"));
        server.create(CONFIG_MAPS, &config_map("b")).await;
        let second = stream.try_next().await.unwrap().unwrap();
        assert_eq!(second.metadata.name.as_deref(), Some("b"));
    })
    .await;
}

#[tokio::test]
async fn an_object_that_leaves_the_selection_is_deleted_for_the_watcher() {
    within(async {
        let server = TestServer::start().await;
        let from = server.get(CONFIG_MAPS).await.1["metadata"]["resourceVersion"].clone();
        let mut object = config_map("a");
        object["metadata"]["labels"] = json!({"in": "yes"});
        server.create(CONFIG_MAPS, &object).await;
        server.create(CONFIG_MAPS, &config_map("other")).await;
        let merge = "application/merge-patch+json";
        let path = format!("{CONFIG_MAPS}/a");
        for patch in [json!({"data": {"x": "1"}}), json!({"metadata": {"labels": {"in": "no"}}}), json!({"metadata": {"labels": {"in": "yes"}}})] {
            assert_eq!(server.send(Method::PATCH, &path, merge, &patch).await.0, StatusCode::OK);
        }
        server.send(Method::DELETE, &path, "application/json", &json!({})).await;
        let from = from.as_str().unwrap();
        let path = format!("{CONFIG_MAPS}?watch=true&resourceVersion={from}&labelSelector=in%3Dyes&timeoutSeconds=1");
        let seen = events(&server, &path).await;
        let kinds: Vec<_> = kinds(&seen).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]);
        assert_eq!(seen[2]["object"]["metadata"]["labels"]["in"], "yes", "its last selected state");
    })
    .await;
}

#[tokio::test]
async fn a_revision_that_is_gone_is_410_and_kube_rs_recovers() {
    within(async {
        let server = TestServer::with(Options {
            kept_changes: 2,
            ..Options::default()
        })
        .await;
        for index in 0..5 {
            server
                .create(CONFIG_MAPS, &config_map(&format!("c{index}")))
                .await;
        }
        let path = format!("{CONFIG_MAPS}?watch=true&resourceVersion=2&timeoutSeconds=5");
        let seen = events(&server, &path).await;
        assert_eq!(seen.len(), 1);
        assert_eq!(
            (&seen[0]["type"], &seen[0]["object"]["code"]),
            (&json!("ERROR"), &json!(410))
        );
        assert_eq!(seen[0]["object"]["reason"], "Expired");
        let path = format!("{CONFIG_MAPS}?resourceVersion=2&resourceVersionMatch=Exact");
        assert_eq!(server.get(&path).await.0, StatusCode::GONE);
    })
    .await;
}

#[tokio::test]
async fn a_table_watch_sends_its_columns_once() {
    within(async {
        let server = TestServer::start().await;
        server.create(CRDS, &widgets()).await;
        server.create(WIDGETS, &widget("a", "red")).await;
        server.create(WIDGETS, &widget("b", "blue")).await;
        use http_body_util::BodyExt;
        use tower::ServiceExt;
        let request = http::Request::get(format!("{WIDGETS}?watch=1&timeoutSeconds=1"))
            .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        let response = server.service().oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let seen: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let columns: Vec<_> = seen[0]["object"]["columnDefinitions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].clone())
            .collect();
        assert_eq!(columns, ["Name", "Color", "Ready", "Replicas", "Age"]);
        assert_eq!(
            seen[0]["object"]["rows"][0]["cells"].as_array().unwrap()[..4],
            [json!("a"), json!("red"), Value::Null, json!(2)]
        );
        assert!(seen[1]["object"]["columnDefinitions"].is_null());
        assert_eq!(
            seen[1]["object"]["rows"][0]["object"]["metadata"]["name"],
            "b"
        );
    })
    .await;
}
