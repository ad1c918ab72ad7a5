//! Reading: selectors, pages, tables, and other forms of an answer.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::answer::{names, version};
use crate::objects::{config_map, labelled, widget};
use crate::space::{Space, TABLE};

crate::tests![
    label_selectors,
    field_selectors,
    pages_show_one_moment,
    lists_at_a_revision,
    tables_have_the_columns_of_the_crd,
    tables_of_built_in_kinds,
    metadata_only,
    what_cannot_be_answered_with,
    paths_that_lead_nowhere,
];

/// As a query holds it.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(out, "%{byte:02X}");
    }
    out
}

async fn label_selectors(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &labelled("a", &json!({"app": "x", "tier": "1"})))
        .await;
    on.create(&maps, &labelled("b", &json!({"app": "y"}))).await;
    on.create(&maps, &config_map("c")).await;
    for (selector, expected) in [
        ("app=x", vec!["a"]),
        ("app==x", vec!["a"]),
        ("app!=x", vec!["b", "c"]),
        ("app", vec!["a", "b"]),
        ("!app", vec!["c"]),
        ("app in (x, y),tier", vec!["a"]),
        ("app in (x,z)", vec!["a"]),
        ("app notin (x)", vec!["b", "c"]),
        ("tier>0", vec!["a"]),
        ("tier<1", vec![]),
        ("", vec!["a", "b", "c"]),
    ] {
        let encoded = encoded(selector);
        let list = on
            .get(&format!("{maps}?labelSelector={encoded}"))
            .await
            .expect(200);
        assert_eq!(names(&list), expected, "{selector}");
    }
    for wrong in ["-a", "a===b", "a in", "a in (b", "a b"] {
        let encoded = encoded(wrong);
        on.get(&format!("{maps}?labelSelector={encoded}"))
            .await
            .fails(400, "BadRequest");
    }
}

async fn field_selectors(on: Space) {
    let widgets = on.widgets();
    for (name, color) in [("a", "red"), ("b", "blue"), ("c", "blue")] {
        on.create(&widgets, &widget(name, &json!({"color": color})))
            .await;
    }
    let namespace = format!("metadata.namespace%3D{}", on.namespace);
    for (selector, expected) in [
        ("spec.color%3Dblue", vec!["b", "c"]),
        ("spec.color!%3Dblue", vec!["a"]),
        ("spec.color%3Dblue,metadata.name%3Dc", vec!["c"]),
        ("metadata.name%3Da", vec!["a"]),
        (namespace.as_str(), vec!["a", "b", "c"]),
    ] {
        let list = on
            .get(&format!("{widgets}?fieldSelector={selector}"))
            .await
            .expect(200);
        assert_eq!(names(&list), expected, "{selector}");
    }
    for wrong in ["spec.size%3D1", "spec.color%3Ein", "nonsense"] {
        on.get(&format!("{widgets}?fieldSelector={wrong}"))
            .await
            .fails(400, "BadRequest");
    }
    let secrets = on.core("secrets");
    let body = json!({"metadata": {"name": "s"}, "type": "example.com/x"});
    on.create(&secrets, &body).await;
    let list = on
        .get(&format!("{secrets}?fieldSelector=type%3Dexample.com/x"))
        .await
        .expect(200);
    assert_eq!(names(&list), ["s"]);
}

