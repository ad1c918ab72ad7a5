//! The store on disk: what others read, and what damage does.

use std::fs;

use oci::{Digest, LocalStore, PullPolicy, StoreError};

use crate::fixture::{component, images, options, reference, store};

#[tokio::test]
async fn oras_reads_what_we_store() {
    let (dir, store) = store();
    let bytes = component("shared");
    let digest = store
        .put_component(&reference("example.com/shared:1"), bytes.clone())
        .unwrap();
    let oras = |args: &[&str]| {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let home = dir.path().to_owned();
        async move {
            let run = tokio::process::Command::new(testbed::tools::path("oras").unwrap())
                .args(&args)
                .current_dir(&home)
                .env("HOME", &home)
                .output();
            let output = testbed::wait::within(testbed::wait::TEST, "oras", run)
                .await
                .unwrap()
                .unwrap();
            assert!(
                output.status.success(),
                "{args:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            output.stdout
        }
    };
    let layout = store.root().display().to_string();
    let at_digest = format!("{layout}@{digest}");
    let manifest = oras(&["manifest", "fetch", "--oci-layout", &at_digest]).await;
    assert_eq!(Digest::of(&manifest), digest);
    let named = oras(&[
        "resolve",
        "--oci-layout-path",
        &layout,
        "example.com/shared:1",
    ])
    .await;
    assert_eq!(String::from_utf8_lossy(&named).trim(), digest.to_string());
    let layer = format!("{layout}@{}", Digest::of(&bytes));
    assert_eq!(
        oras(&["blob", "fetch", "--oci-layout", "--output", "-", &layer]).await,
        bytes
    );
}

#[test]
fn what_was_stored_is_found_by_name_and_by_digest() {
    let (_dir, store) = store();
    assert!(store.get(&reference("a/b:1")).unwrap().is_none());
    assert!(!store.root().exists(), "looking creates nothing");
    let (one, two) = (component("one"), component("two"));
    let first = store
        .put_component(&reference("a/b:1"), one.clone())
        .unwrap();
    let second = store
        .put_component(&reference("a/b:1"), two.clone())
        .unwrap();
    assert_eq!(
        store
            .put_component(&reference("a/b:2"), two.clone())
            .unwrap(),
        second,
        "the same bytes, the same digest"
    );
    assert_eq!(
        store.get(&reference("a/b:1")).unwrap().unwrap().bytes,
        two,
        "a tag moves"
    );
    let pinned = reference("a/b:1").pinned(first);
    assert_eq!(
        store.get(&pinned).unwrap().unwrap().bytes,
        one,
        "and the digest stays"
    );
    let names: Vec<String> = store
        .list()
        .unwrap()
        .iter()
        .map(|entry| entry.reference.to_string())
        .collect();
    assert_eq!(names, ["docker.io/a/b:1", "docker.io/a/b:2"]);
    assert!(store.remove(&reference("a/b:2")).unwrap());
    assert!(!store.remove(&reference("a/b:2")).unwrap());
    assert!(store.get(&reference("a/b:2")).unwrap().is_none());
}

#[tokio::test]
async fn a_damaged_blob_is_noticed_and_named() {
    let (_dir, images) = images(options());
    let name = reference("localhost:1/a:1");
    let bytes = component("damaged");
    images.store().put_component(&name, bytes.clone()).unwrap();
    let blob = images
        .store()
        .root()
        .join("blobs/sha256")
        .join(Digest::of(&bytes).hex());
    let mut content = fs::read(&blob).unwrap();
    content[100] ^= 1;
    fs::write(&blob, content).unwrap();

    let error = images.store().get(&name).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let error = images
        .pull(&name, PullPolicy::Never, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), oci::ErrorKind::DigestMismatch);
    assert!(
        error.to_string().contains("wash pull localhost:1/a:1"),
        "{error}"
    );
    images.store().put_component(&name, bytes.clone()).unwrap();
    assert_eq!(
        images.store().get(&name).unwrap().unwrap().bytes,
        bytes,
        "storing it again repairs it"
    );
}

