use std::path::Path;

use testbed::kube::ControlPlane;
use testbed::wait;

/// A user's first command is `kubectl apply -f` of one of these.
#[tokio::test]
async fn a_real_api_server_accepts_the_examples() {
    wait::within(wait::TEST, "the examples' test", async {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let plane = ControlPlane::start().await.unwrap();
        let kubectl = plane.kubectl().unwrap();
        let crds = root.join("charts/runtime-operator/crds");
        kubectl
            .run(&["apply", "-f", crds.to_str().unwrap()])
            .await
            .unwrap();
        let established = [
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=20s",
        ];
        kubectl.run(&established).await.unwrap();
        for example in ["http-hello", "http-config"] {
            let manifest = root.join("examples").join(example).join("workload.yaml");
            let applied = kubectl
                .run(&[
                    "apply",
                    "--validate=strict",
                    "-f",
                    manifest.to_str().unwrap(),
                ])
                .await
                .unwrap();
            let deployment = format!("workloaddeployment.runtime.wasmcloud.dev/{example} created");
            assert!(applied.contains(&deployment), "{applied}");
        }
    })
    .await
    .unwrap();
}
