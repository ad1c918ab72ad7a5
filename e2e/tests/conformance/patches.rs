//! JSON, merge and strategic patches.

use serde_json::json;

use crate::answer::{causes, version};
use crate::objects::{config_map, widget};
use crate::space::{JSON, JSON_PATCH, MERGE, STRATEGIC, Space};

crate::tests![
    json_patches,
    merge_patches,
    strategic_patches_of_built_in_kinds,
    patches_that_cannot_be_applied,
    patches_keep_what_identifies_an_object,
    a_patch_that_changes_nothing_writes_nothing,
];

async fn json_patches(on: Space) {
    let at = format!("{}/w", on.widgets());
    let spec = json!({"size": 1, "limits": {"a/b": "1"}, "tags": ["x", "z"]});
    on.create(&on.widgets(), &widget("w", &spec)).await;
    let patch = json!([
        {"op": "test", "path": "/spec/size", "value": 1},
        {"op": "replace", "path": "/spec/size", "value": 2},
        {"op": "add", "path": "/spec/tags/1", "value": "y"},
        {"op": "add", "path": "/spec/tags/-", "value": "last"},
        {"op": "remove", "path": "/spec/limits/a~1b"},
        {"op": "copy", "from": "/spec/color", "path": "/spec/limits/color"},
        {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
    ]);
    let patched = on.patch(&at, JSON_PATCH, &patch).await.expect(200);
    let expected = json!({
        "color": "red", "replicas": 1, "size": 2, "limits": {"color": "red"},
        "tags": ["x", "y", "z", "last"],
    });
    assert_eq!(patched["spec"], expected);
    assert_eq!(patched["metadata"]["labels"], json!({"a": "b"}));
}

async fn merge_patches(on: Space) {
    let at = format!("{}/w", on.widgets());
    let spec = json!({"size": 1, "limits": {"a": "1", "b": "2"}, "tags": ["x"]});
    on.create(&on.widgets(), &widget("w", &spec)).await;
    let patch =
        json!({"spec": {"color": null, "limits": {"a": null, "c": "3"}, "tags": ["y", "z"]}});
    let patched = on.patch(&at, MERGE, &patch).await.expect(200);
    // What is taken away and has a default gets it again.
    let expected = json!({
        "color": "red", "replicas": 1, "size": 1, "limits": {"b": "2", "c": "3"}, "tags": ["y", "z"],
    });
    assert_eq!(patched["spec"], expected);
}

async fn strategic_patches_of_built_in_kinds(on: Space) {
    let services = on.core("services");
    let body = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {
            "clusterIP": "None", "selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}],
        },
    });
    on.create(&services, &body).await;
    let at = format!("{services}/web");
    let patch = json!({"spec": {
        "ports": [{"port": 80, "targetPort": 8080}, {"port": 81, "$patch": "delete"}, {"name": "new", "port": 82}],
        "selector": {"app": null, "tier": "front"},
    }});
    let patched = on.patch(&at, STRATEGIC, &patch).await.expect(200);
    let mut ports: Vec<_> = patched["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| {
            (
                port["name"].clone(),
                port["port"].clone(),
                port["targetPort"].clone(),
            )
        })
        .collect();
    ports.sort_by_key(|(_, port, _)| port.to_string());
    assert_eq!(
        ports,
        [
            (json!("http"), json!(80), json!(8080)),
            (json!("new"), json!(82), json!(82)),
        ]
    );
    assert_eq!(patched["spec"]["selector"], json!({"tier": "front"}));
    let replace = json!({"spec": {"selector": {"$patch": "replace", "only": "this"}}});
    let patched = on.patch(&at, STRATEGIC, &replace).await.expect(200);
    assert_eq!(patched["spec"]["selector"], json!({"only": "this"}));
    // A custom kind has no merge keys.
    on.create(&on.widgets(), &widget("w", &json!({}))).await;
    on.patch(&format!("{}/w", on.widgets()), STRATEGIC, &json!({}))
        .await
        .fails(415, "UnsupportedMediaType");
}