#[test]
fn a_truncated_index_is_noticed_kept_and_replaced() {
    let (_dir, store) = store();
    let (name, bytes) = (reference("a/b:1"), component("index"));
    store.put_component(&name, bytes.clone()).unwrap();
    let index = store.root().join("index.json");
    let whole = fs::read(&index).unwrap();
    fs::write(&index, &whole[..whole.len() / 2]).unwrap();
    let error = store.get(&name).unwrap_err();
    assert!(
        matches!(error, StoreError::Index { .. }) && error.is_damage(),
        "{error}"
    );
    store.put_component(&name, bytes.clone()).unwrap();
    assert_eq!(store.get(&name).unwrap().unwrap().bytes, bytes);
    assert_eq!(
        fs::read(store.root().join("index.json.damaged")).unwrap(),
        whole[..whole.len() / 2]
    );
}

#[test]
fn a_layout_of_another_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    let error = LocalStore::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("2.0.0"), "{error}");
}

#[test]
fn what_other_tools_wrote_into_the_index_stays() {
    let (_dir, store) = store();
    store
        .put_component(&reference("a/b:1"), component("one"))
        .unwrap();
    let path = store.root().join("index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    index["annotations"] = serde_json::json!({"by": "another"});
    index["manifests"][0]["platform"] = serde_json::json!({"os": "wasip2", "architecture": "wasm"});
    fs::write(&path, index.to_string()).unwrap();
    store
        .put_component(&reference("a/b:2"), component("two"))
        .unwrap();
    let index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(index["annotations"]["by"], "another");
    assert_eq!(index["manifests"][0]["platform"]["architecture"], "wasm");
}

#[test]
fn the_least_recently_used_go_first_and_the_leased_never() {
    let (_dir, store) = store();
    let names: Vec<_> = (0..4)
        .map(|n| reference(&format!("a/image{n}:1")))
        .collect();
    for (n, name) in names.iter().enumerate() {
        store
            .put_component(name, component(&format!("image{n}")))
            .unwrap();
    }
    // Used in the order 1, 0, 3, 2; and 1, the oldest, is in use.
    let age = |name: usize, seconds: u64| {
        let digest = store.get(&names[name]).unwrap().unwrap().digest;
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let blob = store.root().join("blobs/sha256").join(digest.hex());
        fs::File::options()
            .append(true)
            .open(blob)
            .unwrap()
            .set_modified(time)
            .unwrap();
    };
    let in_use = store.get(&names[1]).unwrap().unwrap().lease;
    for (name, seconds) in [(1, 10), (0, 20), (3, 30), (2, 40)] {
        age(name, seconds);
    }
    let before = store.collect(u64::MAX).unwrap();
    assert_eq!((before.images.len(), before.freed), (0, 0));
    let report = store.collect(before.left / 2).unwrap();
    assert_eq!(report.freed, before.left - report.left);
    let left: Vec<bool> = names
        .iter()
        .map(|name| store.get(name).unwrap().is_some())
        .collect();
    assert_eq!(left, [false, true, true, false]);

    let report = store.collect(0).unwrap();
    assert!(
        report.left > 0
            && store.get(&names[1]).unwrap().is_some()
            && store.get(&names[2]).unwrap().is_none()
    );
    drop(in_use);
    assert_eq!(store.collect(0).unwrap().left, 0);
}

#[test]
fn a_full_store_makes_room_for_the_new_image() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::with_capacity(dir.path(), 3000).unwrap();
    for n in 0..6 {
        let name = reference(&format!("a/image{n}:1"));
        let bytes = component(&format!("image{n}"));
        store.put_component(&name, bytes.clone()).unwrap();
        assert_eq!(
            store.get(&name).unwrap().unwrap().bytes,
            bytes,
            "what was just stored is there"
        );
    }
    assert!(store.list().unwrap().len() < 6);
    assert!(store.collect(3000).unwrap().left <= 3000);
}
