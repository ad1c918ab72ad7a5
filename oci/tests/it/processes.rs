//! Several processes and threads on one store. The other process is this test binary, started again with a role.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use oci::LocalStore;
use testbed::wait;

use crate::fixture::{component, reference};

const ROLE: &str = "OCI_TEST_ROLE";
const STORE: &str = "OCI_TEST_STORE";
const IMAGES: usize = 12;

/// The other process's side; without a role it has nothing to do but prove that it can be started.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        assert!(std::env::current_exe().unwrap().is_file());
        return;
    };
    let store = LocalStore::open(std::env::var(STORE).unwrap()).unwrap();
    match role.as_str() {
        "hold" => {
            let held = store.get(&reference("a/held:1")).unwrap().unwrap();
            std::fs::write(store.root().join("held"), held.digest.to_string()).unwrap();
            std::thread::sleep(Duration::from_mins(1));
        }
        writer => write_all(&store, writer),
    }
}

fn write_all(store: &LocalStore, writer: &str) {
    for n in 0..IMAGES {
        store
            .put_component(
                &reference(&format!("{writer}/own{n}:1")),
                component(&format!("own{n}")),
            )
            .unwrap();
        store
            .put_component(
                &reference("shared/tag:1"),
                component(&format!("from-{writer}-n{n}")),
            )
            .unwrap();
    }
}

struct Other(Child);

impl Other {
    fn start(role: &str, store: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::child", "--nocapture"])
            .env(ROLE, role)
            .env(STORE, store)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn processes_and_threads_lose_nothing_of_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut others: Vec<Other> = ["p", "q"]
        .iter()
        .map(|role| Other::start(role, dir.path()))
        .collect();
    let store = LocalStore::open(dir.path()).unwrap();
    let threads: Vec<_> = ["r", "s"]
        .iter()
        .map(|name| {
            let store = store.clone();
            std::thread::spawn(move || write_all(&store, name))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    for other in &mut others {
        let ended = wait::until(wait::TEST, "a writing process to end", || {
            let status = other.0.try_wait().unwrap();
            async move { status.ok_or("it runs") }
        });
        assert!(ended.await.unwrap().success());
    }
    for writer in ["p", "q", "r", "s"] {
        for n in 0..IMAGES {
            let stored = store
                .get(&reference(&format!("{writer}/own{n}:1")))
                .unwrap()
                .unwrap();
            assert_eq!(stored.bytes, component(&format!("own{n}")));
        }
    }
    assert_eq!(store.list().unwrap().len(), 4 * IMAGES + 1);
    assert!(store.get(&reference("shared/tag:1")).unwrap().is_some());
}

#[tokio::test]
async fn what_another_process_uses_is_not_collected_until_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::open(dir.path()).unwrap();
    let name = reference("a/held:1");
    store.put_component(&name, component("held")).unwrap();
    let holder = Other::start("hold", dir.path());
    let marker = dir.path().join("held");
    wait::until(wait::TEST, "the other process to hold the image", || {
        let there = marker.is_file();
        async move { there.then_some(()).ok_or("not yet") }
    })
    .await
    .unwrap();
    assert!(store.collect(0).unwrap().images.is_empty());
    assert!(store.list().unwrap().len() == 1);
    // Killed, so it cannot give its lease back.
    drop(holder);
    assert_eq!(store.collect(0).unwrap().left, 0);
    assert!(store.get(&name).unwrap().is_none());
}