async fn pages_show_one_moment(on: Space) {
    let maps = on.core("configmaps");
    for name in ["a", "b", "c", "d", "e"] {
        on.create(&maps, &config_map(name)).await;
    }
    let first = on.get(&format!("{maps}?limit=2")).await.expect(200);
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    // What happens meanwhile is not in the following pages.
    on.create(&maps, &config_map("bb")).await;
    on.delete(&format!("{maps}/c")).await.expect(200);
    let mut found = Vec::new();
    let mut next = first["metadata"]["continue"].clone();
    while let Some(token) = next.as_str().filter(|token| !token.is_empty()) {
        let page = on
            .get(&format!("{maps}?limit=2&continue={token}"))
            .await
            .expect(200);
        assert_eq!(version(&page), version(&first));
        found.extend(names(&page).into_iter().map(str::to_owned));
        next = page["metadata"]["continue"].clone();
    }
    assert_eq!(found, ["c", "d", "e"]);
    let all = on.get(&format!("{maps}?limit=500")).await.expect(200);
    assert_eq!(names(&all), ["a", "b", "bb", "d", "e"]);
    let token = all["metadata"]["continue"].as_str().unwrap_or_default();
    assert_eq!(token, "");
    // Beside a selector nobody counts the rest.
    let some = on
        .get(&format!("{maps}?limit=1&labelSelector=!x"))
        .await
        .expect(200);
    assert!(
        some["metadata"].get("remainingItemCount").is_none(),
        "{some:#}"
    );
}

async fn lists_at_a_revision(on: Space) {
    let maps = on.core("configmaps");
    let a = on.create(&maps, &config_map("a")).await;
    on.create(&maps, &config_map("b")).await;
    let at = version(&a);
    let exact = format!("{maps}?resourceVersion={at}&resourceVersionMatch=Exact");
    let list = on.get(&exact).await.expect(200);
    assert_eq!((names(&list), version(&list)), (vec!["a"], at.clone()));
    for newer in [
        format!("{maps}?resourceVersion={at}&resourceVersionMatch=NotOlderThan"),
        format!("{maps}?resourceVersion={at}"),
        format!("{maps}?resourceVersion=0"),
    ] {
        let list = on.get(&newer).await.expect(200);
        assert!(names(&list).contains(&"a"), "{newer}");
    }
    on.get(&format!("{maps}/a?resourceVersion=0"))
        .await
        .expect(200);
}

async fn tables_have_the_columns_of_the_crd(on: Space) {
    let widgets = on.widgets();
    on.create(&widgets, &widget("a", &json!({"color": "blue"})))
        .await;
    let table = on.get_as(&widgets, TABLE).await.expect(200);
    assert_eq!(
        (&table["kind"], &table["apiVersion"]),
        (&json!("Table"), &json!("meta.k8s.io/v1"))
    );
    let columns: Vec<_> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| {
            json!([
                column["name"],
                column["type"],
                column["format"],
                column["priority"]
            ])
        })
        .collect();
    let expected = [
        json!(["Name", "string", "name", 0]),
        json!(["Color", "string", "", 0]),
        json!(["Replicas", "integer", "", 1]),
        json!(["Age", "date", "", 0]),
    ];
    assert_eq!(columns, expected);
    let described = |index: usize| table["columnDefinitions"][index]["description"].clone();
    assert_eq!(described(1), "its colour");
    assert_eq!(
        described(2),
        "Custom resource definition column (in JSONPath format): .spec.replicas"
    );
    let row = &table["rows"][0];
    let cells = row["cells"].as_array().unwrap();
    assert_eq!(cells[..3], [json!("a"), json!("blue"), json!(1)]);
    assert!(row["cells"][3].as_str().unwrap().ends_with('s'), "{row}");
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(row["object"]["metadata"]["name"], "a");
    for (include, kind) in [("None", Value::Null), ("Object", json!("Widget"))] {
        let table = on
            .get_as(&format!("{widgets}?includeObject={include}"), TABLE)
            .await
            .expect(200);
        let object = table["rows"][0].get("object").cloned().unwrap_or_default();
        assert_eq!(
            object.get("kind").cloned().unwrap_or_default(),
            kind,
            "{include}"
        );
    }
    let one = on.get_as(&format!("{widgets}/a"), TABLE).await.expect(200);
    assert_eq!(one["rows"].as_array().map(Vec::len), Some(1));
    on.get_as(&format!("{widgets}?includeObject=Some"), TABLE)
        .await
        .fails(400, "BadRequest");
}

