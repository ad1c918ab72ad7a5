//! Hosts under way.

use anyhow::{Context, Result};
use testbed::wait;

use super::api::Api;
use super::binaries::{self, HostFlags};
use super::program::Program;
use super::{Cluster, SOON, request};
use crate::objects;

/// One host.
pub struct Host {
    /// `None` for the host inside `wash up`.
    pub program: Option<Program>,
    /// Its name in `kubectl get hosts`, where it is a program of its own.
    pub name: String,
    pub http: String,
}

impl Cluster {
    pub(super) async fn add_hosts(&mut self, count: usize, group: &str) -> Result<()> {
        let prefix = if group == "default" { "host" } else { group };
        for index in 1..=count {
            let name = format!("{prefix}-{index}");
            // An address that others could reach: loopback is in no EndpointSlice. Nobody asks it here.
            let address = format!("10.9.9.{}", self.hosts.len() + 1);
            let host = self.host(name, group, address).await?;
            self.hosts.push(host);
        }
        Ok(())
    }

    async fn host(&self, name: String, group: &str, address: String) -> Result<Host> {
        let folder = self.folder.path();
        let (program, http) = if let Api::Pods(kind) = &self.api {
            kind.host(folder, &name, group).await?
        } else {
            let http = format!("127.0.0.1:{}", testbed::free_port()?);
            let nats = self.nats.as_ref().context("hosts join over NATS")?;
            let mut process = binaries::host(&HostFlags {
                folder,
                name: &name,
                group,
                address: &address,
                http: &http,
                nats: &nats.inner_url,
            })?;
            process.start()?;
            (Program::Process(process), http)
        };
        Ok(Host {
            program: Some(program),
            name,
            http,
        })
    }

    /// Waits until the hosts of this cluster are Ready; others' may be listed too.
    pub(super) async fn hosts_are_ready(&self) -> Result<()> {
        let kubectl = self.kubectl()?;
        wait::until(SOON, "the hosts to be Ready", || async {
            let hosts = objects::list(&kubectl, "hosts").await?;
            let ready = hosts
                .iter()
                .filter(|host| objects::is_ready(host) && self.owns(host))
                .count();
            anyhow::ensure!(
                ready == self.hosts.len(),
                "{ready} of {} are ready: {hosts:?}",
                self.hosts.len()
            );
            Ok::<_, anyhow::Error>(())
        })
        .await
        .with_context(|| self.logs())
    }

    fn owns(&self, host: &serde_json::Value) -> bool {
        let name = host["metadata"]["name"].as_str().unwrap_or_default();
        self.hosts
            .iter()
            .any(|own| own.program.is_none() || own.name == name)
    }

    /// The name of host number `index`, where it is a program of its own.
    pub fn host_name(&self, index: usize) -> &str {
        &self.hosts[index].name
    }

    /// Ends host number `index` as `kill -9` does.
    pub async fn kill_host(&mut self, index: usize) -> Result<()> {
        self.program(index)?.kill().await
    }

    /// Starts host number `index` again, under its name and at its address.
    pub async fn start_host(&mut self, index: usize) -> Result<()> {
        self.program(index)?.start_again().await?;
        self.hosts_are_ready().await
    }

    /// Host number `index` in other hands: it can be ended while others use the cluster.
    pub fn take_host(&mut self, index: usize) -> Result<Program> {
        let program = self.hosts[index].program.take();
        program.context("this host is no program of its own")
    }

    fn program(&mut self, index: usize) -> Result<&mut Program> {
        let program = self.hosts[index].program.as_mut();
        program.context("this host is no program of its own")
    }

    /// What host number `index` has logged.
    pub fn host_log(&self, index: usize) -> Result<String> {
        let program = self.hosts[index].program.as_ref();
        program.context("this host is no program of its own")?.log()
    }

    /// Where host number `index` says that it is: under that address EndpointSlices have it.
    pub async fn address(&self, index: usize) -> Result<String> {
        let hosts = objects::list(&self.kubectl()?, "hosts").await?;
        let name = self.host_name(index);
        let host = hosts.iter().find(|h| h["metadata"]["name"] == name);
        let host = host.with_context(|| format!("there is no host {name}"))?;
        Ok(host["hostname"].as_str().unwrap_or_default().to_owned())
    }

    /// `GET path` by Host header from the host number `index`.
    pub async fn get(&self, index: usize, host: &str, path: &str) -> Result<request::Answer> {
        let at = self
            .hosts
            .get(index)
            .with_context(|| format!("there is no host {index}"))?;
        request::get(&at.http, host, path).await
    }

    /// An address that leads to a port which a workload opened on host number `index`.
    pub async fn reach(&mut self, index: usize, port: u16) -> Result<String> {
        match &mut self.hosts[index].program {
            Some(Program::Pod(pod)) => pod.forward(port).await,
            _ => Ok(format!("127.0.0.1:{port}")),
        }
    }
}
