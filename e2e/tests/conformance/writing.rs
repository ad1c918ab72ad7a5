//! Creating and replacing: names, conflicts, dry runs, unknown fields, subresources.

use http::Method;
use serde_json::json;

use crate::answer::{causes, names, version};
use crate::objects::{config_map, widget};
use crate::space::{APPLY, JSON, MERGE, Space, TABLE};

crate::tests![
    names_are_checked_and_generated,
    an_object_exists_once,
    an_update_needs_the_newest_revision,
    a_dry_run_changes_nothing,
    field_validation,
    bodies_that_are_none,
    the_status_subresource,
    the_scale_subresource,
    errors_of_namespaces,
];

async fn names_are_checked_and_generated(on: Space) {
    let maps = on.core("configmaps");
    let status = on
        .post(&maps, &config_map("Bad_Name"))
        .await
        .fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [("metadata.name".to_owned(), "FieldValueInvalid".to_owned())]
    );
    let status = on
        .post(&maps, &json!({"metadata": {}}))
        .await
        .fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [("metadata.name".to_owned(), "FieldValueRequired".to_owned())]
    );
    let body = json!({"metadata": {"generateName": "some-"}});
    let created = on.create(&maps, &body).await;
    let name = created["metadata"]["name"].as_str().unwrap();
    assert!(
        name.starts_with("some-") && name.len() == "some-".len() + 5,
        "{name}"
    );
    assert_eq!(created["metadata"]["generateName"], "some-");
    let mut other = config_map("a");
    other["metadata"]["namespace"] = json!("other");
    on.post(&maps, &other).await.fails(400, "BadRequest");
    for (field, value) in [
        ("labels", json!({"-a": "b"})),
        ("labels", json!({"a": "b c"})),
        ("annotations", json!({"a b": ""})),
    ] {
        let mut body = config_map("a");
        body["metadata"][field] = value;
        let status = on.post(&maps, &body).await.fails(422, "Invalid");
        assert_eq!(
            causes(&status),
            [(format!("metadata.{field}"), "FieldValueInvalid".to_owned())]
        );
    }
}

async fn an_object_exists_once(on: Space) {
    let created = on.create(&on.widgets(), &widget("w", &json!({}))).await;
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        assert!(created["metadata"][field].is_string(), "{field}");
    }
    assert_eq!(created["metadata"]["namespace"], on.namespace.as_str());
    let status = on
        .post(&on.widgets(), &widget("w", &json!({})))
        .await
        .fails(409, "AlreadyExists");
    assert_eq!(
        status["message"],
        "widgets.conformance.example.com \"w\" already exists"
    );
    let details = json!({"name": "w", "group": "conformance.example.com", "kind": "widgets"});
    assert_eq!(status["details"], details);
}

async fn an_update_needs_the_newest_revision(on: Space) {
    let at = format!("{}/w", on.widgets());
    let mut first = on.create(&on.widgets(), &widget("w", &json!({}))).await;
    first["spec"]["size"] = json!(1);
    let second = on.put(&at, &first).await.expect(200);
    assert_ne!(version(&second), version(&first));
    let status = on.put(&at, &first).await.fails(409, "Conflict");
    let message = "Operation cannot be fulfilled on widgets.conformance.example.com \"w\": the object has been \
                   modified; please apply your changes to the latest version and try again";
    assert_eq!(status["message"], message);
    let bare = widget("w", &json!({}));
    let status = on.put(&at, &bare).await.fails(422, "Invalid");
    let expected = (
        "metadata.resourceVersion".to_owned(),
        "FieldValueInvalid".to_owned(),
    );
    assert_eq!(causes(&status), [expected]);
    // A built-in kind is replaced without one.
    on.create(&on.core("configmaps"), &config_map("a")).await;
    let map = format!("{}/a", on.core("configmaps"));
    on.put(&map, &config_map("a")).await.expect(200);
    on.put(&map, &config_map("b"))
        .await
        .fails(400, "BadRequest");
    on.put(
        &format!("{}/none", on.core("configmaps")),
        &config_map("none"),
    )
    .await
    .fails(404, "NotFound");
    let mut other = on.get(&map).await.expect(200);
    other["metadata"]["uid"] = json!("other");
    on.put(&map, &other).await.fails(409, "Conflict");
}

