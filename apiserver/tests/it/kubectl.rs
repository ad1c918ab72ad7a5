//! A real kubectl over TLS.

use testbed::kube::Kubectl;

use crate::access::Listening;
use crate::server::*;

const WIDGET: &str = "
apiVersion: test.example.com/v1
kind: Widget
metadata:
  name: w
spec:
  color: green
  replicas: 2
";

async fn with_widgets() -> (Listening, Kubectl) {
    let listening = Listening::start().await;
    let kubectl = Kubectl::new(&listening.kubeconfig()).unwrap();
    kubectl.apply(&widgets().to_string()).await.unwrap();
    kubectl
        .run(&[
            "wait",
            "--for=condition=Established",
            "crd/widgets.test.example.com",
        ])
        .await
        .unwrap();
    (listening, kubectl)
}

#[tokio::test]
async fn a_custom_resource_is_handled_as_on_a_cluster() {
    within(async {
        let (_listening, kubectl) = with_widgets().await;
        assert_eq!(
            kubectl.apply(WIDGET).await.unwrap().trim(),
            "widget.test.example.com/w created"
        );
        assert_eq!(
            kubectl.apply(WIDGET).await.unwrap().trim(),
            "widget.test.example.com/w unchanged"
        );
        let blue = WIDGET.replace("green", "blue");
        assert_eq!(
            kubectl.apply(&blue).await.unwrap().trim(),
            "widget.test.example.com/w configured"
        );

        let table = kubectl.run(&["get", "wd"]).await.unwrap();
        let mut lines = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(lines.next().unwrap(), ["NAME", "COLOR", "READY", "AGE"]);
        assert_eq!(lines.next().unwrap()[..2], ["w", "blue"]);
        let wide = kubectl
            .run(&["get", "widgets", "-o", "wide"])
            .await
            .unwrap();
        assert!(
            wide.starts_with("NAME") && wide.contains("REPLICAS"),
            "{wide}"
        );
        let all = kubectl.run(&["get", "all"]).await.unwrap();
        assert!(all.contains("widget.test.example.com/w"), "{all}");

        kubectl
            .run(&["scale", "widget/w", "--replicas=5"])
            .await
            .unwrap();
        let replicas = kubectl
            .run(&["get", "wd", "w", "-o", "jsonpath={.spec.replicas}"])
            .await
            .unwrap();
        assert_eq!(replicas, "5");
        kubectl
            .run(&["label", "widget", "w", "team=a"])
            .await
            .unwrap();
        let named = kubectl
            .run(&["get", "wd", "-l", "team in (a)", "-o", "name"])
            .await
            .unwrap();
        assert_eq!(named.trim(), "widget.test.example.com/w");
        kubectl
            .run(&["annotate", "widget", "w", "note=x"])
            .await
            .unwrap();
        let described = kubectl.run(&["describe", "widget", "w"]).await.unwrap();
        assert!(
            described.contains("Color:") && described.contains("Events:"),
            "{described}"
        );
        kubectl.run(&["delete", "widget", "w"]).await.unwrap();
        let missing = kubectl.try_run(&["get", "widget", "w"]).await.unwrap();
        assert_eq!(
            missing.stderr.trim(),
            "Error from server (NotFound): widgets.test.example.com \"w\" not found"
        );
    })
    .await;
}