async fn tables_of_built_in_kinds(on: Space) {
    on.create(&on.core("configmaps"), &config_map("a")).await;
    let table = on
        .get_as(&format!("{}/a", on.core("configmaps")), TABLE)
        .await
        .expect(200);
    assert_eq!(table["rows"][0]["cells"][0], "a");
    assert_eq!(table["rows"][0]["cells"][1], 1);
    for (path, expected) in [
        (on.core("configmaps"), vec!["Name", "Data", "Age"]),
        (on.core("secrets"), vec!["Name", "Type", "Data", "Age"]),
        (
            on.core("services"),
            vec![
                "Name",
                "Type",
                "Cluster-IP",
                "External-IP",
                "Port(s)",
                "Age",
                "Selector",
            ],
        ),
        (
            "/api/v1/namespaces".to_owned(),
            vec!["Name", "Status", "Age"],
        ),
    ] {
        let table = on.get_as(&path, TABLE).await.expect(200);
        let columns = table["columnDefinitions"].as_array().unwrap();
        let found: Vec<_> = columns
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert_eq!(found, expected, "{path}");
    }
}

async fn metadata_only(on: Space) {
    on.create(&on.widgets(), &widget("a", &json!({}))).await;
    let list = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let found = on.get_as(&on.widgets(), list).await.expect(200);
    assert_eq!(found["kind"], "PartialObjectMetadataList");
    assert_eq!(names(&found), ["a"]);
    assert!(found["items"][0].get("spec").is_none());
    let one = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let found = on
        .get_as(&format!("{}/a", on.widgets()), one)
        .await
        .expect(200);
    assert_eq!(found["kind"], "PartialObjectMetadata");
}

async fn what_cannot_be_answered_with(on: Space) {
    let maps = on.core("configmaps");
    for media in [
        "application/json;as=Table;g=meta.k8s.io;v=v9",
        "application/json;as=Nothing;g=meta.k8s.io;v=v1",
    ] {
        on.get_as(&maps, media).await.fails(406, "NotAcceptable");
        let list = on
            .get_as(&maps, &format!("{media},application/json"))
            .await
            .expect(200);
        assert_eq!(list["kind"], "ConfigMapList");
    }
    assert_eq!(on.get_as(&maps, "text/html").await.code, 406);
    on.get_as(&maps, "*/*").await.expect(200);
}

async fn paths_that_lead_nowhere(on: Space) {
    for page in [
        "/nothing",
        "/apis/nothing.example.com",
        "/apis/nothing.example.com/v1/things",
        "/apis/conformance.example.com/v1/nothings",
    ] {
        let answer = on.get(page).await;
        assert_eq!(
            (answer.code, answer.body),
            (404, json!("404 page not found\n")),
            "{page}"
        );
    }
    for path in ["/api/v1/nothings", "/api/v1/configmaps/a/b"] {
        let status = on.get(path).await.fails(404, "NotFound");
        assert_eq!(
            status["message"], "the server could not find the requested resource",
            "{path}"
        );
    }
    let maps = on.core("configmaps");
    on.create(&maps, &config_map("a")).await;
    on.put(&maps, &config_map("a"))
        .await
        .fails(405, "MethodNotAllowed");
    on.post(&format!("{maps}/a"), &config_map("a"))
        .await
        .fails(405, "MethodNotAllowed");
    on.post("/api/v1/configmaps", &config_map("a"))
        .await
        .fails(405, "MethodNotAllowed");
    on.delete("/api/v1/configmaps")
        .await
        .fails(405, "MethodNotAllowed");
    let status = on.get(&format!("{maps}/none")).await.fails(404, "NotFound");
    assert_eq!(status["message"], "configmaps \"none\" not found");
    assert_eq!(
        status["details"],
        json!({"name": "none", "kind": "configmaps"})
    );
}
