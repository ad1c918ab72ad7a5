//! The end-to-end suite in a kind cluster: images, cluster and registry are made here, what runs in it by the suite.

use std::path::PathBuf;
use std::process::Command;

use xshell::{Shell, cmd};

use crate::cargo::SELECTION;
use crate::error::{Error, Result, While};
use crate::project::Project;
use crate::steps::Steps;
use crate::{cargo, guests, say, tools};

const CLUSTER: &str = "wasmcloud-e2e";
const REGISTRY: &str = "wasmcloud-e2e-registry";
const REGISTRY_IMAGE: &str = "registry:3";
/// Targets of the Dockerfile, and what the suite calls their images.
const IMAGES: [(&str, &str); 2] = [
    ("runtime-operator", "wasmcloud.test/runtime-operator:e2e"),
    ("wasmcloud-host", "wasmcloud.test/wasmcloud-host:e2e"),
];

/// `cargo xtask e2e --cluster kind`
pub fn run(project: &Project) -> Result<()> {
    say::line("e2e on kind: components, clients, images, cluster, suite");
    let mut steps = Steps::new();
    steps.step("docker and kind", require)?;
    steps.step("components", || guests::build_all(project))?;
    // The suite pushes with wash, and its second control plane on one bus runs here.
    steps.step("clients", || tools::fetch(project, &[]))?;
    steps.step("binaries", || cargo::build_binaries(project))?;
    steps.loud("images", || images(project))?;
    let shell = project.shell()?;
    remove(&shell)?;
    let kubeconfig = project.target.join("kind.kubeconfig");
    steps.loud("cluster", || create(&shell, &kubeconfig))?;
    let registry = steps.step("registry", || registry(&shell))?;
    if let Err(error) = steps.loud("e2e on kind", || suite(project, &kubeconfig, &registry)) {
        say::line(&format!(
            "The cluster is left as it is: KUBECONFIG={} shows it, `kind delete cluster --name {CLUSTER}` and \
             `docker rm --force {REGISTRY}` remove it; the next run does so first.",
            kubeconfig.display()
        ));
        return Err(error);
    }
    steps.step("removed", || remove(&shell))?;
    steps.summary("e2e on kind");
    Ok(())
}

/// Fails with all that is missing, and what to do about it.
fn require() -> Result<()> {
    let wanted = [
        (
            "docker",
            // Without a server the client answers this with an error.
            &["version", "--format", "{{.Server.Version}}"][..],
            "install Docker and start it (https://docs.docker.com/engine/install)",
        ),
        (
            "kind",
            &["version"],
            "install kind (https://kind.sigs.k8s.io/docs/user/quick-start)",
        ),
    ];
    let missing: Vec<String> = wanted
        .into_iter()
        .filter_map(|(program, arguments, advice)| {
            let why = works(program, arguments).err()?;
            Some(format!("{program}: {why}\n    {advice}"))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error(format!(
        "what kind clusters need is not here.\n  {}\n  `--cluster apiserver` runs the same suite with nothing but \
         a real kube-apiserver",
        missing.join("\n  ")
    )))
}

fn works(program: &str, arguments: &[&str]) -> Result<()> {
    let output = match Command::new(program).args(arguments).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::new("it is not installed"));
        }
        other => other.doing("it cannot be run")?,
    };
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let told = told.lines().rfind(|line| !line.trim().is_empty());
    Err(Error::new(told.unwrap_or("it fails").trim()))
}

fn images(project: &Project) -> Result<()> {
    let shell = project.shell()?;
    for (target, tag) in IMAGES {
        cmd!(shell, "docker build --target {target} --tag {tag} .")
            // The cache mounts of the Dockerfile are BuildKit's.
            .env("DOCKER_BUILDKIT", "1")
            .quiet()
            .run()?;
    }
    Ok(())
}

/// Removes what an earlier run left. Removing what is not there is no error for either.
fn remove(shell: &Shell) -> Result<()> {
    cmd!(shell, "kind delete cluster --name {CLUSTER}")
        .quiet()
        .ignore_stderr()
        .run()?;
    cmd!(shell, "docker rm --force {REGISTRY}")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .ignore_status()
        .run()?;
    Ok(())
}

fn create(shell: &Shell, kubeconfig: &PathBuf) -> Result<()> {
    // A file of its own: nobody's current context changes.
    cmd!(
        shell,
        "kind create cluster --name {CLUSTER} --kubeconfig {kubeconfig} --wait 180s"
    )
    .quiet()
    .run()?;
    for (_, tag) in IMAGES {
        cmd!(shell, "kind load docker-image {tag} --name {CLUSTER}")
            .quiet()
            .run()?;
    }
    Ok(())
}

/// A registry, by its address here and its address in the cluster.
struct Registry {
    push: String,
    pull: String,
}

/// Starts a registry on the cluster's own network, which is there once the cluster is.
fn registry(shell: &Shell) -> Result<Registry> {
    cmd!(
        shell,
        "docker run --detach --name {REGISTRY} --network kind --publish 127.0.0.1:0:5000 {REGISTRY_IMAGE}"
    )
    .quiet()
    .ignore_stdout()
    .run()?;
    let push = cmd!(shell, "docker port {REGISTRY} 5000/tcp")
        .quiet()
        .read()?;
    let push = push.lines().next().unwrap_or_default().trim().to_owned();
    let address = "{{.NetworkSettings.Networks.kind.IPAddress}}";
    let address = cmd!(shell, "docker inspect --format {address} {REGISTRY}")
        .quiet()
        .read()?;
    if push.is_empty() || address.trim().is_empty() {
        return Err(Error(format!(
            "the registry {REGISTRY} has no address: {push:?} here, {address:?} in the cluster"
        )));
    }
    Ok(Registry {
        push,
        pull: format!("{}:5000", address.trim()),
    })
}

fn suite(project: &Project, kubeconfig: &PathBuf, registry: &Registry) -> Result<()> {
    let shell = project.shell()?;
    // There is one cluster: scenarios follow each other.
    Ok(cmd!(
        shell,
        "cargo test --quiet {SELECTION...} --test platform -- --test-threads=1"
    )
    .env("E2E_CLUSTER", "kind")
    .env("E2E_KIND_KUBECONFIG", kubeconfig)
    .env("E2E_KIND_REGISTRY_PUSH", &registry.push)
    .env("E2E_KIND_REGISTRY_PULL", &registry.pull)
    .envs(project.test_environment())
    .quiet()
    .run()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let absent = works("no-such-program", &[]).unwrap_err().to_string();
        assert_eq!(absent, "it is not installed");
        let fails = works("ls", &["/no/such/folder"]).unwrap_err().to_string();
        assert!(fails.contains("/no/such/folder"), "{fails}");
        works("ls", &["/"]).unwrap();
    }
}
