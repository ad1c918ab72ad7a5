//! What was acknowledged survives `kill -9`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use apiserver::{ApiServer, Options};
use http::{Method, StatusCode};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::server::*;

/// Set in the process that is killed: the folder it serves from.
const FOLDER: &str = "APISERVER_TEST_FOLDER";
const THIS: &str = "durability::acknowledged_writes_survive_kill_9";

fn options(folder: &Path) -> Options {
    Options {
        data_dir: Some(folder.join("data")),
        ..Options::default()
    }
}

/// What the killed process does: serve until it is killed.
async fn serve(folder: &Path) {
    let server = ApiServer::open(options(folder)).await.unwrap();
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    server
        .write_kubeconfig(&folder.join("kubeconfig"), address)
        .unwrap();
    server
        .serve(listener, CancellationToken::new())
        .await
        .unwrap();
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().expect("the child can be killed");
        self.0.wait().expect("the child ends");
    }
}

fn spawn(folder: &Path) -> Killed {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([THIS, "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Killed(child)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kill_9() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return serve(Path::new(&folder)).await;
    }
    within(async {
        let folder = tempfile::tempdir().unwrap();
        let mut expected: BTreeMap<String, Option<String>> = BTreeMap::new();
        for round in 0..3 {
            let child = spawn(folder.path());
            let kubeconfig = folder.path().join("kubeconfig");
            while !kubeconfig.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let client = testbed::kube::client(&kubeconfig).await.unwrap();
            let (acknowledged, mut received) = tokio::sync::mpsc::unbounded_channel();
            let writers: Vec<_> = (0..8)
                .map(|writer| {
                    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
                    let acknowledged = acknowledged.clone();
                    tokio::spawn(async move {
                        for index in 0.. {
                            let name = format!("r{round}-w{writer}-{index}");
                            let object = serde_json::from_value(config_map(&name)).unwrap();
                            let Ok(created) = api.create(&PostParams::default(), &object).await
                            else {
                                return;
                            };
                            if index % 3 == 2 {
                                // An unacknowledged delete may have happened or not: not counted.
                                if api.delete(&name, &DeleteParams::default()).await.is_err() {
                                    return;
                                }
                                acknowledged.send((name, None)).unwrap();
                            } else {
                                acknowledged
                                    .send((name, created.resource_version()))
                                    .unwrap();
                            }
                        }
                    })
                })
                .collect();
            for _ in 0..200 {
                let (name, version) = received.recv().await.unwrap();
                expected.insert(name, version);
            }
            // In the middle of everybody's next write.
            drop(child);
            for writer in writers {
                writer.await.unwrap();
            }
            while let Ok((name, version)) = received.try_recv() {
                expected.insert(name, version);
            }
            std::fs::remove_file(&kubeconfig).unwrap();
        }
        let server = TestServer::with(options(folder.path())).await;
        let api: Api<ConfigMap> = Api::default_namespaced(server.client());
        let list = api.list(&ListParams::default()).await.unwrap();
        let found: BTreeMap<String, String> = list
            .iter()
            .map(|o| (o.name_any(), o.resource_version().unwrap()))
            .collect();
        for (name, version) in &expected {
            assert_eq!(found.get(name), version.as_ref(), "{name}");
        }
        let newest = expected
            .values()
            .flatten()
            .filter_map(|v| v.parse::<u64>().ok())
            .max()
            .unwrap();
        let revision: u64 = list.metadata.resource_version.unwrap().parse().unwrap();
        assert!(
            revision >= newest,
            "revisions never go back: {revision} < {newest}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    within(async {
        let folder = tempfile::tempdir().unwrap();
        let first = TestServer::with(options(folder.path())).await;
        let error = ApiServer::open(options(folder.path())).await.err().unwrap();
        assert!(error.to_string().contains("in use"), "{error}");
        assert_eq!(first.get("/readyz").await.0, StatusCode::OK);
        let (code, _) = first
            .send(Method::POST, CONFIG_MAPS, "application/json", &json!({}))
            .await;
        assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY);
    })
    .await;
}