async fn patches_that_cannot_be_applied(on: Space) {
    let at = format!("{}/w", on.widgets());
    on.create(&on.widgets(), &widget("w", &json!({"size": 1})))
        .await;
    for patch in [
        json!([{"op": "test", "path": "/spec/size", "value": 7}]),
        json!([{"op": "remove", "path": "/nothing"}]),
        json!([{"op": "replace", "path": "/spec/limits/a", "value": "1"}]),
        json!([{"op": "dance", "path": "/spec"}]),
    ] {
        on.patch(&at, JSON_PATCH, &patch)
            .await
            .fails(422, "Invalid");
    }
    on.patch(&at, JSON_PATCH, &json!({}))
        .await
        .fails(400, "BadRequest");
    on.patch(&at, MERGE, &json!([]))
        .await
        .fails(400, "BadRequest");
    on.patch(&at, JSON, &json!({}))
        .await
        .fails(415, "UnsupportedMediaType");
    let status = on
        .patch(&at, MERGE, &json!({"spec": {"replicas": 11}}))
        .await
        .fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [("spec".to_owned(), "FieldValueInvalid".to_owned())]
    );
    let none = format!("{}/none", on.widgets());
    let status = on
        .patch(&none, MERGE, &json!({}))
        .await
        .fails(404, "NotFound");
    assert_eq!(
        status["message"],
        "widgets.conformance.example.com \"none\" not found"
    );
}

async fn patches_keep_what_identifies_an_object(on: Space) {
    let at = format!("{}/w", on.widgets());
    let created = on.create(&on.widgets(), &widget("w", &json!({}))).await;
    let meta = |field: &str, value: &str| json!({"metadata": {field: value}});
    on.patch(&at, MERGE, &meta("name", "x"))
        .await
        .fails(400, "BadRequest");
    on.patch(&at, MERGE, &meta("namespace", "x"))
        .await
        .fails(400, "BadRequest");
    let status = on
        .patch(&at, MERGE, &meta("uid", "x"))
        .await
        .fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [("metadata.uid".to_owned(), "FieldValueInvalid".to_owned())]
    );
    on.patch(&at, MERGE, &meta("resourceVersion", "1"))
        .await
        .fails(409, "Conflict");
    let status = on
        .patch(&at, MERGE, &json!({"kind": "Gadget"}))
        .await
        .fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [("kind".to_owned(), "FieldValueInvalid".to_owned())]
    );
    let status = on
        .patch(&at, MERGE, &json!({"apiVersion": "v2"}))
        .await
        .fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [("apiVersion".to_owned(), "FieldValueInvalid".to_owned())]
    );
    let status = on
        .patch(
            &at,
            MERGE,
            &meta("deletionTimestamp", "2026-01-01T00:00:00Z"),
        )
        .await
        .fails(422, "Invalid");
    let expected = (
        "metadata.deletionTimestamp".to_owned(),
        "FieldValueInvalid".to_owned(),
    );
    assert_eq!(causes(&status), [expected]);
    // The generation is the server's.
    let patched = on
        .patch(&at, MERGE, &json!({"metadata": {"generation": 9}}))
        .await
        .expect(200);
    assert_eq!(patched["metadata"]["generation"], 1);
    assert_eq!(patched["metadata"]["uid"], created["metadata"]["uid"]);
}

async fn a_patch_that_changes_nothing_writes_nothing(on: Space) {
    let maps = on.core("configmaps");
    let created = on.create(&maps, &config_map("a")).await;
    let same = json!({"data": {"a": "1"}});
    for media in [MERGE, STRATEGIC] {
        let patched = on
            .patch(&format!("{maps}/a"), media, &same)
            .await
            .expect(200);
        assert_eq!(version(&patched), version(&created));
    }
    let put = on.put(&format!("{maps}/a"), &created).await.expect(200);
    assert_eq!(version(&put), version(&created));
}
