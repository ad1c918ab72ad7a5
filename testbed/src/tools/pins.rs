//! What is pinned, and where each comes from.

use super::version::Version;

/// A pinned server or client.
#[derive(Debug, PartialEq, Eq)]
pub struct Tool {
    /// The name of its binary.
    pub name: &'static str,
    /// The version that is fetched. One found elsewhere may be newer within the same major version.
    pub version: Version,
    /// The arguments that make it print its version.
    pub(super) version_args: &'static [&'static str],
    /// Whether `KUBEBUILDER_ASSETS` may hold it.
    pub(super) kubebuilder: bool,
    /// Release archives, one per platform. Where there is none of known checksum, `source` makes the tool.
    pub(super) archives: &'static [Archive],
    pub(super) source: Source,
}

/// A release archive (`.tar.gz`) of one platform.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Archive {
    /// As in `std::env::consts`: `linux`, `macos`; `x86_64`, `aarch64`.
    pub os: &'static str,
    pub arch: &'static str,
    pub url: &'static str,
    /// As the project publishes it beside the archive.
    pub sha256: &'static str,
    /// The binary's path inside.
    pub member: &'static str,
}

const NATS_SERVER: &[Archive] = &[
    Archive {
        os: "linux",
        arch: "x86_64",
        url: "https://github.com/nats-io/nats-server/releases/download/v2.15.0/nats-server-v2.15.0-linux-amd64.tar.gz",
        sha256: "5d2c51caca950333aba84911df7d377f826f3a59ec36061c6539105084f65c92",
        member: "nats-server-v2.15.0-linux-amd64/nats-server",
    },
    Archive {
        os: "linux",
        arch: "aarch64",
        url: "https://github.com/nats-io/nats-server/releases/download/v2.15.0/nats-server-v2.15.0-linux-arm64.tar.gz",
        sha256: "cdc208f5a3f42963a52b6ab06ef65626bb870315dc936e26ba571780c6351112",
        member: "nats-server-v2.15.0-linux-arm64/nats-server",
    },
];

const ORAS: &[Archive] = &[Archive {
    os: "linux",
    arch: "x86_64",
    url: "https://github.com/oras-project/oras/releases/download/v1.3.0/oras_1.3.0_linux_amd64.tar.gz",
    sha256: "6cdc692f929100feb08aa8de584d02f7bcc30ec7d88bc2adc2054d782db57c64",
    member: "oras",
}];

/// How a tool is made when it is nowhere to be found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A main package of a module under `testbed/servers/`; `ldflags` are added to `-s -w`.
    Go {
        module: &'static str,
        package: &'static str,
        ldflags: &'static str,
    },
    /// A Debian package, for what is not to be had as a Go module.
    Debian {
        package: &'static str,
        binary: &'static str,
    },
}

// Without it clients see v0.0.0.
const KUBERNETES_FLAGS: &str = "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36 \
     -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3";

const fn kubernetes(
    name: &'static str,
    package: &'static str,
    version_args: &'static [&'static str],
) -> Tool {
    Tool {
        name,
        version: Version(1, 36, 3),
        version_args,
        kubebuilder: true,
        archives: &[],
        source: Source::Go {
            module: "kubernetes",
            package,
            ldflags: KUBERNETES_FLAGS,
        },
    }
}

/// Every pinned tool.
pub const ALL: &[Tool] = &[
    Tool {
        name: "nats-server",
        version: Version(2, 15, 0),
        version_args: &["--version"],
        kubebuilder: false,
        archives: NATS_SERVER,
        source: Source::Go {
            module: "kubernetes",
            package: "github.com/nats-io/nats-server/v2",
            ldflags: "",
        },
    },
    Tool {
        name: "etcd",
        version: Version(3, 6, 8),
        version_args: &["--version"],
        kubebuilder: true,
        archives: &[],
        source: Source::Go {
            module: "kubernetes",
            package: "go.etcd.io/etcd/server/v3",
            ldflags: "",
        },
    },
    kubernetes(
        "kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        &["--version"],
    ),
    kubernetes(
        "kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        &["--version"],
    ),
    kubernetes(
        "kubectl",
        "k8s.io/kubernetes/cmd/kubectl",
        &["version", "--client"],
    ),
    Tool {
        name: "registry",
        version: Version(3, 1, 1),
        version_args: &["--version"],
        kubebuilder: false,
        archives: &[],
        source: Source::Go {
            module: "registry",
            package: "github.com/distribution/distribution/v3/cmd/registry",
            ldflags: "",
        },
    },
    Tool {
        name: "oras",
        version: Version(1, 3, 0),
        version_args: &["version"],
        kubebuilder: false,
        archives: ORAS,
        source: Source::Debian {
            package: "oras",
            binary: "usr/bin/oras",
        },
    },
];

impl Tool {
    /// The pinned tool called `name`.
    pub fn named(name: &str) -> Option<&'static Tool> {
        ALL.iter().find(|tool| tool.name == name)
    }
}
