//! Who gets in over TLS, and what they may do.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::StatusCode;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams};
use kube::config::{AuthInfo, KubeConfigOptions};
use kube::{Client, Config};
use serde_json::json;
use tokio::net::TcpListener;

use crate::server::*;

/// A server that listens, with its kubeconfig.
pub struct Listening {
    pub server: TestServer,
    pub folder: tempfile::TempDir,
}

impl Listening {
    pub async fn start() -> Self {
        let server = TestServer::start().await;
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        server
            .server
            .write_kubeconfig(&folder.path().join("kubeconfig"), address)
            .unwrap();
        let (serving, stop) = (Arc::clone(&server.server), server.stop.clone());
        tokio::spawn(async move { serving.serve(listener, stop).await.unwrap() });
        let (running, stop) = (Arc::clone(&server.server), server.stop.clone());
        tokio::spawn(async move { running.run(stop).await });
        Self { server, folder }
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// A client without a certificate, with this token.
    async fn with_token(&self, token: Option<&str>) -> Client {
        let kubeconfig = kube::config::Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .unwrap();
        config.auth_info = AuthInfo::default();
        config.auth_info.token = token.map(|token| token.to_owned().into());
        Client::try_from(config).unwrap()
    }
}

async fn code(client: Client) -> u16 {
    match Api::<ConfigMap>::default_namespaced(client)
        .list(&ListParams::default())
        .await
    {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(other) => panic!("not an API error: {other}"),
    }
}

#[tokio::test]
async fn the_kubeconfig_is_private_and_makes_an_administrator() {
    within(async {
        let listening = Listening::start().await;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(listening.kubeconfig())
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let client = testbed::kube::client(&listening.kubeconfig())
            .await
            .unwrap();
        assert_eq!(code(client).await, 200);
    })
    .await;
}

#[tokio::test]
async fn strangers_see_health_and_version_only() {
    within(async {
        let listening = Listening::start().await;
        let anonymous = listening.with_token(None).await;
        assert_eq!(anonymous.apiserver_version().await.unwrap().minor, "36");
        assert_eq!(code(anonymous).await, 403);
        assert_eq!(
            code(listening.with_token(Some("nonsense")).await).await,
            401
        );
    })
    .await;
}

#[tokio::test]
async fn a_service_account_may_do_what_its_roles_grant() {
    within(async {
        let listening = Listening::start().await;
        let server = &listening.server;
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}});
        server.create("/api/v1/namespaces/default/serviceaccounts", &account).await;
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let path = "/api/v1/namespaces/default/serviceaccounts/bot/token";
        let issued = server.create(path, &request).await;
        let token = issued["status"]["token"].as_str().unwrap();
        assert_eq!(code(listening.with_token(Some(token)).await).await, 403);

        let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
        server.create(&format!("{rbac}/roles"), &json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}],
        })).await;
        server.create(&format!("{rbac}/rolebindings"), &json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "bot-reads"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "bot", "namespace": "default"}],
        })).await;
        assert_eq!(code(listening.with_token(Some(token)).await).await, 200);

        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token},
        });
        let reviewed = server.create("/apis/authentication.k8s.io/v1/tokenreviews", &review).await;
        assert_eq!(reviewed["status"]["user"]["username"], "system:serviceaccount:default:bot");
        let ask = |verb: &str| json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {
                "user": "system:serviceaccount:default:bot",
                "resourceAttributes": {"namespace": "default", "verb": verb, "resource": "configmaps"},
            },
        });
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        assert_eq!(server.create(path, &ask("list")).await["status"]["allowed"], true);
        assert_eq!(server.create(path, &ask("delete")).await["status"]["allowed"], false);

        let (deleted, _) = server
            .send(http::Method::DELETE, "/api/v1/namespaces/default/serviceaccounts/bot", "application/json", &json!({}))
            .await;
        assert_eq!(deleted, StatusCode::OK);
        assert_eq!(code(listening.with_token(Some(token)).await).await, 401, "its account is gone");
    })
    .await;
}
