//! Benches: what takes how long, and what it costs. Not part of `cargo xtask test`: a figure depends on the machine.

use xshell::cmd;

use crate::error::{Error, Result};
use crate::project::Project;
use crate::steps::Steps;
use crate::{cargo, e2e, flags, say, tools};

/// `cargo xtask bench control-plane`: the operator with many hosts and Workloads.
pub fn control_plane(project: &Project, flags: &flags::ControlPlane) -> Result<()> {
    let cluster = flags.cluster.as_deref().unwrap_or("apiserver");
    if !e2e::CLUSTERS.contains(&cluster) {
        return Err(Error(format!(
            "no cluster is called {cluster}; there are {}",
            e2e::CLUSTERS.join(", ")
        )));
    }
    let mut arguments = vec![format!("--cluster={cluster}")];
    for (name, given) in [
        ("hosts", flags.hosts),
        ("workloads", flags.workloads),
        ("replicas", flags.replicas),
    ] {
        arguments.extend(given.map(|count| format!("--{name}={count}")));
    }
    if let Some(file) = &flags.output {
        arguments.push(format!("--output={}", file.display()));
    }
    if flags.check {
        arguments.push("--check".to_owned());
    }
    say::line("bench of the control plane: servers, optimised binaries, measurement");
    let mut steps = Steps::new();
    steps.step("servers and clients", || tools::fetch(project, &[]))?;
    steps.step("binaries", || {
        let mut binaries = vec![
            ("operator", "runtime-operator"),
            ("testbed", "bench-control-plane"),
        ];
        if cluster == "embedded" {
            binaries.push(("wash-cli", "wash"));
        }
        cargo::build_measured(project, &binaries)
    })?;
    let bench = project.measured("bench-control-plane");
    let shell = project.shell()?;
    Ok(cmd!(shell, "{bench} {arguments...}")
        .env("RUNTIME_OPERATOR_BIN", project.measured("runtime-operator"))
        .env("WASH_BIN", project.measured("wash"))
        .quiet()
        .run()?)
}
