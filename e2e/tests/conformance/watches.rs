//! Watches: what begins them, what they carry, how they are resumed and when they cannot be.

use serde_json::{Value, json};

use crate::answer::version;
use crate::objects::{config_map, crd, labelled, widget};
use crate::space::{MERGE, Space, TABLE};

crate::tests![
    a_watch_shows_every_change_and_can_be_resumed,
    a_watch_without_a_revision_begins_with_what_is_there,
    initial_events_end_with_a_bookmark,
    initial_events_can_be_left_out,
    an_old_revision_is_expired,
    an_object_that_leaves_a_selection_is_deleted_for_its_watchers,
    a_timeout_ends_a_watch_with_a_bookmark,
    one_object_is_watched_by_its_name,
    a_watch_in_tables_and_in_metadata,
];

async fn a_watch_shows_every_change_and_can_be_resumed(on: Space) {
    let maps = on.core("configmaps");
    let list = on.get(&maps).await.expect(200);
    let mut watch = on
        .watch(&format!("{maps}?resourceVersion={}", version(&list)))
        .await;
    let created = on.create(&maps, &config_map("a")).await;
    let patch = json!({"data": {"a": "2"}});
    let patched = on
        .patch(&format!("{maps}/a"), MERGE, &patch)
        .await
        .expect(200);
    on.delete(&format!("{maps}/a")).await.expect(200);
    let (added, modified, deleted) = (
        watch.event().await,
        watch.event().await,
        watch.event().await,
    );
    assert_eq!((added.kind.as_str(), &added.object), ("ADDED", &created));
    assert_eq!(
        (modified.kind.as_str(), &modified.object),
        ("MODIFIED", &patched)
    );
    assert_eq!(deleted.short(), "DELETED a");
    // The last state, at the revision of its deletion.
    assert_eq!(deleted.object["data"], json!({"a": "2"}));
    assert_ne!(version(&deleted.object), version(&patched));
    let mut resumed = on
        .watch(&format!("{maps}?resourceVersion={}", version(&created)))
        .await;
    assert_eq!(resumed.events(2).await, ["MODIFIED a", "DELETED a"]);
    on.create(&maps, &config_map("b")).await;
    assert_eq!(resumed.events(1).await, ["ADDED b"]);
    assert_eq!(watch.events(1).await, ["ADDED b"]);
}

async fn a_watch_without_a_revision_begins_with_what_is_there(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &config_map("a")).await;
    on.create(&maps, &config_map("b")).await;
    for query in ["", "?resourceVersion=0", "?resourceVersion="] {
        let mut watch = on.watch(&format!("{maps}{query}")).await;
        assert_eq!(watch.events(2).await, ["ADDED a", "ADDED b"], "{query}");
    }
}

async fn initial_events_end_with_a_bookmark(on: Space) {
    let widgets = on.widgets();
    on.create(&widgets, &widget("a", &json!({}))).await;
    let b = on.create(&widgets, &widget("b", &json!({}))).await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    for from in [
        "",
        "&resourceVersion=0",
        &format!("&resourceVersion={}", version(&b)),
    ] {
        let mut watch = on.watch(&format!("{widgets}?{query}{from}")).await;
        assert_eq!(watch.events(2).await, ["ADDED a", "ADDED b"]);
        let end = watch.event().await;
        assert_eq!(end.kind, "BOOKMARK");
        assert_eq!(end.object["kind"], "Widget");
        assert_eq!(end.object["apiVersion"], "conformance.example.com/v1");
        let annotations = &end.object["metadata"]["annotations"];
        assert_eq!(annotations, &json!({"k8s.io/initial-events-end": "true"}));
        assert!(version(&end.object).parse::<u64>().unwrap() >= version(&b).parse().unwrap());
        // From there on: changes.
        let mut resumed = on
            .watch(&format!(
                "{widgets}?resourceVersion={}",
                version(&end.object)
            ))
            .await;
        on.patch(
            &format!("{widgets}/a"),
            MERGE,
            &json!({"spec": {"size": from.len()}}),
        )
        .await
        .expect(200);
        assert_eq!(resumed.events(1).await, ["MODIFIED a"]);
        assert_eq!(watch.events(1).await, ["MODIFIED a"]);
    }
}

async fn initial_events_can_be_left_out(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &config_map("a")).await;
    let query = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
    let mut watch = on.watch(&format!("{maps}?{query}")).await;
    on.create(&maps, &config_map("b")).await;
    assert_eq!(watch.events(1).await, ["ADDED b"]);
}

