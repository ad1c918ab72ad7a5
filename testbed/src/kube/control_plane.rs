//! etcd, kube-apiserver and kube-controller-manager as plain processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use tokio::net::TcpStream;

use super::kubeconfig::{self, Kubeconfig};
use super::kubectl::Kubectl;
use crate::folder::Folder;
use crate::process::Process;
use crate::tls::Authority;
use crate::{port, tls, tools};

const READY: Duration = Duration::from_secs(50);

/// A running control plane; gone when dropped.
///
/// RBAC and OwnerReferencesPermissionEnforcement are on. Of the controllers the garbage collector,
/// the namespace controller, the one of default ServiceAccounts and the HorizontalPodAutoscaler run.
#[derive(Debug)]
pub struct ControlPlane {
    // Fields drop in order: the controllers before the API server before its store.
    controllers: Process,
    apiserver: Process,
    _etcd: Process,
    url: String,
    authority: Authority,
    folder: Folder,
}

impl ControlPlane {
    /// Starts all three and waits until the API answers and the namespace `default` is there.
    pub async fn start() -> Result<Self> {
        let (etcd_program, apiserver_program, controllers_program) = (
            tools::path("etcd")?,
            tools::path("kube-apiserver")?,
            tools::path("kube-controller-manager")?,
        );
        let folder = Folder::new("kube")?;
        let authority = Authority::new("testbed Kubernetes authority")?;

        let client_port = port::free()?;
        let mut etcd = etcd(etcd_program, &folder, client_port, port::free()?);
        etcd.start()?;

        let port = port::free()?;
        let url = format!("https://127.0.0.1:{port}");
        let mut apiserver = apiserver(apiserver_program, &folder, &authority, client_port, port)?;
        // The store first: an API server that finds none waits a second before it looks again.
        etcd.ready(READY, || async move {
            TcpStream::connect(("127.0.0.1", client_port))
                .await
                .map(drop)
        })
        .await?;
        apiserver.start()?;

        let admin = authority.client("testbed-admin", &["system:masters"])?;
        write_kubeconfig(&folder, "admin.kubeconfig", &url, &authority, &admin)?;
        let manager = authority.client("system:kube-controller-manager", &["system:masters"])?;
        let manager = write_kubeconfig(
            &folder,
            "controllers.kubeconfig",
            &url,
            &authority,
            &manager,
        )?;
        let controllers = controllers(controllers_program, &folder, &manager);

        let mut plane = Self {
            controllers,
            apiserver,
            _etcd: etcd,
            url,
            authority,
            folder,
        };
        let client = plane.client().await?;
        plane.apiserver.ready(READY, || is_ready(&client)).await?;
        plane.controllers.start()?;
        Ok(plane)
    }

    /// A kubeconfig of a user who may do everything.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// A kubeconfig of `user` in `groups`, who may do what RBAC grants.
    pub fn kubeconfig_of(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        let identity = self.authority.client(user, groups)?;
        let file = format!(
            "{}.kubeconfig",
            user.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        );
        write_kubeconfig(&self.folder, &file, &self.url, &self.authority, &identity)
    }

    /// A client of a user who may do everything.
    pub async fn client(&self) -> Result<kube::Client> {
        kubeconfig::client(&self.kubeconfig()).await
    }

    /// kubectl as a user who may do everything.
    pub fn kubectl(&self) -> Result<Kubectl> {
        Kubectl::new(&self.kubeconfig())
    }

    /// `https://127.0.0.1:<port>`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What signed the server's certificate and signs its clients'.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Ends the API server abruptly, as a control plane's outage.
    pub fn stop_apiserver(&mut self) {
        self.apiserver.kill();
    }

    /// Starts a stopped API server again, and waits until it answers.
    pub async fn start_apiserver(&mut self) -> Result<()> {
        self.apiserver.start()?;
        let client = self.client().await?;
        self.apiserver.ready(READY, || is_ready(&client)).await
    }

    /// Starts the controllers anew: for kinds that are newer than they are. They keep what they
    /// know of the API for half a minute.
    pub fn restart_controllers(&mut self) -> Result<()> {
        self.controllers.kill();
        self.controllers.start()
    }

    /// The last lines of the API server's log.
    pub fn log_tail(&self) -> String {
        self.apiserver.log_tail()
    }
}

async fn is_ready(client: &kube::Client) -> Result<()> {
    let request = http_get("/readyz")?;
    client.request_text(request).await.context("/readyz")?;
    Api::<Namespace>::all(client.clone())
        .get("default")
        .await
        .context("the namespace default")?;
    Ok(())
}

fn http_get(path: &str) -> Result<http::Request<Vec<u8>>> {
    Ok(http::Request::get(path).body(Vec::new())?)
}

fn write_kubeconfig(
    folder: &Folder,
    file: &str,
    server: &str,
    authority: &Authority,
    user: &tls::Identity,
) -> Result<PathBuf> {
    folder.write(
        file,
        &Kubeconfig {
            server,
            authority: authority.certificate(),
            user,
        }
        .render(),
    )
}

fn etcd(program: PathBuf, folder: &Folder, client_port: u16, peer_port: u16) -> Process {
    let (client, peer) = (
        format!("http://127.0.0.1:{client_port}"),
        format!("http://127.0.0.1:{peer_port}"),
    );
    Process::new("etcd", program, folder.join("etcd.log"))
        .arg("--data-dir")
        .arg(folder.join("etcd"))
        .args([
            "--name",
            "testbed",
            "--unsafe-no-fsync",
            "--log-level",
            "warn",
        ])
        .args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ])
        .args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
        ])
        .args(["--initial-cluster".to_owned(), format!("testbed={peer}")])
}

fn apiserver(
    program: PathBuf,
    folder: &Folder,
    authority: &Authority,
    etcd: u16,
    port: u16,
) -> Result<Process> {
    let server = authority.server(&["127.0.0.1", "localhost", "kubernetes.default.svc"])?;
    let certificate = folder.write("apiserver.pem", &server.certificate)?;
    let key = folder.write("apiserver.key", &server.key)?;
    let ca = folder.write("ca.pem", authority.certificate())?;
    let (token_key, token_public_key) = tls::token_keys()?;
    let token_key = folder.write("tokens.key", &token_key)?;
    let token_public_key = folder.write("tokens.pub", &token_public_key)?;
    let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
    Ok(
        Process::new("kube-apiserver", program, folder.join("apiserver.log"))
            .args([
                format!("--etcd-servers=http://127.0.0.1:{etcd}"),
                format!("--secure-port={port}"),
                flag("tls-cert-file", &certificate),
                flag("tls-private-key-file", &key),
                flag("client-ca-file", &ca),
                flag("service-account-key-file", &token_public_key),
                flag("service-account-signing-key-file", &token_key),
                format!("--service-account-issuer=https://127.0.0.1:{port}"),
            ])
            .args([
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--service-cluster-ip-range=10.0.0.0/16,fd00:10:96::/112",
                "--authorization-mode=RBAC",
                "--endpoint-reconciler-type=none",
                // There are no pods whose accounts it would look up.
                "--disable-admission-plugins=ServiceAccount",
                "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
                // It is killed, not drained.
                "--shutdown-delay-duration=0s",
            ]),
    )
}

fn controllers(program: PathBuf, folder: &Folder, kubeconfig: &Path) -> Process {
    Process::new("kube-controller-manager", program, folder.join("controllers.log"))
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args([
            "--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller,horizontal-pod-autoscaler-controller",
            "--leader-elect=false",
            "--secure-port=0",
            // The default of 15 s is made for large clusters.
            "--horizontal-pod-autoscaler-sync-period=1s",
        ])
}
