//! What an operator's account may do, and that it suffices: for all namespaces, and for two of them.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testbed::kube::Kubectl;
use testbed::wait;

use crate::cluster::{Apart, Cluster, SOON, SYSTEM, may};
use crate::objects::{ROLLOUT, deployment, is_ready};

/// What no operator may do, wherever it is asked.
const NEVER: [&[&str]; 10] = [
    &["list", "secrets"],
    &["watch", "secrets"],
    &["list", "configmaps"],
    &["watch", "configmaps"],
    &["create", "workloaddeployments.runtime.wasmcloud.dev"],
    &["delete", "workloaddeployments.runtime.wasmcloud.dev"],
    &["create", "pods"],
    &["update", "services"],
    &["create", "roles.rbac.authorization.k8s.io"],
    &["impersonate", "users"],
];

async fn check(kubectl: &Kubectl, what: &[&str], place: &[&str], expected: bool) -> Result<()> {
    let asked = [what, place].concat();
    let answer = may(kubectl, &asked).await?;
    ensure!(answer == expected, "can-i {asked:?}: {answer}");
    Ok(())
}

#[tokio::test]
async fn the_account_for_all_namespaces_has_what_it_needs_and_no_more() {
    wait::within(wait::TEST, "the account's rights", rights())
        .await
        .unwrap()
        .unwrap();
}

async fn rights() -> Result<()> {
    let plan = Apart {
        hosts: 0,
        operators: 0,
        ..Apart::default()
    };
    let cluster = Cluster::apart(&plan).await?;
    let kubectl = Kubectl::new(&cluster.operator_kubeconfig())?;
    let anywhere = ["--all-namespaces"];
    let own = ["--namespace", SYSTEM];
    check(&kubectl, &["get", "secrets"], &anywhere, true).await?;
    check(&kubectl, &["list", "services"], &anywhere, true).await?;
    let workloads = "workloads.runtime.wasmcloud.dev";
    check(&kubectl, &["delete", workloads], &anywhere, true).await?;
    let hosts = "hosts.runtime.wasmcloud.dev";
    check(&kubectl, &["create", hosts], &own, true).await?;
    let itself = format!("namespaces/{SYSTEM}");
    check(&kubectl, &["get", &itself], &own, true).await?;
    for never in NEVER {
        check(&kubectl, never, &anywhere, false).await?;
    }
    // Hosts, their Pods and the Lease are in its own namespace; there is nothing to see of them elsewhere.
    for what in [
        &["list", hosts][..],
        &["list", "pods"],
        &["update", "leases.coordination.k8s.io"],
        &["get", "namespaces/default"],
        &["get", "nodes"],
        &["create", "tokenreviews.authentication.k8s.io"],
        &["get", "customresourcedefinitions.apiextensions.k8s.io"],
    ] {
        check(&kubectl, what, &["--namespace", "default"], false).await?;
    }
    let other = ["update", "leases.coordination.k8s.io/another"];
    check(&kubectl, &other, &own, false).await
}

#[tokio::test]
async fn an_operator_of_two_namespaces_serves_those_and_touches_no_other() {
    wait::within(3 * wait::TEST, "an operator of two namespaces", scoped())
        .await
        .unwrap()
        .unwrap();
}

async fn scoped() -> Result<()> {
    let plan = Apart {
        watch: vec!["a".to_owned(), "b".to_owned()],
        ..Apart::default()
    };
    let cluster = Cluster::apart(&plan).await?;
    let kubectl = cluster.kubectl()?;
    kubectl.run(&["create", "namespace", "c"]).await?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    // First where nobody serves: what is served later shows that time has passed for it too.
    let mut untouched = Value::Null;
    for namespace in ["c", "a", "b"] {
        let manifest = deployment(&format!("hello-{namespace}"), &hello, 1);
        let arguments = ["--namespace", namespace, "apply", "-f", "-"];
        let run = kubectl.run_with_input(&arguments, &manifest).await?;
        ensure!(run.code == Some(0), "{run:?}");
        if namespace == "c" {
            untouched = all(&kubectl, "c").await?;
        }
    }
    for namespace in ["a", "b"] {
        wait::until(ROLLOUT, &format!("the one in {namespace}"), || async {
            let found = all(&kubectl, namespace).await?;
            let deployment = &found["items"][0];
            ensure!(is_ready(deployment), "{}", deployment["status"]);
            Ok::<_, anyhow::Error>(())
        })
        .await
        .with_context(|| cluster.logs())?;
        let name = format!("hello-{namespace}.{namespace}");
        let answer = cluster.get(0, &name, "/").await?;
        ensure!(answer.status == 200, "{name}: {answer:?}");
        // The slice that leads a Service's clients to the host is written there too.
        let arguments = [
            "--namespace",
            namespace,
            "get",
            "endpointslices",
            "-o",
            "json",
        ];
        let address = cluster.address(0).await?;
        wait::until(SOON, &format!("the slice in {namespace}"), || async {
            let slices: Value = serde_json::from_str(&kubectl.run(&arguments).await?)?;
            let slice = &slices["items"][0];
            let endpoint = &slice["endpoints"][0];
            ensure!(endpoint["addresses"][0] == address.as_str(), "{slices}");
            ensure!(endpoint["conditions"]["ready"] == true, "{slice}");
            let owner = &slice["metadata"]["ownerReferences"][0];
            let service = format!("hello-{namespace}");
            ensure!(
                owner["kind"] == "Service" && owner["name"] == service.as_str(),
                "{owner}"
            );
            Ok::<_, anyhow::Error>(())
        })
        .await
        .with_context(|| cluster.logs())?;
    }
    for namespace in ["a", "b"] {
        let name = format!("workloaddeployment/hello-{namespace}");
        kubectl
            .run(&["--namespace", namespace, "delete", &name, "--timeout=25s"])
            .await?;
    }
    let now = all(&kubectl, "c").await?;
    ensure!(now["items"] == untouched["items"], "{now}");

    cluster.nothing_was_refused()?;

    // That is no politeness: it has no right to more.
    let account = Kubectl::new(&cluster.operator_kubeconfig())?;
    let workloads = "workloads.runtime.wasmcloud.dev";
    for served in ["a", "b"] {
        let place = ["--namespace", served];
        check(&account, &["delete", workloads], &place, true).await?;
        check(&account, &["get", "secrets"], &place, true).await?;
        for never in NEVER {
            check(&account, never, &place, false).await?;
        }
    }
    check(&account, &["get", "secrets"], &["--namespace", "c"], false).await?;
    for what in [
        &["list", workloads][..],
        &["list", "namespaces"],
        &["get", "secrets"],
        &["list", "services"],
    ] {
        check(&account, what, &["--all-namespaces"], false).await?;
    }
    // It lives with Roles alone.
    let bindings = ["get", "clusterrolebindings", "-o", "json"];
    let bindings: Value = serde_json::from_str(&kubectl.run(&bindings).await?)?;
    for binding in bindings["items"].as_array().into_iter().flatten() {
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        let mut ours = subjects.filter(|subject| {
            subject["kind"] == "ServiceAccount" && subject["name"] == "runtime-operator"
        });
        ensure!(ours.next().is_none(), "{binding}");
    }
    Ok(())
}

/// The deployments and everything that is made of them, in a namespace.
async fn all(kubectl: &Kubectl, namespace: &str) -> Result<Value> {
    let kinds = "workloaddeployments,workloadreplicasets,workloads";
    let arguments = ["--namespace", namespace, "get", kinds, "-o", "json"];
    Ok(serde_json::from_str(&kubectl.run(&arguments).await?)?)
}
