use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use testbed::kube::{ControlPlane, client};
use testbed::wait;

fn config_map(value: serde_json::Value) -> ConfigMap {
    serde_json::from_value(value).unwrap()
}

/// One control plane for everything asked of it: it takes seconds to start.
#[tokio::test]
async fn a_control_plane_authorises_and_collects_garbage() {
    wait::within(wait::TEST, "the control plane's test", async {
        let plane = ControlPlane::start().await.unwrap();
        let maps: Api<ConfigMap> = Api::default_namespaced(plane.client().await.unwrap());

        let owner = config_map(json!({"metadata": {"name": "owner"}}));
        let owner = maps.create(&PostParams::default(), &owner).await.unwrap();
        let owned = config_map(json!({"metadata": {"name": "owned", "ownerReferences": [{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid,
        }]}}));
        maps.create(&PostParams::default(), &owned).await.unwrap();

        let stranger = plane.kubeconfig_of("stranger", &["nobody"]).unwrap();
        let stranger: Api<ConfigMap> = Api::default_namespaced(client(&stranger).await.unwrap());
        let refused = stranger.get("owner").await.unwrap_err();
        assert!(
            matches!(&refused, kube::Error::Api(status) if status.code == 403),
            "{refused}"
        );

        let kubectl = plane.kubectl().unwrap();
        assert_eq!(
            kubectl
                .run(&["get", "configmap/owned", "-o", "name"])
                .await
                .unwrap(),
            "configmap/owned\n"
        );
        kubectl.run(&["delete", "configmap/owner"]).await.unwrap();
        wait::until(
            Duration::from_secs(30),
            "the owned object to be collected",
            || async {
                match maps.get_opt("owned").await {
                    Ok(None) => Ok(()),
                    Ok(Some(map)) => Err(format!("{:?}", map.metadata)),
                    Err(error) => Err(error.to_string()),
                }
            },
        )
        .await
        .unwrap();
    })
    .await
    .unwrap();
}
