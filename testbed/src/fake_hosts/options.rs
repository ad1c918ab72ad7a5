//! What a fake host is: name, protocol, and everything it says of itself.

use std::collections::BTreeMap;

use protocol::v2::WitInterface;

/// Which protocol a host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// As the reference: base messages, no answer to others.
    Base,
    /// As ours: base messages and the extension.
    Extension,
}

/// What a fake host says of itself. Change it with [`super::FakeHost::change`].
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Name of its Host object.
    pub name: String,
    /// Its protocol.
    pub speaks: Speaks,
    /// Address.
    pub hostname: String,
    /// HTTP port; 0 for none.
    pub http_port: u32,
    /// Addresses of its announcement.
    pub addresses: Vec<String>,
    /// What workloads may open for themselves, in the words of `--workload-ports`; empty says nothing.
    pub workload_ports: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Tenant.
    pub environment: String,
    /// Version of the program.
    pub version: String,
    /// What its plugins serve.
    pub offers: Vec<WitInterface>,
    /// Instances it can hold; 0 says nothing.
    pub instances: u64,
    /// Bytes it can hold; 0 says nothing.
    pub memory: u64,
    /// Whether it announces that it takes no new workloads.
    pub draining: bool,
}

impl HostOptions {
    /// A host with the extension and the label `hostgroup=default`, at an address that nobody has.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            speaks: Speaks::Extension,
            hostname: "10.1.2.3".into(),
            http_port: 8000,
            addresses: Vec::new(),
            workload_ports: String::new(),
            labels: BTreeMap::from([("hostgroup".to_owned(), "default".to_owned())]),
            environment: String::new(),
            version: "1.0.0".into(),
            offers: Vec::new(),
            instances: 0,
            memory: 0,
            draining: false,
        }
    }

    /// With this protocol.
    pub fn speaks(mut self, speaks: Speaks) -> Self {
        self.speaks = speaks;
        self
    }

    /// At this address.
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// With this HTTP port; 0 for none.
    pub fn http_port(mut self, port: u32) -> Self {
        self.http_port = port;
        self
    }

    /// With one more label.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Of this tenant.
    pub fn environment(mut self, environment: &str) -> Self {
        self.environment = environment.into();
        self
    }

    /// With room for this.
    pub fn capacity(mut self, instances: u64, memory: u64) -> Self {
        (self.instances, self.memory) = (instances, memory);
        self
    }

    /// With a plugin for a package, such as `wasmcloud:messaging@0.2.0` or `wasi:config`.
    pub fn offering(mut self, package: &str) -> Self {
        let (package, version) = package.split_once('@').unwrap_or((package, ""));
        let (namespace, package) = package.split_once(':').unwrap_or(("wasi", package));
        self.offers.push(WitInterface {
            namespace: namespace.into(),
            package: package.into(),
            version: version.into(),
            ..WitInterface::default()
        });
        self
    }

    /// With the plugins of the reference's host.
    pub fn offering_what_the_reference_does(self) -> Self {
        [
            "wasmcloud:keyvalue@0.2.0",
            "wasmcloud:blobstore@0.1.0",
            "wasmcloud:secrets@2.1.0",
            "wasmcloud:postgres@0.2.0",
            "wasi:keyvalue@0.2.0-draft",
            "wasmcloud:messaging@0.2.0",
            "wasi:config@0.2.0-rc.1",
            "wasi:blobstore@0.2.0-draft",
            "wasi:logging@0.1.0-draft",
            "wasi:http@0.2.2",
        ]
        .into_iter()
        .fold(self, Self::offering)
    }
}
