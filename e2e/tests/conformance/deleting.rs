//! Deleting: answers, preconditions, finalizers, owners, namespaces.

use anyhow::ensure;
use serde_json::{Value, json};
use testbed::wait;

use crate::answer::names;
use crate::objects::{config_map, labelled, widget};
use crate::space::{MERGE, SOON, Space};

crate::tests![
    a_deletion_says_what_is_gone,
    preconditions,
    finalizers_hold_an_object,
    dependents_go_with_their_owner,
    a_foreground_deletion_waits_for_its_dependents,
    orphans_stay,
    dependents_of_several_owners_go_last,
    a_dependent_of_nobody_goes,
    collections_are_deleted_by_selector,
    a_namespace_ends_with_everything_in_it,
    every_namespace_has_a_default_account,
];

async fn a_deletion_says_what_is_gone(on: Space) {
    let created = on.create(&on.widgets(), &widget("w", &json!({}))).await;
    let at = format!("{}/w", on.widgets());
    let status = on.delete(&at).await.expect(200);
    assert_eq!(
        (&status["kind"], &status["status"]),
        (&json!("Status"), &json!("Success"))
    );
    let details = json!({
        "name": "w", "group": "conformance.example.com", "kind": "widgets",
        "uid": created["metadata"]["uid"],
    });
    assert_eq!(status["details"], details);
    let status = on.delete(&at).await.fails(404, "NotFound");
    assert_eq!(
        status["message"],
        "widgets.conformance.example.com \"w\" not found"
    );
}

async fn preconditions(on: Space) {
    let created = on.create(&on.widgets(), &widget("w", &json!({}))).await;
    let at = format!("{}/w", on.widgets());
    for wrong in [json!({"uid": "other"}), json!({"resourceVersion": "1"})] {
        on.delete_with(&at, &json!({"preconditions": wrong}))
            .await
            .fails(409, "Conflict");
    }
    let right = json!({
        "uid": created["metadata"]["uid"], "resourceVersion": created["metadata"]["resourceVersion"],
    });
    on.delete_with(&at, &json!({"preconditions": right}))
        .await
        .expect(200);
}

