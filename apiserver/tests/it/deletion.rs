//! Garbage collection, namespaces and CRDs.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::*;

const JSON: &str = "application/json";

async fn collecting() -> TestServer {
    let server = TestServer::start().await;
    let (running, stop) = (Arc::clone(&server.server), server.stop.clone());
    tokio::spawn(async move { running.run(stop).await });
    server
}

/// Waits until the object is gone.
async fn gone(server: &TestServer, path: &str) {
    until(|| async { server.get(path).await.0 == StatusCode::NOT_FOUND }).await;
}

async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    while !condition().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn owned(name: &str, owner: &Value, block: bool) -> Value {
    let mut object = config_map(name);
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": block,
    }]);
    object
}

async fn delete(server: &TestServer, path: &str, policy: &str) -> Value {
    let options = json!({"propagationPolicy": policy});
    let (code, answer) = server.send(Method::DELETE, path, JSON, &options).await;
    assert_eq!(code, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test]
async fn dependents_go_after_their_owner_down_to_the_last_generation() {
    within(async {
        let server = collecting().await;
        let owner = server.create(CONFIG_MAPS, &config_map("owner")).await;
        let child = server
            .create(CONFIG_MAPS, &owned("child", &owner, false))
            .await;
        server
            .create(CONFIG_MAPS, &owned("grandchild", &child, false))
            .await;
        server.create(CONFIG_MAPS, &config_map("stranger")).await;
        delete(&server, &format!("{CONFIG_MAPS}/owner"), "Background").await;
        gone(&server, &format!("{CONFIG_MAPS}/grandchild")).await;
        gone(&server, &format!("{CONFIG_MAPS}/child")).await;
        assert_eq!(
            server.get(&format!("{CONFIG_MAPS}/stranger")).await.0,
            StatusCode::OK
        );
    })
    .await;
}

#[tokio::test]
async fn a_foreground_deletion_keeps_the_owner_until_its_dependents_are_gone() {
    within(async {
        let server = collecting().await;
        let owner = server.create(CONFIG_MAPS, &config_map("owner")).await;
        let mut child = owned("child", &owner, true);
        child["metadata"]["finalizers"] = json!(["test.example.com/hold"]);
        server.create(CONFIG_MAPS, &child).await;
        let answer = delete(&server, &format!("{CONFIG_MAPS}/owner"), "Foreground").await;
        assert_eq!(
            answer["metadata"]["finalizers"],
            json!(["foregroundDeletion"])
        );
        let path = format!("{CONFIG_MAPS}/child");
        until(|| async { server.get(&path).await.1["metadata"]["deletionTimestamp"].is_string() })
            .await;
        assert_eq!(
            server.get(&format!("{CONFIG_MAPS}/owner")).await.0,
            StatusCode::OK
        );
        let free = json!({"metadata": {"finalizers": null}});
        server
            .send(Method::PATCH, &path, "application/merge-patch+json", &free)
            .await;
        gone(&server, &format!("{CONFIG_MAPS}/owner")).await;
        gone(&server, &path).await;
    })
    .await;
}

#[tokio::test]
async fn orphans_forget_their_owner() {
    within(async {
        let server = collecting().await;
        let owner = server.create(CONFIG_MAPS, &config_map("owner")).await;
        server
            .create(CONFIG_MAPS, &owned("child", &owner, true))
            .await;
        delete(&server, &format!("{CONFIG_MAPS}/owner"), "Orphan").await;
        gone(&server, &format!("{CONFIG_MAPS}/owner")).await;
        let (code, child) = server.get(&format!("{CONFIG_MAPS}/child")).await;
        assert_eq!(code, StatusCode::OK);
        assert!(child["metadata"]["ownerReferences"].is_null());
    })
    .await;
}

#[tokio::test]
async fn an_object_whose_owner_never_was_is_collected() {
    within(async {
        let server = collecting().await;
        let owner = server.create(CONFIG_MAPS, &config_map("owner")).await;
        let mut stranger = owner.clone();
        stranger["metadata"]["uid"] = json!("another-uid");
        server
            .create(CONFIG_MAPS, &owned("child", &stranger, false))
            .await;
        gone(&server, &format!("{CONFIG_MAPS}/child")).await;
        let mut two = owned("two", &owner, false);
        let lost = owned("x", &stranger, false)["metadata"]["ownerReferences"][0].clone();
        two["metadata"]["ownerReferences"]
            .as_array_mut()
            .unwrap()
            .push(lost);
        two["metadata"]["ownerReferences"][1]["controller"] = json!(false);
        server.create(CONFIG_MAPS, &two).await;
        let path = format!("{CONFIG_MAPS}/two");
        until(|| async {
            server.get(&path).await.1["metadata"]["ownerReferences"]
                .as_array()
                .map(Vec::len)
                == Some(1)
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_namespace_goes_with_all_that_is_in_it() {
    within(async {
        let server = collecting().await;
        server.create(CRDS, &widgets()).await;
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
        server.create("/api/v1/namespaces", &namespace).await;
        let maps = "/api/v1/namespaces/team/configmaps";
        let mut held = config_map("held");
        held["metadata"]["finalizers"] = json!(["test.example.com/hold"]);
        server.create(maps, &held).await;
        server
            .create(
                "/apis/test.example.com/v1/namespaces/team/widgets",
                &widget("w", "red"),
            )
            .await;
        let answer = delete(&server, "/api/v1/namespaces/team", "Background").await;
        assert_eq!(answer["status"]["phase"], "Terminating");
        gone(
            &server,
            "/apis/test.example.com/v1/namespaces/team/widgets/w",
        )
        .await;
        let (code, refused) = server.post(maps, &config_map("late")).await;
        assert_eq!(code, StatusCode::FORBIDDEN, "{refused}");
        assert_eq!(
            refused["details"]["causes"][0]["reason"],
            "NamespaceTerminating"
        );
        assert_eq!(
            server.get("/api/v1/namespaces/team").await.0,
            StatusCode::OK
        );
        let free = json!({"metadata": {"finalizers": null}});
        server
            .send(
                Method::PATCH,
                &format!("{maps}/held"),
                "application/merge-patch+json",
                &free,
            )
            .await;
        gone(&server, "/api/v1/namespaces/team").await;
    })
    .await;
}

#[tokio::test]
async fn a_crd_goes_with_its_objects_and_can_come_back() {
    within(async {
        let server = collecting().await;
        server.create(CRDS, &widgets()).await;
        server.create(WIDGETS, &widget("w", "red")).await;
        let path = format!("{CRDS}/widgets.test.example.com");
        delete(&server, &path, "Background").await;
        gone(&server, &path).await;
        assert_eq!(server.get(WIDGETS).await.0, StatusCode::NOT_FOUND);
        server.create(CRDS, &widgets()).await;
        let (_, list) = server.get(WIDGETS).await;
        assert_eq!(list["items"], json!([]));
    })
    .await;
}