async fn a_dry_run_changes_nothing(on: Space) {
    let widgets = on.widgets();
    let dry = |path: &str| format!("{path}?dryRun=All");
    let created = on.create(&dry(&widgets), &widget("w", &json!({}))).await;
    assert_eq!(created["spec"], json!({"color": "red", "replicas": 1}));
    assert!(created["metadata"]["uid"].is_string());
    assert!(
        created["metadata"].get("resourceVersion").is_none(),
        "{created:#}"
    );
    let at = format!("{widgets}/w");
    on.get(&at).await.fails(404, "NotFound");
    on.post(&dry(&widgets), &widget("w", &json!({"color": "pink"})))
        .await
        .fails(422, "Invalid");
    let stored = on.create(&widgets, &widget("w", &json!({}))).await;
    on.post(&dry(&widgets), &widget("w", &json!({})))
        .await
        .fails(409, "AlreadyExists");
    let patched = on
        .patch(&dry(&at), MERGE, &json!({"spec": {"size": 5}}))
        .await
        .expect(200);
    assert_eq!(
        (&patched["spec"]["size"], version(&patched)),
        (&json!(5), version(&stored))
    );
    let mut changed = stored.clone();
    changed["spec"]["size"] = json!(6);
    on.put(&dry(&at), &changed).await.expect(200);
    let body = widget("w", &json!({"limits": {"a": "b"}}));
    on.patch(&format!("{at}?dryRun=All&fieldManager=x"), APPLY, &body)
        .await
        .expect(200);
    on.delete(&dry(&at)).await.expect(200);
    on.delete(&dry(&widgets)).await.expect(200);
    assert_eq!(on.get(&at).await.expect(200), stored);
}

async fn field_validation(on: Space) {
    let unknown = widget(
        "w",
        &json!({"bogus": 1, "parts": [{"name": "a", "more": 1}]}),
    );
    let strict = format!("{}?fieldValidation=Strict", on.widgets());
    let status = on.post(&strict, &unknown).await.fails(400, "BadRequest");
    let message = status["message"].as_str().unwrap();
    let expected =
        "strict decoding error: unknown field \"spec.bogus\", unknown field \"spec.parts[0].more\"";
    assert!(message.ends_with(expected), "{message}");
    for (query, warned) in [
        ("", true),
        ("&fieldValidation=Warn", true),
        ("&fieldValidation=Ignore", false),
    ] {
        let path = format!("{}?dryRun=All{query}", on.widgets());
        let answer = on.post(&path, &unknown).await;
        let expected = if warned {
            vec![
                "299 - \"unknown field \\\"spec.bogus\\\"\"",
                "299 - \"unknown field \\\"spec.parts[0].more\\\"\"",
            ]
        } else {
            vec![]
        };
        assert_eq!(answer.warnings(), expected, "{query}");
        answer.expect(201);
    }
    let twice = r#"{"apiVersion": "conformance.example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"size": 1, "size": 2}}"#;
    let answer = on
        .send(Space::request(Method::POST, &strict, JSON, twice))
        .await;
    let status = answer.fails(400, "BadRequest");
    let message = status["message"].as_str().unwrap();
    assert!(
        message.ends_with("strict decoding error: duplicate field \"spec.size\""),
        "{message}"
    );
    on.create(&on.widgets(), &widget("w", &json!({}))).await;
    let at = format!("{}/w?fieldValidation=Strict", on.widgets());
    let patch = json!({"spec": {"bogus": 1}});
    let status = on.patch(&at, MERGE, &patch).await.fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [("patch".to_owned(), "FieldValueInvalid".to_owned())]
    );
    // Built-in kinds too.
    let mut map = config_map("a");
    map["bogus"] = json!(1);
    map["metadata"]["bogus"] = json!(1);
    let strict = format!("{}?fieldValidation=Strict", on.core("configmaps"));
    on.post(&strict, &map).await.fails(400, "BadRequest");
    let answer = on.post(&on.core("configmaps"), &map).await;
    assert_eq!(answer.warnings().len(), 2, "{:?}", answer.warnings());
    answer.expect(201);
}

async fn bodies_that_are_none(on: Space) {
    let maps = on.core("configmaps");
    for body in ["{", "[]", "\"x\"", "", "nothing: [yaml"] {
        let answer = on
            .send(Space::request(Method::POST, &maps, JSON, body))
            .await;
        answer.fails(400, "BadRequest");
    }
    let answer = on
        .send(Space::request(Method::POST, &maps, "text/plain", "x"))
        .await;
    answer.fails(415, "UnsupportedMediaType");
    let mut wrong = config_map("a");
    wrong["data"]["a"] = json!(1);
    on.post(&maps, &wrong).await.fails(400, "BadRequest");
    wrong["data"] = json!({"a": "1"});
    wrong["kind"] = json!("Secret");
    on.post(&maps, &wrong).await.fails(400, "BadRequest");
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-yaml\n";
    let answer = on
        .send(Space::request(
            Method::POST,
            &maps,
            "application/yaml",
            yaml,
        ))
        .await;
    answer.expect(201);
    let list = on.get(&maps).await.expect(200);
    assert!(names(&list).contains(&"from-yaml"));
}

