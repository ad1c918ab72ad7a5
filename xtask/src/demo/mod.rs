//! `cargo xtask demo`: a component from its source to an HTTP answer, through the whole platform.

mod http;
mod platform;

use std::time::{Duration, Instant};

use platform::{Folder, Platform};

use crate::error::{Error, Result};
use crate::guests::{self, Hello};
use crate::project::Project;
use crate::steps::{Steps, seconds};
use crate::{cargo, say};

/// As in `examples/http-hello/workload.yaml`.
const IMAGE: &str = "localhost/http-hello:0.1.0";
/// A name of the Service, which no host was told about: the operator makes it route.
const HOST: &str = "http-hello.default";
const PATH: &str = "/demo";

pub fn run(project: &Project, once: bool) -> Result<()> {
    plan(project, once);
    let began = Instant::now();
    let mut steps = Steps::new();

    let component = match steps.step("component examples/http-hello built", || {
        guests::hello(project)
    })? {
        Hello::Built(path) => path,
        Hello::Prebuilt(path, why) => {
            say::line(&format!(
                "    It could not be built here; the committed, prebuilt one is used. {why}"
            ));
            path
        }
    };
    steps.step("wash built (dev profile)", || cargo::build_wash(project))?;
    let folder = Folder::claim(project.target.join("demo"), project.binary("wash"))?;

    let started = Instant::now();
    let mut platform = steps.step(
        "wash up: API answers, operator leads, host registered",
        || Platform::start(&folder),
    )?;
    let ready = started.elapsed();

    steps.step("component put into the local image store", || {
        platform.wash(&["push", "--local", IMAGE], &[&component])
    })?;
    let manifest = project.root.join("examples/http-hello/workload.yaml");
    let applied = Instant::now();
    steps.step("workload.yaml applied, 3 replicas ready", || {
        platform.wash(&["deploy", "--wait"], &[&manifest])
    })?;
    let answer = steps.step(&format!("GET {PATH} with Host: {HOST}"), || {
        let answer = http::get(&platform.http, HOST, PATH)
            .map_err(|error| platform.failed(&error.to_string()))?;
        match answer.status {
            200 => Ok(answer),
            status => Err(platform.failed(&format!("answered {status}: {}", answer.body.trim()))),
        }
    })?;
    report(&answer.body, ready, applied.elapsed(), began.elapsed());

    if once {
        return steps.step("torn down", || platform.stop());
    }
    invite(&platform);
    let status = platform.wait()?;
    Err(Error(format!(
        "wash up ended by itself ({status}); its log is {}",
        folder.log().display()
    )))
}

fn plan(project: &Project, once: bool) {
    let end = if once {
        "tear down"
    } else {
        "stay up until Ctrl-C"
    };
    say::line(&format!(
        "demo: build a component and wash, start the platform, deploy 3 replicas, ask them, {end}"
    ));
    let estimate = if project.binary("wash").is_file() {
        "built before: seconds, unless sources changed"
    } else {
        "first build: 6 to 8 minutes on two cores; afterwards seconds"
    };
    say::line(&format!("estimate: {estimate}\n"));
}

fn report(body: &str, ready: Duration, answered: Duration, all: Duration) {
    say::line(&format!("\n    {}\n", body.trim_end()));
    say::line(&format!(
        "platform ready in {}, apply → first 200 in {}, in all {}",
        seconds(ready),
        seconds(answered),
        seconds(all)
    ));
}

fn invite(platform: &Platform<'_>) {
    say::line("\nTry next, in another terminal:");
    say::line(&format!(
        "  kubectl --kubeconfig {} get ww,hosts -o wide",
        platform.kubeconfig.display()
    ));
    say::line(&format!(
        "  curl -H 'Host: {HOST}' http://{}/",
        platform.http
    ));
    say::line("\nCtrl-C ends it.");
}
