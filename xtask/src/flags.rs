//! The command line.

use std::path::PathBuf;

xflags::xflags! {
    /// Builds, tests and shows wasmCloud.
    cmd xtask {
        /// Takes a component from its source to an HTTP answer, through the whole platform.
        cmd demo {
            /// Tear down after the answer instead of staying up until Ctrl-C.
            optional --once
        }
        /// Runs every test, after fetching and building what they need.
        cmd test {}
        /// Fetches the servers and clients of the tests that are not on this machine.
        cmd tools {
            /// Only these.
            repeated names: String
        }
        /// Builds the components of the examples and of the tests.
        cmd guests {
            /// Also record http-hello as the committed component.
            optional --record
        }
        /// Writes the CRDs' YAML.
        cmd crds {
            /// Fail when the committed YAML differs instead.
            optional --check
        }
        /// Writes the rules of the operator's roles for the chart.
        cmd rbac {
            /// Fail when the committed rules differ instead.
            optional --check
        }
        /// Writes the generated pages of the book under docs/, and checks its links.
        cmd docs {
            /// Fail when the committed pages differ instead.
            optional --check
        }
        /// Writes the Rust code of the bus messages.
        cmd protos {
            /// Fail when the committed code differs instead.
            optional --check
        }
        /// Runs the end-to-end suite.
        cmd e2e {
            /// `embedded` (wash up), `apiserver` (a real kube-apiserver and nats-server) or `kind` (Pods; takes Docker).
            required --cluster cluster: String
        }
        /// Measures, with binaries built for speed.
        cmd bench {
            /// The operator with many hosts and Workloads, on real servers.
            cmd control-plane {
                /// Fake hosts (1000).
                optional --hosts hosts: usize
                /// Workloads in total (10000).
                optional --workloads workloads: usize
                /// Workloads of one Deployment (10).
                optional --replicas replicas: usize
                /// `apiserver` (etcd and kube-apiserver) or `embedded` (wash up).
                optional --cluster cluster: String
                /// Also write the table to this file.
                optional --output output: PathBuf
                /// Fail unless the bars are met.
                optional --check
            }
        }
        /// What CI runs: formatting, lints, generated files, tests and the demo.
        cmd ci {}
        /// Checks who imports whom, and that unsafe code has its one place.
        cmd deps {}
    }
}
