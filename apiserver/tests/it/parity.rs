//! The same requests to the real kube-apiserver and to this one: the answers are the same, but for
//! what is different by nature (uids, revisions, times).

use http::{Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use testbed::kube::ControlPlane;

use crate::server::*;

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

struct Step {
    method: Method,
    path: String,
    media: &'static str,
    body: Value,
}

fn step(method: Method, path: impl Into<String>, media: &'static str, body: Value) -> Step {
    Step {
        method,
        path: path.into(),
        media,
        body,
    }
}

fn get(path: impl Into<String>) -> Step {
    step(Method::GET, path, JSON, Value::Null)
}

fn post(path: impl Into<String>, body: Value) -> Step {
    step(Method::POST, path, JSON, body)
}

async fn send(client: &Client, step: &Step) -> (u16, Value) {
    let body = if step.body.is_null() {
        Vec::new()
    } else {
        step.body.to_string().into_bytes()
    };
    let request = Request::builder()
        .method(step.method.clone())
        .uri(&step.path)
        .header("content-type", step.media)
        .header("accept", "application/json")
        .header("user-agent", "parity/1")
        .body(Body::from(body))
        .unwrap();
    let response = client.send(request).await.unwrap();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    (
        code,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

/// Leaves out what cannot be equal.
fn comparable(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for field in [
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "deletionTimestamp",
                "time",
                "lastTransitionTime",
            ] {
                if let Some(found) = map.get_mut(field)
                    && found.is_string()
                {
                    *found = json!(format!("<{field}>"));
                }
            }
            for field in ["storageVersionHash", ".", "continue"] {
                map.remove(field);
            }
            if map.get("continue") == Some(&json!("")) {
                map.remove("continue");
            }
            map.retain(|_, value| !value.is_null());
            if map.get("details") == Some(&json!({})) {
                map.remove("details");
            }
            if map.get("kind") == Some(&json!("Event"))
                && let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut)
            {
                // Ownership is kept in the stored form's names here.
                metadata.remove("managedFields");
            }
            if let Some(verbs) = map.get_mut("verbs").and_then(Value::as_array_mut) {
                verbs.sort_by_key(Value::to_string);
            }
            if let Some(resources) = map.get_mut("resources").and_then(Value::as_array_mut) {
                resources.sort_by_key(|resource| resource["name"].to_string());
            }
            for item in map
                .get_mut("items")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                // Lists of built-in kinds leave these to the list.
                item.as_object_mut()
                    .map(|item| (item.remove("kind"), item.remove("apiVersion")));
            }
            if let Some(entries) = map.get_mut("managedFields").and_then(Value::as_array_mut) {
                for entry in entries.iter_mut() {
                    entry.as_object_mut().map(|entry| entry.remove("time"));
                }
                entries.sort_by_key(|entry| {
                    format!(
                        "{}{}{}",
                        entry["manager"], entry["operation"], entry["subresource"]
                    )
                });
            }
            // Advice in words is free; what clients read is not.
            if map.get("kind") == Some(&json!("Status")) {
                map.remove("message");
                if let Some(causes) = map
                    .get_mut("details")
                    .and_then(|d| d.get_mut("causes"))
                    .and_then(Value::as_array_mut)
                {
                    // Built-in kinds are validated twice there.
                    causes.sort_by_key(|cause| cause["field"].to_string());
                    causes.dedup_by_key(|cause| cause["field"].to_string());
                }
                for cause in map
                    .get_mut("details")
                    .and_then(|d| d.get_mut("causes"))
                    .and_then(Value::as_array_mut)
                    .into_iter()
                    .flatten()
                {
                    cause.as_object_mut().map(|cause| cause.remove("message"));
                }
            }
            map.values_mut().for_each(comparable);
        }
        Value::Array(list) => list.iter_mut().for_each(comparable),
        _ => {}
    }
}