async fn finalizers_hold_an_object(on: Space) {
    let at = format!("{}/w", on.widgets());
    let mut body = widget("w", &json!({}));
    body["metadata"]["finalizers"] = json!(["example.com/a", "example.com/b"]);
    on.create(&on.widgets(), &body).await;
    let held = on.delete(&at).await.expect(200);
    assert_eq!(held["kind"], "Widget");
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(held["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(held["metadata"]["generation"], 2);
    let again = on.delete(&at).await.expect(200);
    let deleted_at = &held["metadata"]["deletionTimestamp"];
    assert_eq!(&again["metadata"]["deletionTimestamp"], deleted_at);
    let finalizers = |list: Value| json!({"metadata": {"finalizers": list}});
    let more = finalizers(json!(["example.com/a", "example.com/b", "example.com/c"]));
    let status = on.patch(&at, MERGE, &more).await.fails(422, "Invalid");
    assert_eq!(
        status["details"]["causes"][0]["field"],
        "metadata.finalizers"
    );
    let less = on
        .patch(&at, MERGE, &finalizers(json!(["example.com/b"])))
        .await
        .expect(200);
    assert_eq!(less["metadata"]["finalizers"], json!(["example.com/b"]));
    // Its spec can still be changed.
    on.patch(&at, MERGE, &json!({"spec": {"size": 1}}))
        .await
        .expect(200);
    let mut watch = on
        .watch(&format!("{}?fieldSelector=metadata.name%3Dw", on.widgets()))
        .await;
    assert_eq!(watch.events(1).await, ["ADDED w"]);
    on.patch(&at, MERGE, &finalizers(json!([])))
        .await
        .expect(200);
    assert_eq!(watch.events(1).await, ["DELETED w"]);
    on.get(&at).await.fails(404, "NotFound");
}

/// A ConfigMap owned by `owners`, as controllers write them.
fn owned(name: &str, owners: &[&Value], blocking: bool) -> Value {
    let mut body = config_map(name);
    let references = owners.iter().map(|owner| {
        json!({
            "apiVersion": owner["apiVersion"], "kind": owner["kind"],
            "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": blocking,
        })
    });
    body["metadata"]["ownerReferences"] = references.collect();
    body
}

async fn dependents_go_with_their_owner(on: Space) {
    let maps = on.core("configmaps");
    let owner = on.create(&on.widgets(), &widget("w", &json!({}))).await;
    let child = on.create(&maps, &owned("child", &[&owner], false)).await;
    on.create(&maps, &owned("grandchild", &[&child], false))
        .await;
    on.create(&maps, &config_map("stranger")).await;
    on.delete(&format!("{}/w", on.widgets())).await.expect(200);
    on.until(&format!("{maps}/child"), 404).await;
    on.until(&format!("{maps}/grandchild"), 404).await;
    on.get(&format!("{maps}/stranger")).await.expect(200);
}

async fn a_foreground_deletion_waits_for_its_dependents(on: Space) {
    let maps = on.core("configmaps");
    let owner = on.create(&on.widgets(), &widget("w", &json!({}))).await;
    let mut child = owned("child", &[&owner], true);
    child["metadata"]["finalizers"] = json!(["example.com/hold"]);
    on.create(&maps, &child).await;
    let at = format!("{}/w", on.widgets());
    let held = on
        .delete_with(&at, &json!({"propagationPolicy": "Foreground"}))
        .await
        .expect(200);
    assert_eq!(
        held["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    wait::until(SOON, "the dependent to be deleted", || async {
        let child = on.get(&format!("{maps}/child")).await.expect(200);
        ensure!(
            child["metadata"]["deletionTimestamp"].is_string(),
            "{child:#}"
        );
        Ok(())
    })
    .await
    .unwrap();
    on.get(&at).await.expect(200);
    let none = json!({"metadata": {"finalizers": []}});
    on.patch(&format!("{maps}/child"), MERGE, &none)
        .await
        .expect(200);
    on.until(&at, 404).await;
}

async fn orphans_stay(on: Space) {
    let maps = on.core("configmaps");
    let owner = on.create(&on.widgets(), &widget("w", &json!({}))).await;
    on.create(&maps, &owned("child", &[&owner], false)).await;
    let at = format!("{}/w", on.widgets());
    // The real server's collector learns of a new kind some time after it is served.
    on.delete_with(&at, &json!({"propagationPolicy": "Orphan"}))
        .await
        .expect(200);
    on.until(&at, 404).await;
    let child = on.get(&format!("{maps}/child")).await.expect(200);
    assert!(
        child["metadata"].get("ownerReferences").is_none(),
        "{child:#}"
    );
}

async fn dependents_of_several_owners_go_last(on: Space) {
    let maps = on.core("configmaps");
    let one = on.create(&maps, &config_map("one")).await;
    let two = on.create(&maps, &config_map("two")).await;
    on.create(&maps, &owned("child", &[&one, &two], false))
        .await;
    on.delete(&format!("{maps}/one")).await.expect(200);
    wait::until(SOON, "the reference to the first owner to go", || async {
        let child = on.get(&format!("{maps}/child")).await.expect(200);
        let owners = child["metadata"]["ownerReferences"]
            .as_array()
            .map(Vec::len);
        ensure!(owners == Some(1), "{child:#}");
        Ok(())
    })
    .await
    .unwrap();
    on.delete(&format!("{maps}/two")).await.expect(200);
    on.until(&format!("{maps}/child"), 404).await;
}

async fn a_dependent_of_nobody_goes(on: Space) {
    let maps = on.core("configmaps");
    let mut gone = config_map("gone");
    gone["metadata"]["uid"] = json!("11111111-2222-3333-4444-555555555555");
    on.create(&maps, &owned("child", &[&gone], false)).await;
    on.until(&format!("{maps}/child"), 404).await;
}

async fn collections_are_deleted_by_selector(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &labelled("a", &json!({"x": "1"}))).await;
    on.create(&maps, &labelled("b", &json!({"x": "1"}))).await;
    on.create(&maps, &labelled("c", &json!({"x": "2"}))).await;
    let deleted = on
        .delete(&format!("{maps}?labelSelector=x%3D1"))
        .await
        .expect(200);
    assert_eq!(deleted["kind"], "ConfigMapList");
    assert_eq!(names(&deleted), ["a", "b"]);
    let left = on.get(&format!("{maps}?labelSelector=x")).await.expect(200);
    assert_eq!(names(&left), ["c"]);
    on.delete(&format!("{maps}?fieldSelector=metadata.name%3Dc"))
        .await
        .expect(200);
    let left = on.get(&format!("{maps}?labelSelector=x")).await.expect(200);
    assert_eq!(names(&left), Vec::<&str>::new());
}

async fn a_namespace_ends_with_everything_in_it(on: Space) {
    let ended = format!("{}-ended", &on.namespace[..20]);
    let at = format!("/api/v1/namespaces/{ended}");
    on.create("/api/v1/namespaces", &json!({"metadata": {"name": ended}}))
        .await;
    let maps = format!("{at}/configmaps");
    on.create(&maps, &config_map("free")).await;
    let mut held = config_map("held");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    on.create(&maps, &held).await;
    let namespace = on.delete(&at).await.expect(200);
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let status = on
        .post(&maps, &config_map("late"))
        .await
        .fails(403, "Forbidden");
    assert_eq!(
        status["details"]["causes"][0]["reason"],
        "NamespaceTerminating"
    );
    // Its conditions say what it waits for.
    wait::until(SOON, "conditions of the namespace", || async {
        let namespace = on.get(&at).await.expect(200);
        let condition = |kind: &str| {
            let conditions = namespace["status"]["conditions"].as_array();
            let mut found = conditions.into_iter().flatten();
            found
                .find(|condition| condition["type"] == kind)
                .cloned()
                .unwrap_or_default()
        };
        let remaining = condition("NamespaceFinalizersRemaining");
        ensure!(remaining["status"] == "True", "{namespace:#}");
        ensure!(remaining["reason"] == "SomeFinalizersRemain", "{remaining}");
        ensure!(
            condition("NamespaceContentRemaining")["status"] == "True",
            "{namespace:#}"
        );
        ensure!(
            condition("NamespaceDeletionContentFailure")["status"] == "False",
            "{namespace:#}"
        );
        Ok(())
    })
    .await
    .unwrap();
    on.until(&format!("{maps}/free"), 404).await;
    let none = json!({"metadata": {"finalizers": []}});
    on.patch(&format!("{maps}/held"), MERGE, &none)
        .await
        .expect(200);
    on.until(&at, 404).await;
}

async fn every_namespace_has_a_default_account(on: Space) {
    let at = format!("{}/default", on.core("serviceaccounts"));
    let first = on.until(&at, 200).await;
    on.delete(&at).await.expect(200);
    wait::until(SOON, "the account to be there again", || async {
        let answer = on.get(&at).await;
        ensure!(answer.code == 200, "{:#}", answer.body);
        ensure!(
            answer.body["metadata"]["uid"] != first["metadata"]["uid"],
            "the old one"
        );
        Ok(())
    })
    .await
    .unwrap();
}
