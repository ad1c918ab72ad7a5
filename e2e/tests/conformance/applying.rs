//! Server-side apply: ownership, conflicts, what goes with its owner.

use serde_json::{Value, json};

use crate::answer::version;
use crate::objects::{config_map, widget};
use crate::space::{APPLY, MERGE, Space};

crate::tests![
    an_apply_creates_and_is_repeated_without_a_change,
    a_field_of_another_manager_is_a_conflict,
    equal_values_are_owned_together,
    what_an_applier_leaves_out_goes,
    items_of_lists_belong_to_their_appliers,
    an_update_takes_ownership,
    an_apply_needs_a_manager_and_a_kind,
    the_status_is_owned_apart,
    an_object_that_is_gone_is_not_created_anew,
];

/// `(manager, operation, subresource, fields)` of each owner, sorted.
fn owners(object: &Value) -> Vec<(String, String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = object["metadata"]["managedFields"].as_array();
    let mut found: Vec<_> = entries
        .into_iter()
        .flatten()
        .map(|entry| {
            assert_eq!(entry["fieldsType"], "FieldsV1", "{entry}");
            let of = |field| text(&entry[field]);
            (
                of("manager"),
                of("operation"),
                of("subresource"),
                entry["fieldsV1"].clone(),
            )
        })
        .collect();
    found.sort_by_key(|(manager, operation, part, _)| {
        (manager.clone(), operation.clone(), part.clone())
    });
    found
}

fn owner(
    manager: &str,
    operation: &str,
    subresource: &str,
    fields: Value,
) -> (String, String, String, Value) {
    (manager.into(), operation.into(), subresource.into(), fields)
}

async fn an_apply_creates_and_is_repeated_without_a_change(on: Space) {
    let at = format!("{}/w", on.widgets());
    let body = widget("w", &json!({"color": "blue", "limits": {"a": "1"}}));
    let created = on.apply(&at, "one", &body).await.expect(201);
    assert_eq!(
        created["spec"],
        json!({"color": "blue", "replicas": 1, "limits": {"a": "1"}})
    );
    let fields = json!({"f:spec": {"f:color": {}, "f:limits": {"f:a": {}}}});
    assert_eq!(owners(&created), [owner("one", "Apply", "", fields)]);
    let again = on.apply(&at, "one", &body).await.expect(200);
    assert_eq!(again, created);
}

async fn a_field_of_another_manager_is_a_conflict(on: Space) {
    let at = format!("{}/w", on.widgets());
    on.apply(&at, "one", &widget("w", &json!({"size": 1})))
        .await
        .expect(201);
    let two = widget("w", &json!({"size": 2}));
    let status = on.apply(&at, "two", &two).await.fails(409, "Conflict");
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["reason"], "FieldManagerConflict");
    assert_eq!(cause["field"], ".spec.size");
    assert_eq!(cause["message"], "conflict with \"one\"");
    let message = status["message"].as_str().unwrap();
    assert_eq!(
        message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.size"
    );
    // A dry run conflicts too.
    on.patch(&format!("{at}?fieldManager=two&dryRun=All"), APPLY, &two)
        .await
        .fails(409, "Conflict");
    let forced = on
        .patch(&format!("{at}?fieldManager=two&force=true"), APPLY, &two)
        .await
        .expect(200);
    assert_eq!(forced["spec"]["size"], 2);
    let fields = json!({"f:spec": {"f:size": {}}});
    assert_eq!(owners(&forced), [owner("two", "Apply", "", fields)]);
}

async fn equal_values_are_owned_together(on: Space) {
    let maps = on.core("configmaps");
    let at = format!("{maps}/a");
    on.apply(&at, "one", &config_map("a")).await.expect(201);
    let both = on.apply(&at, "two", &config_map("a")).await.expect(200);
    let fields = json!({"f:data": {"f:a": {}}});
    let expected = [
        owner("one", "Apply", "", fields.clone()),
        owner("two", "Apply", "", fields),
    ];
    assert_eq!(owners(&both), expected);
    let none = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    let held = on.apply(&at, "one", &none).await.expect(200);
    assert_eq!(held["data"], json!({"a": "1"}));
    let gone = on.apply(&at, "two", &none).await.expect(200);
    assert!(gone.get("data").is_none(), "{gone:#}");
}

async fn what_an_applier_leaves_out_goes(on: Space) {
    let at = format!("{}/w", on.widgets());
    let first = json!({"color": "blue", "size": 3, "limits": {"a": "1", "b": "2"}});
    on.apply(&at, "one", &widget("w", &first)).await.expect(201);
    on.patch(&at, MERGE, &json!({"spec": {"limits": {"c": "3"}}}))
        .await
        .expect(200);
    let second = json!({"size": 3, "limits": {"b": "2"}});
    let applied = on
        .apply(&at, "one", &widget("w", &second))
        .await
        .expect(200);
    // The default comes back, what others set stays.
    let expected =
        json!({"color": "red", "replicas": 1, "size": 3, "limits": {"b": "2", "c": "3"}});
    assert_eq!(applied["spec"], expected);
}