fn steps() -> Vec<Step> {
    let ns = "/api/v1/namespaces/parity";
    let widgets = "/apis/test.example.com/v1/namespaces/parity/widgets";
    let maps = format!("{ns}/configmaps");
    let labelled = |name: &str| {
        let mut object = config_map(name);
        object["metadata"]["labels"] = json!({"app": name});
        object
    };
    let mut strange = config_map("strange");
    strange["extra"] = json!(1);
    let mut held = config_map("held");
    held["metadata"]["finalizers"] = json!(["test.example.com/hold"]);
    vec![
        post(
            "/api/v1/namespaces",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "parity"}}),
        ),
        post(
            "/api/v1/namespaces",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "Bad_"}}),
        ),
        post(&maps, labelled("a")),
        post(&maps, labelled("a")),
        post(&maps, labelled("b")),
        post(&maps, config_map("Bad_Name")),
        post(
            &maps,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}),
        ),
        post(
            &maps,
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}),
        ),
        post(
            &maps,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": 1}}),
        ),
        post(
            &maps,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "other"}}),
        ),
        post(
            &maps,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {"-a": "b"}}}),
        ),
        post(format!("{maps}?fieldValidation=Strict"), strange.clone()),
        post(format!("{maps}?dryRun=Some"), strange.clone()),
        post(&maps, strange),
        get(&maps),
        get(format!("{maps}?limit=1")),
        get(format!("{maps}?labelSelector=app%20in%20(a)")),
        get(format!("{maps}?labelSelector=app%20in%20a")),
        get(format!("{maps}?fieldSelector=metadata.name%3Da")),
        get(format!("{maps}?fieldSelector=data.a%3Da")),
        get(format!("{maps}/missing")),
        get("/api/v1/nothing"),
        step(Method::PUT, format!("{maps}/a"), JSON, labelled("a")),
        step(Method::PUT, format!("{maps}/a"), JSON, labelled("b")),
        step(
            Method::PUT,
            format!("{maps}/missing"),
            JSON,
            labelled("missing"),
        ),
        step(
            Method::PATCH,
            format!("{maps}/a"),
            MERGE,
            json!({"data": {"b": "2"}}),
        ),
        step(
            Method::PATCH,
            format!("{maps}/a"),
            MERGE,
            json!({"metadata": {"resourceVersion": "1"}}),
        ),
        step(
            Method::PATCH,
            format!("{maps}/a"),
            MERGE,
            json!({"metadata": {"uid": "other"}}),
        ),
        step(
            Method::PATCH,
            format!("{maps}/a"),
            "application/json-patch+json",
            json!([{"op": "test", "path": "/data/a", "value": "9"}]),
        ),
        step(
            Method::PATCH,
            format!("{maps}/a"),
            "application/json-patch+json",
            json!([{"op": "remove", "path": "/data/a"}]),
        ),
        step(Method::PATCH, format!("{maps}/a"), "text/plain", json!({})),
        step(
            Method::PATCH,
            format!("{maps}/a?fieldManager=m"),
            APPLY,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"b": "3"}}),
        ),
        step(
            Method::PATCH,
            format!("{maps}/a?fieldManager=m&force=true"),
            APPLY,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"b": "3"}}),
        ),
        step(
            Method::PATCH,
            format!("{maps}/a?fieldManager=m&force=true"),
            APPLY,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"uid": "other"}, "data": {"b": "3"}}),
        ),
        step(
            Method::PATCH,
            format!("{maps}/missing?fieldManager=m"),
            APPLY,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"uid": "other"}}),
        ),
        step(
            Method::PUT,
            format!("{maps}/a"),
            JSON,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "uid": "other"}}),
        ),
        step(
            Method::PATCH,
            format!("{maps}/a?force=true"),
            MERGE,
            json!({}),
        ),
        step(
            Method::PATCH,
            format!("{maps}/a"),
            APPLY,
            json!({"apiVersion": "v1", "kind": "ConfigMap"}),
        ),
        step(
            Method::DELETE,
            format!("{maps}/a"),
            JSON,
            json!({"preconditions": {"uid": "other"}}),
        ),
        step(
            Method::DELETE,
            format!("{maps}/a"),
            JSON,
            json!({"propagationPolicy": "Sideways"}),
        ),
        step(Method::DELETE, format!("{maps}/a"), JSON, json!({})),
        step(Method::DELETE, format!("{maps}/a"), JSON, json!({})),
        post(&maps, held),
        step(Method::DELETE, format!("{maps}/held"), JSON, json!({})),
        step(
            Method::PATCH,
            format!("{maps}/held"),
            MERGE,
            json!({"metadata": {"finalizers": ["test.example.com/hold", "test.example.com/more"]}}),
        ),
        step(
            Method::PATCH,
            format!("{maps}/held"),
            MERGE,
            json!({"metadata": {"finalizers": []}}),
        ),
        post(
            format!("{ns}/secrets"),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}),
        ),
        post(
            format!("{ns}/secrets"),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"}, "type": "kubernetes.io/tls"}),
        ),
        post(
            format!("{ns}/services"),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 80}]}}),
        ),
        post(
            format!("{ns}/services"),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad"}, "spec": {"clusterIP": "None", "ports": [{"port": 0}]}}),
        ),
        post(
            format!("{ns}/serviceaccounts"),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa"}}),
        ),
        post(
            "/apis/discovery.k8s.io/v1/namespaces/parity/endpointslices",
            json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "web-1"},
                "addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.1.2.3"]}],
            }),
        ),
        post(
            "/apis/discovery.k8s.io/v1/namespaces/parity/endpointslices",
            json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "web-2"},
                "addressType": "IPv5", "ports": [], "endpoints": [],
            }),
        ),
        post(
            "/apis/coordination.k8s.io/v1/namespaces/parity/leases",
            json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"},
                "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"},
            }),
        ),
        post(
            "/apis/events.k8s.io/v1/namespaces/parity/events",
            json!({
                "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"},
                "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "test.example.com/c",
                "reportingInstance": "c-1", "action": "Testing", "reason": "Tested", "type": "Normal",
                "regarding": {"kind": "Widget", "name": "w", "namespace": "parity", "uid": "u1"}, "note": "works",
            }),
        ),
        get(format!("{ns}/events/e")),
        get("/apis/events.k8s.io/v1/namespaces/parity/events/e"),
        post(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/parity/roles",
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r:x"},
                "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
            }),
        ),
        post(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/parity/rolebindings",
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r:x"},
                "subjects": [{"kind": "User", "name": "u"}],
            }),
        ),
        post(widgets, widget("early", "red")),
        get("/apis/test.example.com/v1"),
        post(widgets, widget("w", "green")),
        post(widgets, widget("w2", "purple")),
        post(
            widgets,
            json!({"apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"name": "w3"}, "spec": {}}),
        ),
        post(
            widgets,
            json!({"apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"name": "w4"}, "spec": {"color": "red", "replicas": 9}}),
        ),
        post(
            widgets,
            json!({"apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"name": "w5"}, "spec": {"color": "red", "tags": ["a", "a"]}}),
        ),
        post(
            format!("{widgets}?fieldValidation=Strict"),
            json!({"apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"name": "w6"}, "spec": {"color": "red", "colour": "x"}}),
        ),
        post(
            widgets,
            json!({"apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"name": "w7"}, "spec": {"color": "red", "colour": "x"}}),
        ),
        get(format!("{widgets}/w7")),
        step(
            Method::PUT,
            format!("{widgets}/w"),
            JSON,
            widget("w", "blue"),
        ),
        step(
            Method::PATCH,
            format!("{widgets}/w"),
            MERGE,
            json!({"spec": {"color": "blue"}, "status": {"replicas": 3}}),
        ),
        step(
            Method::PATCH,
            format!("{widgets}/w/status"),
            MERGE,
            json!({"spec": {"color": "red"}, "status": {"replicas": 3, "selector": "a=b"}}),
        ),
        step(
            Method::PATCH,
            format!("{widgets}/w/status?fieldManager=c"),
            APPLY,
            json!({
                "apiVersion": "test.example.com/v1", "kind": "Widget", "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            }),
        ),
        step(
            Method::PATCH,
            format!("{widgets}/missing/status?fieldManager=c"),
            APPLY,
            json!({
                "apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"uid": "other"}, "status": {},
            }),
        ),
        step(
            Method::PATCH,
            format!("{widgets}/w?fieldManager=c"),
            APPLY,
            json!({
                "apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"uid": "other"}, "spec": {"color": "red"},
            }),
        ),
        step(
            Method::PATCH,
            format!("{widgets}/w?fieldManager=c&force=true"),
            APPLY,
            json!({
                "apiVersion": "test.example.com/v1", "kind": "Widget", "spec": {"color": "pink"},
            }),
        ),
        step(
            Method::PATCH,
            format!("{widgets}/w?fieldManager=c&force=true"),
            APPLY,
            json!({
                "apiVersion": "test.example.com/v1", "kind": "Widget", "spec": {"colour": "pink"},
            }),
        ),
        step(
            Method::PATCH,
            format!("{widgets}/w?fieldManager=c&force=true"),
            APPLY,
            json!({
                "apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"resourceVersion": "1"}, "spec": {"replicas": 1},
            }),
        ),
        get(format!("{widgets}/w/scale")),
        step(
            Method::PATCH,
            format!("{widgets}/w/scale"),
            MERGE,
            json!({"spec": {"replicas": 4}}),
        ),
        get(format!("{widgets}/w")),
        get(format!("{widgets}?fieldSelector=spec.color%3Dblue")),
        get(format!("{widgets}?fieldSelector=spec.other%3Dblue")),
        step(
            Method::PATCH,
            format!("{widgets}/w"),
            "application/strategic-merge-patch+json",
            json!({}),
        ),
        step(
            Method::DELETE,
            format!("{widgets}/w"),
            JSON,
            json!({"propagationPolicy": "Foreground"}),
        ),
        get("/api/v1/configmaps?resourceVersionMatch=Exact"),
        get("/api/v1/configmaps?watch=true&sendInitialEvents=true"),
        get("/apis/authorization.k8s.io/v1"),
        get("/apis/discovery.k8s.io/v1"),
        get("/apis/events.k8s.io/v1"),
        step(Method::DELETE, "/api/v1/namespaces/parity", JSON, json!({})),
        post(&maps, config_map("late")),
    ]
}

#[tokio::test]
async fn the_answers_are_those_of_the_real_server() {
    within(async {
        let plane = ControlPlane::start().await.unwrap();
        let real = plane.client().await.unwrap();
        let server = TestServer::start().await;
        let ours = server.client();
        let crd = post(CRDS, widgets());
        for client in [&real, &ours] {
            let (code, answer) = send(client, &crd).await;
            assert_eq!(code, 201, "{answer:#}");
            // The real server serves a CRD some time after it took it.
            while send(client, &get("/apis/test.example.com/v1/widgets"))
                .await
                .0
                != 200
            {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        let mut differences = Vec::new();
        for step in steps() {
            let (expected_code, mut expected) = send(&real, &step).await;
            let (code, mut found) = send(&ours, &step).await;
            comparable(&mut expected);
            comparable(&mut found);
            if (expected_code, &expected) != (code, &found) {
                differences.push(format!(
                    "{} {} {}\n  real {expected_code} {expected}\n  ours {code} {found}",
                    step.method, step.path, step.body
                ));
            }
        }
        assert!(
            differences.is_empty(),
            "{} differences:\n{}",
            differences.len(),
            differences.join("\n")
        );
    })
    .await;
}
