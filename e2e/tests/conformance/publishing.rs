//! What a server says about itself: discovery, OpenAPI, version.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testbed::wait;

use crate::space::{SOON, Space};

crate::tests![
    aggregated_discovery_lists_a_crd,
    unaggregated_discovery_says_the_same,
    openapi_v3_has_a_document_for_each_group,
    openapi_v2_is_there_for_old_clients,
    health_and_version,
    kubectl_explains_and_lists,
];

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

async fn aggregated_discovery_lists_a_crd(on: Space) {
    let groups = on.get_as("/apis", AGGREGATED).await.expect(200);
    assert_eq!(
        (&groups["kind"], &groups["apiVersion"]),
        (
            &json!("APIGroupDiscoveryList"),
            &json!("apidiscovery.k8s.io/v2")
        )
    );
    let group = named(&groups["items"], "conformance.example.com");
    let version = &group["versions"][0];
    assert_eq!(
        (&version["version"], &version["freshness"]),
        (&json!("v1"), &json!("Current"))
    );
    let resources = version["resources"].as_array().unwrap();
    let widgets = resources
        .iter()
        .find(|resource| resource["resource"] == "widgets")
        .unwrap();
    let kind = |kind: &str, group: &str, version: &str| json!({"group": group, "version": version, "kind": kind});
    assert_eq!(
        widgets["responseKind"],
        kind("Widget", "conformance.example.com", "v1")
    );
    assert_eq!(
        (&widgets["scope"], &widgets["singularResource"]),
        (&json!("Namespaced"), &json!("widget"))
    );
    assert_eq!(
        (&widgets["shortNames"], &widgets["categories"]),
        (&json!(["wd"]), &json!(["conformance"]))
    );
    assert_eq!(verbs(&widgets["verbs"]), EVERYTHING);
    let parts: Vec<_> = widgets["subresources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            (
                part["subresource"].clone(),
                part["responseKind"].clone(),
                verbs(&part["verbs"]),
            )
        })
        .collect();
    let change = vec!["get", "patch", "update"];
    let status = (
        json!("status"),
        kind("Widget", "conformance.example.com", "v1"),
        change.clone(),
    );
    let scale = (json!("scale"), kind("Scale", "autoscaling", "v1"), change);
    assert!(
        parts.len() == 2 && parts.contains(&status) && parts.contains(&scale),
        "{parts:?}"
    );
    let core = on.get_as("/api", AGGREGATED).await.expect(200);
    assert_eq!(core["items"][0]["versions"][0]["version"], "v1");
}

const EVERYTHING: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

fn named<'a>(items: &'a Value, name: &str) -> &'a Value {
    let items = items.as_array().unwrap();
    items
        .iter()
        .find(|item| item["metadata"]["name"] == name || item["name"] == name)
        .unwrap()
}

fn verbs(list: &Value) -> Vec<&str> {
    let mut verbs: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    verbs.sort_unstable();
    verbs
}

async fn unaggregated_discovery_says_the_same(on: Space) {
    let groups = on.get("/apis").await.expect(200);
    assert_eq!(groups["kind"], "APIGroupList");
    let group = named(&groups["groups"], "conformance.example.com");
    let version = json!({"groupVersion": "conformance.example.com/v1", "version": "v1"});
    assert_eq!(
        (&group["versions"], &group["preferredVersion"]),
        (&json!([version]), &version)
    );
    let one = on.get("/apis/conformance.example.com").await.expect(200);
    assert_eq!(
        (&one["kind"], &one["name"]),
        (&json!("APIGroup"), &json!("conformance.example.com"))
    );
    let list = on.get("/apis/conformance.example.com/v1").await.expect(200);
    assert_eq!(list["kind"], "APIResourceList");
    let names: Vec<_> = list["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    for name in ["widgets", "widgets/status", "widgets/scale"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!(
        verbs(&named(&list["resources"], "widgets")["verbs"]),
        EVERYTHING
    );
    assert_eq!(on.get("/api").await.expect(200)["versions"], json!(["v1"]));
}

async fn openapi_v3_has_a_document_for_each_group(on: Space) {
    let document = wait::until(SOON, "the document of the group", || async {
        let root = on.get("/openapi/v3").await.expect(200);
        let path = &root["paths"]["apis/conformance.example.com/v1"]["serverRelativeURL"];
        let path = path.as_str().context("a path of the document")?;
        let start = "/openapi/v3/apis/conformance.example.com/v1?hash=";
        ensure!(path.starts_with(start), "{path}");
        // Another document by now when a CRD of another test came meanwhile.
        let answer = on.get(path).await;
        ensure!(answer.code == 200, "{}", answer.code);
        Ok(answer.body)
    })
    .await
    .unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let of_kind = |kind: &str| {
        let gvk = json!({"group": "conformance.example.com", "version": "v1", "kind": kind});
        schemas.values().find(|schema| {
            schema["x-kubernetes-group-version-kind"]
                .as_array()
                .is_some_and(|list| list.contains(&gvk))
        })
    };
    let widget = of_kind("Widget").expect("a schema of widgets");
    let spec = &widget["properties"]["spec"]["properties"];
    assert_eq!(spec["color"]["type"], "string");
    assert_eq!(spec["color"]["enum"], json!(["red", "green", "blue"]));
    assert_eq!(spec["tags"]["x-kubernetes-list-type"], "set");
    assert_eq!(spec["port"]["x-kubernetes-int-or-string"], true);
    assert!(widget["properties"]["metadata"].is_object());
    assert!(of_kind("WidgetList").is_some());
    let paths = document["paths"].as_object().unwrap();
    let base = "/apis/conformance.example.com/v1/namespaces/{namespace}/widgets";
    for path in ["", "/{name}", "/{name}/status", "/{name}/scale"] {
        assert!(paths.contains_key(&format!("{base}{path}")), "{path}");
    }
    on.get("/openapi/v3/api/v1").await.expect(200);
    assert_eq!(on.get("/openapi/v3/apis/nothing/v1").await.code, 404);
}

