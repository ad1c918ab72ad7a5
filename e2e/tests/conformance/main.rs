//! The machinery of the Kubernetes API, as clients rely on it: the same assertions hold on a real
//! kube-apiserver (`E2E_CLUSTER=apiserver`) and on the API server of `wash up` (`embedded`, the default).
//!
//! One server serves the whole binary; every test has a namespace of its own. What the embedded server does
//! not do is listed in `apiserver/docs/differences.md`, and has no test here.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod answer;
mod objects;
mod publishing;
mod server;
mod space;
mod stream;

mod applying;
mod custom;
mod deleting;
mod events;
mod installing;
mod options;
mod patches;
mod reading;
mod reviewing;
mod watches;
mod writing;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Trial};
use testbed::wait;

use server::Shared;
use space::Space;

/// Tests that run at a time: they wait for the server, not for a processor.
const THREADS: usize = 8;

/// Makes `tests()` of a module's test functions.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub fn tests() -> Vec<crate::Test> {
            vec![$(crate::Test {
                module: module_path!(),
                name: stringify!($name),
                run: |space| Box::pin($name(space)),
            }),*]
        }
    };
}
pub(crate) use tests;

/// One test of this suite.
#[derive(Clone, Copy)]
pub struct Test {
    module: &'static str,
    name: &'static str,
    run: fn(Space) -> futures::future::BoxFuture<'static, ()>,
}

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let shared = Arc::new(Shared::default());
    let tests = [
        applying::tests(),
        custom::tests(),
        options::tests(),
        patches::tests(),
        publishing::tests(),
        reviewing::tests(),
        events::tests(),
        installing::tests(),
        reading::tests(),
        writing::tests(),
        deleting::tests(),
        watches::tests(),
    ];
    let trials = tests
        .into_iter()
        .flatten()
        .map(|test| trial(&runtime, &shared, test))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    Ok(conclusion.exit_code())
}

fn trial(runtime: &tokio::runtime::Runtime, shared: &Arc<Shared>, test: Test) -> Trial {
    let module = test
        .module
        .split_once("::")
        .map_or(test.module, |(_, module)| module);
    let runtime = runtime.handle().clone();
    let shared = Arc::clone(shared);
    Trial::test(format!("{module}::{}", test.name), move || {
        let test = async {
            let server = shared.server().await?;
            let space = Space::new(server, test.name)
                .await
                .context("a namespace for the test")?;
            wait::within(wait::TEST, test.name, (test.run)(space)).await
        };
        runtime
            .block_on(test)
            .map_err(|error| libtest_mimic::Failed::from(format!("{error:#}")))
    })
}