async fn the_status_subresource(on: Space) {
    let at = format!("{}/w", on.widgets());
    let mut body = widget("w", &json!({}));
    body["status"] = json!({"phase": "Up"});
    let created = on.create(&on.widgets(), &body).await;
    assert!(created.get("status").is_none(), "{created:#}");
    let mut next = created.clone();
    next["status"] = json!({"phase": "Up"});
    next["spec"]["size"] = json!(7);
    next["metadata"]["labels"] = json!({"a": "b"});
    let stored = on.put(&format!("{at}/status"), &next).await.expect(200);
    assert_eq!(stored["status"], json!({"phase": "Up"}));
    assert_eq!(stored["spec"], created["spec"]);
    assert!(stored["metadata"].get("labels").is_none());
    let patched = on
        .patch(
            &at,
            MERGE,
            &json!({"status": {"phase": "Down"}, "spec": {"size": 2}}),
        )
        .await
        .expect(200);
    assert_eq!(
        (&patched["status"]["phase"], &patched["spec"]["size"]),
        (&json!("Up"), &json!(2))
    );
    let got = on.get(&format!("{at}/status")).await.expect(200);
    assert_eq!(got, patched);
    on.put(&format!("{at}/status"), &next)
        .await
        .fails(409, "Conflict");
    on.patch(&format!("{}/none/status", on.widgets()), MERGE, &json!({}))
        .await
        .fails(404, "NotFound");
    on.get(&format!("{}/x/status", on.core("configmaps")))
        .await
        .fails(404, "NotFound");
    on.delete(&format!("{at}/status"))
        .await
        .fails(405, "MethodNotAllowed");
}

async fn the_scale_subresource(on: Space) {
    let at = format!("{}/w", on.widgets());
    on.create(&on.widgets(), &widget("w", &json!({"replicas": 2})))
        .await;
    let status = json!({"status": {"replicas": 1, "selector": "app=w"}});
    on.patch(&format!("{at}/status"), MERGE, &status)
        .await
        .expect(200);
    let scale_at = format!("{at}/scale");
    let mut scale = on.get(&scale_at).await.expect(200);
    assert_eq!(
        (&scale["kind"], &scale["apiVersion"]),
        (&json!("Scale"), &json!("autoscaling/v1"))
    );
    assert_eq!(scale["spec"], json!({"replicas": 2}));
    assert_eq!(scale["status"], json!({"replicas": 1, "selector": "app=w"}));
    scale["spec"]["replicas"] = json!(4);
    let put = on.put(&scale_at, &scale).await.expect(200);
    assert_eq!(put["spec"]["replicas"], 4);
    on.put(&scale_at, &scale).await.fails(409, "Conflict");
    let patched = on
        .patch(&scale_at, MERGE, &json!({"spec": {"replicas": 5}}))
        .await
        .expect(200);
    assert_eq!(patched["spec"]["replicas"], 5);
    let stored = on.get(&at).await.expect(200);
    assert_eq!(stored["spec"]["replicas"], 5);
    let managers = stored["metadata"]["managedFields"].as_array().unwrap();
    assert!(
        managers.iter().any(|entry| entry["subresource"] == "scale"),
        "{managers:#?}"
    );
    let status = on
        .patch(&scale_at, MERGE, &json!({"spec": {"replicas": -1}}))
        .await
        .fails(422, "Invalid");
    let cause = (".spec.replicas".to_owned(), "FieldValueInvalid".to_owned());
    assert!(causes(&status).contains(&cause), "{status:#}");
    // The rules of the object hold for its scale.
    on.patch(&scale_at, MERGE, &json!({"spec": {"replicas": 11}}))
        .await
        .fails(422, "Invalid");
    on.get(&format!("{}/none/scale", on.widgets()))
        .await
        .fails(404, "NotFound");
    let table = on.get_as(&at, TABLE).await.expect(200);
    assert_eq!(table["rows"][0]["cells"][2], 5);
}

async fn errors_of_namespaces(on: Space) {
    let missing = "/api/v1/namespaces/missing/configmaps";
    let list = on.get(missing).await.expect(200);
    assert_eq!(names(&list), Vec::<&str>::new());
    let status = on
        .post(missing, &config_map("a"))
        .await
        .fails(404, "NotFound");
    assert_eq!(
        status["details"],
        json!({"name": "missing", "kind": "namespaces"})
    );
    let body = json!({"metadata": {"name": on.namespace}});
    on.post("/api/v1/namespaces", &body)
        .await
        .fails(409, "AlreadyExists");
    let namespace = on
        .get(&format!("/api/v1/namespaces/{}", on.namespace))
        .await
        .expect(200);
    assert_eq!(
        namespace["metadata"]["labels"]["kubernetes.io/metadata.name"],
        on.namespace.as_str()
    );
    assert_eq!(namespace["status"], json!({"phase": "Active"}));
    assert_eq!(namespace["spec"], json!({"finalizers": ["kubernetes"]}));
}