async fn items_of_lists_belong_to_their_appliers(on: Space) {
    let at = format!("{}/w", on.widgets());
    let one = json!({"parts": [{"name": "a", "value": "1"}], "tags": ["x"], "fixed": {"a": "1"}});
    on.apply(&at, "one", &widget("w", &one)).await.expect(201);
    let two = json!({"parts": [{"name": "b", "value": "2"}], "tags": ["y", "x"]});
    let both = on.apply(&at, "two", &widget("w", &two)).await.expect(200);
    let parts = json!([
        {"name": "a", "value": "1", "port": 80}, {"name": "b", "value": "2", "port": 80},
    ]);
    assert_eq!(both["spec"]["parts"], parts);
    let mut tags: Vec<_> = both["spec"]["tags"].as_array().unwrap().clone();
    tags.sort_by_key(Value::to_string);
    assert_eq!(tags, ["x", "y"]);
    // An atomic map is one value.
    let three = json!({"fixed": {"b": "2"}});
    let status = on
        .apply(&at, "three", &widget("w", &three))
        .await
        .fails(409, "Conflict");
    assert_eq!(status["details"]["causes"][0]["field"], ".spec.fixed");
    let less = on
        .apply(&at, "one", &widget("w", &json!({})))
        .await
        .expect(200);
    assert_eq!(
        less["spec"]["parts"],
        json!([{"name": "b", "value": "2", "port": 80}])
    );
    assert!(less["spec"].get("fixed").is_none());
}

async fn an_update_takes_ownership(on: Space) {
    let at = format!("{}/w", on.widgets());
    on.apply(
        &at,
        "one",
        &widget("w", &json!({"size": 1, "limits": {"a": "1"}})),
    )
    .await
    .expect(201);
    let patched = on
        .patch(
            &format!("{at}?fieldManager=two"),
            MERGE,
            &json!({"spec": {"size": 2}}),
        )
        .await
        .expect(200);
    let expected = [
        owner(
            "one",
            "Apply",
            "",
            json!({"f:spec": {"f:limits": {"f:a": {}}}}),
        ),
        owner("two", "Update", "", json!({"f:spec": {"f:size": {}}})),
    ];
    assert_eq!(owners(&patched), expected);
    let status = on
        .apply(&at, "one", &widget("w", &json!({"size": 1})))
        .await
        .fails(409, "Conflict");
    let message = status["details"]["causes"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("conflict with \"two\" using conformance.example.com/v1"),
        "{message}"
    );
    // Without a fieldManager the first word of the user agent owns.
    let patched = on
        .patch(&at, MERGE, &json!({"spec": {"size": 3}}))
        .await
        .expect(200);
    let managers: Vec<_> = owners(&patched)
        .into_iter()
        .map(|(manager, ..)| manager)
        .collect();
    assert_eq!(managers, ["conformance", "one"]);
}

async fn an_apply_needs_a_manager_and_a_kind(on: Space) {
    let at = format!("{}/w", on.widgets());
    let body = widget("w", &json!({}));
    let status = on.patch(&at, APPLY, &body).await.fails(422, "Invalid");
    assert_eq!(status["details"]["causes"][0]["field"], "fieldManager");
    on.apply(&at, "one", &json!({"spec": {}}))
        .await
        .fails(400, "BadRequest");
    let mut owned = body.clone();
    owned["metadata"]["managedFields"] = json!([]);
    on.apply(&at, "one", &owned).await.fails(400, "BadRequest");
    let mut other = body;
    other["metadata"]["name"] = json!("x");
    on.apply(&at, "one", &other).await.fails(400, "BadRequest");
    on.get(&at).await.fails(404, "NotFound");
}

async fn the_status_is_owned_apart(on: Space) {
    let at = format!("{}/w", on.widgets());
    on.apply(&at, "one", &widget("w", &json!({"size": 1})))
        .await
        .expect(201);
    let status = json!({
        "apiVersion": "conformance.example.com/v1", "kind": "Widget", "status": {"phase": "Up"},
    });
    let applied = on
        .apply(&format!("{at}/status"), "one", &status)
        .await
        .expect(200);
    assert_eq!(applied["status"], json!({"phase": "Up"}));
    let expected = [
        owner("one", "Apply", "", json!({"f:spec": {"f:size": {}}})),
        owner(
            "one",
            "Apply",
            "status",
            json!({"f:status": {"f:phase": {}}}),
        ),
    ];
    assert_eq!(owners(&applied), expected);
    // A status in an apply of the object itself is not looked at.
    let mut whole = widget("w", &json!({"size": 1}));
    whole["status"] = json!({"phase": "Down"});
    let applied = on.apply(&at, "one", &whole).await.expect(200);
    assert_eq!(applied["status"], json!({"phase": "Up"}));
}

async fn an_object_that_is_gone_is_not_created_anew(on: Space) {
    let at = format!("{}/w", on.widgets());
    let mut body = widget("w", &json!({}));
    body["metadata"]["uid"] = json!("11111111-2222-3333-4444-555555555555");
    on.apply(&at, "one", &body).await.fails(409, "Conflict");
    body["metadata"]["uid"] = Value::Null;
    let created = on.apply(&at, "one", &body).await.expect(201);
    let mut stale = widget("w", &json!({"size": 1}));
    stale["metadata"]["resourceVersion"] = json!("1");
    on.apply(&at, "one", &stale).await.fails(409, "Conflict");
    stale["metadata"]["resourceVersion"] = json!(version(&created));
    on.apply(&at, "one", &stale).await.expect(200);
    on.apply(
        &format!("{}/none/status", on.widgets()),
        "one",
        &json!({
            "apiVersion": "conformance.example.com/v1", "kind": "Widget", "status": {},
        }),
    )
    .await
    .fails(404, "NotFound");
}