#[tokio::test]
async fn explain_prints_the_schema_of_a_crd() {
    within(async {
        let (_listening, kubectl) = with_widgets().await;
        let text = kubectl.run(&["explain", "widget.spec"]).await.unwrap();
        for part in [
            "KIND:       Widget",
            "VERSION:    v1",
            "What is wanted.",
            "replicas",
            "<integer>",
            "Its colour.",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let text = kubectl
            .run(&["explain", "widget", "--recursive"])
            .await
            .unwrap();
        assert!(text.contains("conditions"), "{text}");
        let text = kubectl.run(&["explain", "configmap.data"]).await.unwrap();
        assert!(text.contains("map[string]string"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn built_in_kinds_are_handled_as_on_a_cluster() {
    within(async {
        let (listening, kubectl) = with_widgets().await;
        kubectl.run(&["create", "namespace", "team"]).await.unwrap();
        kubectl
            .run(&[
                "-n",
                "team",
                "create",
                "configmap",
                "settings",
                "--from-literal=a=1",
            ])
            .await
            .unwrap();
        kubectl
            .run(&[
                "-n",
                "team",
                "create",
                "secret",
                "generic",
                "s",
                "--from-literal=p=q",
            ])
            .await
            .unwrap();
        let secrets = kubectl
            .run(&["-n", "team", "get", "secrets"])
            .await
            .unwrap();
        assert!(secrets.contains("Opaque"), "{secrets}");
        let service = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: team}
spec: {ports: [{port: 80, name: http}], selector: {app: web}}
";
        assert_eq!(
            kubectl.apply(service).await.unwrap().trim(),
            "service/web created"
        );
        let changed = service.replace("80", "81");
        assert_eq!(
            kubectl.apply(&changed).await.unwrap().trim(),
            "service/web configured"
        );
        let table = kubectl
            .run(&["-n", "team", "get", "svc", "web", "-o", "wide"])
            .await
            .unwrap();
        assert!(
            table.contains("81/TCP") && table.contains("app=web"),
            "{table}"
        );
        let described = kubectl
            .run(&["-n", "team", "describe", "svc", "web"])
            .await
            .unwrap();
        assert!(described.contains("TargetPort:"), "{described}");
        kubectl
            .run(&["-n", "team", "create", "serviceaccount", "bot"])
            .await
            .unwrap();
        let token = kubectl
            .run(&["-n", "team", "create", "token", "bot"])
            .await
            .unwrap();
        assert_eq!(token.trim().split('.').count(), 3);
        kubectl
            .run(&[
                "create",
                "clusterrole",
                "reader",
                "--verb=get",
                "--resource=configmaps",
            ])
            .await
            .unwrap();
        kubectl
            .run(&[
                "create",
                "clusterrolebinding",
                "r",
                "--clusterrole=reader",
                "--serviceaccount=team:bot",
            ])
            .await
            .unwrap();
        let may = kubectl
            .run(&["auth", "can-i", "delete", "pods"])
            .await
            .unwrap();
        assert_eq!(may.trim(), "yes");
        let who = kubectl.run(&["auth", "whoami"]).await.unwrap();
        assert!(
            who.contains("kubernetes-admin") && who.contains("system:masters"),
            "{who}"
        );
        let resources = kubectl.run(&["api-resources"]).await.unwrap();
        assert!(
            resources.contains("widgets") && resources.contains("endpointslices"),
            "{resources}"
        );
        let version = kubectl.run(&["version"]).await.unwrap();
        assert!(version.contains("Server Version: v1.36"), "{version}");
        kubectl.run(&["delete", "namespace", "team"]).await.unwrap();
        assert_eq!(
            listening.server.get("/api/v1/namespaces/team").await.0,
            http::StatusCode::NOT_FOUND
        );
    })
    .await;
}

#[tokio::test]
async fn events_show_in_describe_and_in_get() {
    within(async {
        let (listening, kubectl) = with_widgets().await;
        let created = listening.server.create(WIDGETS, &widget("w", "green")).await;
        listening.server.create("/apis/events.k8s.io/v1/namespaces/default/events", &serde_json::json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "w.1"},
            "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "test",
            "reportingInstance": "test-1", "action": "Testing", "reason": "NoHostFits", "type": "Warning",
            "regarding": {
                "apiVersion": "test.example.com/v1", "kind": "Widget", "name": "w", "namespace": "default",
                "uid": created["metadata"]["uid"],
            },
            "note": "0/2 hosts fit",
        })).await;
        let described = kubectl.run(&["describe", "widget", "w"]).await.unwrap();
        assert!(described.contains("NoHostFits") && described.contains("0/2 hosts fit"), "{described}");
        let events = kubectl.run(&["events", "--for", "widget/w"]).await.unwrap();
        assert!(events.contains("NoHostFits"), "{events}");
        let events = kubectl.run(&["get", "events"]).await.unwrap();
        assert!(events.contains("widget/w"), "{events}");
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_printed_as_on_a_cluster() {
    within(async {
        let (_listening, kubectl) = with_widgets().await;
        let strict = "
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
dat: {x: z}
";
        let run = kubectl
            .run_with_input(&["apply", "-f", "-"], strict)
            .await
            .unwrap();
        assert_ne!(run.code, Some(0));
        assert!(
            run.stderr.contains("unknown field \"dat\""),
            "{}",
            run.stderr
        );
        let bad = strict
            .replace("dat:", "data:")
            .replace("name: a", "name: A_");
        let run = kubectl
            .run_with_input(&["apply", "-f", "-"], &bad)
            .await
            .unwrap();
        assert!(
            run.stderr
                .contains("The ConfigMap \"A_\" is invalid: metadata.name: Invalid value"),
            "{}",
            run.stderr
        );
    })
    .await;
}

#[tokio::test]
async fn a_watch_prints_changes_as_they_come() {
    within(async {
        use tokio::io::{AsyncBufReadExt, BufReader};
        let (listening, kubectl) = with_widgets().await;
        listening
            .server
            .create(WIDGETS, &widget("first", "green"))
            .await;
        let mut child = kubectl
            .command()
            .args(["get", "widgets", "-w"])
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let next = async |lines: &mut tokio::io::Lines<_>| -> Vec<String> {
            let line: Option<String> = lines.next_line().await.unwrap();
            line.unwrap()
                .split_whitespace()
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(next(&mut lines).await, ["NAME", "COLOR", "READY", "AGE"]);
        assert_eq!(next(&mut lines).await[..2], ["first", "green"]);
        listening
            .server
            .create(WIDGETS, &widget("second", "red"))
            .await;
        assert_eq!(next(&mut lines).await[..2], ["second", "red"]);
    })
    .await;
}

#[tokio::test]
async fn a_list_is_applied_as_its_items() {
    within(async {
        let listening = Listening::start().await;
        let kubectl = Kubectl::new(&listening.kubeconfig()).unwrap();
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}},
        ]});
        assert_eq!(
            kubectl.apply(&list.to_string()).await.unwrap().trim(),
            "configmap/one created\nconfigmap/two created"
        );
        // An item is validated by the server, as strictly as an object of its own.
        let wrong = list
            .to_string()
            .replace("\"metadata\"", "\"metadta\":{},\"metadata\"");
        let refused = kubectl.apply(&wrong).await.unwrap_err().to_string();
        assert!(refused.contains("unknown field \"metadta\""), "{refused}");
    })
    .await;
}