async fn an_old_revision_is_expired(on: Space) {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    on.crd(&crd("latecomers", "Latecomer", &schema)).await;
    // Older than the resource itself.
    let path = "/apis/conformance.example.com/v1/latecomers";
    let mut watch = on.watch(&format!("{path}?resourceVersion=1")).await;
    let error = watch.event().await;
    assert_eq!(error.kind, "ERROR");
    assert_eq!(error.object["kind"], "Status");
    assert_eq!(error.object["code"], 410);
    assert_eq!(error.object["reason"], "Expired");
    let message = error.object["message"].as_str().unwrap();
    assert!(
        message.starts_with("too old resource version: 1 ("),
        "{message}"
    );
    assert!(watch.next().await.is_none());
    // What a client does then.
    let list = on.get(path).await.expect(200);
    let mut watch = on
        .watch(&format!("{path}?resourceVersion={}", version(&list)))
        .await;
    let body = json!({
        "apiVersion": "conformance.example.com/v1", "kind": "Latecomer", "metadata": {"name": "a"},
    });
    let plural = format!(
        "/apis/conformance.example.com/v1/namespaces/{}/latecomers",
        on.namespace
    );
    on.create(&plural, &body).await;
    assert_eq!(watch.events(1).await, ["ADDED a"]);
}

async fn an_object_that_leaves_a_selection_is_deleted_for_its_watchers(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &labelled("a", &json!({"app": "x"}))).await;
    on.create(&maps, &labelled("b", &json!({"app": "y"}))).await;
    let mut watch = on.watch(&format!("{maps}?labelSelector=app%3Dx")).await;
    assert_eq!(watch.events(1).await, ["ADDED a"]);
    let label = |value: &str| json!({"metadata": {"labels": {"app": value}}});
    let moved = on
        .patch(&format!("{maps}/a"), MERGE, &label("y"))
        .await
        .expect(200);
    on.patch(&format!("{maps}/b"), MERGE, &label("x"))
        .await
        .expect(200);
    let left = watch.event().await;
    assert_eq!(left.short(), "DELETED a");
    // The state that was selected, at the revision at which it left.
    assert_eq!(left.object["metadata"]["labels"], json!({"app": "x"}));
    assert_eq!(version(&left.object), version(&moved));
    assert_eq!(watch.events(1).await, ["ADDED b"]);

    let widgets = on.widgets();
    on.create(&widgets, &widget("w", &json!({"color": "blue"})))
        .await;
    let mut watch = on
        .watch(&format!("{widgets}?fieldSelector=spec.color%3Dblue"))
        .await;
    assert_eq!(watch.events(1).await, ["ADDED w"]);
    on.patch(
        &format!("{widgets}/w"),
        MERGE,
        &json!({"spec": {"color": "green"}}),
    )
    .await
    .expect(200);
    assert_eq!(watch.events(1).await, ["DELETED w"]);
}

async fn a_timeout_ends_a_watch_with_a_bookmark(on: Space) {
    let maps = on.core("configmaps");
    let created = on.create(&maps, &config_map("a")).await;
    let from = version(&created);
    let query = format!("resourceVersion={from}&allowWatchBookmarks=true&timeoutSeconds=5");
    let mut watch = on.watch(&format!("{maps}?{query}")).await;
    let mut bookmarks = Vec::new();
    while let Some(event) = watch.next().await {
        assert_eq!(event.kind, "BOOKMARK", "{event:?}");
        bookmarks.push(event.object);
    }
    let last = bookmarks.last().expect("a bookmark before the end");
    assert_eq!(last["kind"], "ConfigMap");
    assert!(version(last).parse::<u64>().unwrap() >= from.parse().unwrap());
}

async fn one_object_is_watched_by_its_name(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &config_map("a")).await;
    on.create(&maps, &config_map("b")).await;
    let mut watch = on
        .watch(&format!("{maps}?fieldSelector=metadata.name%3Db"))
        .await;
    assert_eq!(watch.events(1).await, ["ADDED b"]);
    // Its own path only gets it.
    let b = on.get(&format!("{maps}/b?watch=true")).await.expect(200);
    assert_eq!(b["kind"], "ConfigMap");
    on.delete(&format!("{maps}/a")).await.expect(200);
    on.delete(&format!("{maps}/b")).await.expect(200);
    assert_eq!(watch.events(1).await, ["DELETED b"]);
}

async fn a_watch_in_tables_and_in_metadata(on: Space) {
    let widgets = on.widgets();
    on.create(&widgets, &widget("a", &json!({"color": "blue"})))
        .await;
    let mut watch = on.watch_as(&widgets, TABLE).await;
    let first = watch.event().await;
    assert_eq!(
        (first.kind.as_str(), &first.object["kind"]),
        ("ADDED", &json!("Table"))
    );
    let cells = &first.object["rows"][0]["cells"];
    assert_eq!((&cells[0], &cells[1]), (&json!("a"), &json!("blue")));
    on.create(&widgets, &widget("b", &json!({}))).await;
    let second = watch.event().await;
    // The columns come once.
    assert_eq!(second.object["columnDefinitions"], Value::Null);
    let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let mut watch = on.watch_as(&widgets, metadata).await;
    let first = watch.event().await;
    assert_eq!(first.object["kind"], "PartialObjectMetadata");
    assert_eq!(first.name(), "a");
    assert!(first.object.get("spec").is_none());
}