async fn openapi_v2_is_there_for_old_clients(on: Space) {
    let document = on.get("/openapi/v2").await.expect(200);
    assert_eq!(
        (&document["swagger"], &document["info"]["title"]),
        (&json!("2.0"), &json!("Kubernetes"))
    );
    assert!(document["definitions"].is_object() && document["paths"].is_object());
    // What clients ask for, `@` and all.
    let protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let answer = on.get_as("/openapi/v2", protobuf).await;
    assert_eq!(answer.code, 200);
    assert_eq!(
        answer.headers["content-type"],
        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    );
    assert_eq!(on.get_as("/openapi/v2", "text/html").await.code, 406);
}

async fn health_and_version(on: Space) {
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(on.get(path).await.expect(200), "ok", "{path}");
    }
    let verbose = on.get("/readyz?verbose").await.expect(200);
    assert!(
        verbose.as_str().unwrap().ends_with("readyz check passed\n"),
        "{verbose}"
    );
    let version = on.get("/version").await.expect(200);
    assert_eq!(
        (&version["major"], &version["minor"]),
        (&json!("1"), &json!("36"))
    );
    assert!(
        version["gitVersion"]
            .as_str()
            .unwrap()
            .starts_with("v1.36.")
    );
}

async fn kubectl_explains_and_lists(on: Space) {
    let kubectl = on.kubectl();
    let text = kubectl
        .run(&["explain", "widget.spec.parts"])
        .await
        .unwrap();
    assert!(
        text.contains("value\t<string>") && text.contains("name\t<string> -required-"),
        "{text}"
    );
    let names = kubectl
        .run(&[
            "api-resources",
            "--api-group=conformance.example.com",
            "-o",
            "name",
        ])
        .await
        .unwrap();
    assert!(names.contains("widgets.conformance.example.com"), "{names}");
    let namespace = format!("--namespace={}", on.namespace);
    let manifest = "apiVersion: conformance.example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {color: blue}\n";
    for (args, expected) in [
        (vec!["apply", "-f", "-"], "created"),
        (vec!["apply", "-f", "-"], "unchanged"),
        (
            vec!["apply", "--server-side", "--field-manager=other", "-f", "-"],
            "serverside-applied",
        ),
        (vec!["diff", "-f", "-"], ""),
    ] {
        let args = [args, vec![namespace.as_str()]].concat();
        let run = kubectl.run_with_input(&args, manifest).await.unwrap();
        assert_eq!(run.code, Some(0), "{args:?}: {run:?}");
        assert!(
            run.stdout.trim_end().ends_with(expected),
            "{args:?}: {run:?}"
        );
    }
    for (args, expected) in [
        (vec!["get", "wd", "w", "--no-headers"], "w     blue"),
        (
            vec!["get", "conformance", "-o", "name"],
            "widget.conformance.example.com/w",
        ),
        (
            vec!["scale", "widget/w", "--replicas=3"],
            "widget.conformance.example.com/w scaled",
        ),
        (
            vec!["get", "widget", "w", "-o", "jsonpath={.spec.replicas}"],
            "3",
        ),
        (
            vec!["label", "widget", "w", "a=b"],
            "widget.conformance.example.com/w labeled",
        ),
        (
            vec![
                "get",
                "wd",
                "-l",
                "a=b",
                "--field-selector=spec.color=blue",
                "-o",
                "name",
            ],
            "widget.conformance.example.com/w",
        ),
        (
            vec![
                "patch",
                "wd",
                "w",
                "--type=json",
                "-p",
                r#"[{"op":"remove","path":"/metadata/labels"}]"#,
            ],
            "patched",
        ),
        (
            vec!["wait", "wd/w", "--for=jsonpath={.spec.color}=blue"],
            "condition met",
        ),
        (vec!["create", "token", "default", "--duration=10m"], "."),
        (vec!["auth", "can-i", "create", "widgets"], "yes"),
        (vec!["delete", "wd", "w"], "deleted"),
    ] {
        let args = [args, vec![namespace.as_str()]].concat();
        let found = kubectl.run(&args).await.unwrap();
        assert!(found.contains(expected), "{args:?}: {found}");
    }
    let run = kubectl
        .run_with_input(
            &["apply", &namespace, "-f", "-"],
            &manifest.replace("color", "colour"),
        )
        .await
        .unwrap();
    assert_ne!(run.code, Some(0));
    assert!(
        run.stderr.contains("unknown field \"spec.colour\""),
        "{run:?}"
    );
}
