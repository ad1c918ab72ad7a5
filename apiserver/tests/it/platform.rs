//! The platform's own CRDs and examples, as files: this crate knows nothing of their kinds.

use std::path::{Path, PathBuf};

use testbed::kube::Kubectl;

use crate::access::Listening;
use crate::server::within;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

async fn installed() -> (Listening, Kubectl) {
    let listening = Listening::start().await;
    let kubectl = Kubectl::new(&listening.kubeconfig()).unwrap();
    let crds = repository("charts/runtime-operator/crds");
    kubectl
        .run(&["apply", "--server-side", "-f", text(&crds)])
        .await
        .unwrap();
    kubectl
        .run(&["wait", "--for=condition=Established", "crd", "--all"])
        .await
        .unwrap();
    (listening, kubectl)
}

#[tokio::test]
async fn the_crds_install_and_explain_themselves() {
    within(async {
        let (_listening, kubectl) = installed().await;
        let again = kubectl
            .run(&[
                "apply",
                "--server-side",
                "-f",
                text(&repository("charts/runtime-operator/crds")),
            ])
            .await
            .unwrap();
        assert!(again.contains("serverside-applied"), "{again}");
        let text = kubectl
            .run(&["explain", "workloaddeployment.spec"])
            .await
            .unwrap();
        assert!(
            text.contains("replicas") && text.contains("<integer>"),
            "{text}"
        );
        let table = kubectl
            .run(&["get", "ww,hosts,workloaddeployments", "-o", "wide"])
            .await;
        assert!(table.is_ok(), "{table:?}");
    })
    .await;
}

#[tokio::test]
async fn the_first_example_is_applied_scaled_and_deleted() {
    within(async {
        let (_listening, kubectl) = installed().await;
        let manifest = repository("examples/http-hello/workload.yaml");
        kubectl
            .run(&["apply", "-f", text(&manifest)])
            .await
            .unwrap();
        let again = kubectl
            .run(&["apply", "-f", text(&manifest)])
            .await
            .unwrap();
        assert!(
            again.lines().all(|line| line.ends_with("unchanged")),
            "{again}"
        );
        kubectl
            .run(&["scale", "workloaddeployment/http-hello", "--replicas=5"])
            .await
            .unwrap();
        let replicas = kubectl
            .run(&[
                "get",
                "workloaddeployment",
                "http-hello",
                "-o",
                "jsonpath={.spec.replicas}",
            ])
            .await
            .unwrap();
        assert_eq!(replicas, "5");
        let table = kubectl
            .run(&["get", "workloaddeployments", "-o", "wide"])
            .await
            .unwrap();
        assert!(table.contains("http-hello"), "{table}");
        let bad = kubectl
            .try_run(&["scale", "workloaddeployment/http-hello", "--replicas=-1"])
            .await
            .unwrap();
        assert_ne!(bad.code, Some(0));
        kubectl
            .run(&["delete", "-f", text(&manifest)])
            .await
            .unwrap();
    })
    .await;
}
