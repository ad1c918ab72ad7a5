use serde_json::json;

use super::*;

fn bucket() -> Bucket {
    Bucket::new("", "configmaps")
}

fn put(name: &str, expect: Expect, data: u64) -> Write {
    Write {
        key: Key::new(&bucket(), "default", name),
        expect,
        op: Op::Put(
            json!({"metadata": {"name": name, "labels": {"n": data.to_string()}}, "data": data}),
        ),
        guard: None,
    }
}

fn remove(name: &str, revision: u64) -> Write {
    let op = Op::Remove(json!({"metadata": {"name": name}}));
    Write {
        key: Key::new(&bucket(), "default", name),
        expect: Expect::Revision(revision),
        op,
        guard: None,
    }
}

#[tokio::test]
async fn a_write_needs_the_revision_it_was_made_for() {
    let store = Store::in_memory(10);
    let first = store.write(put("a", Expect::Absent, 1)).await.unwrap();
    assert_eq!(
        first.value()["metadata"]["resourceVersion"],
        first.revision.to_string()
    );
    assert!(matches!(
        store.write(put("a", Expect::Absent, 2)).await,
        Err(WriteError::Exists)
    ));
    let second = store
        .write(put("a", Expect::Revision(first.revision), 2))
        .await
        .unwrap();
    let stale = store
        .write(put("a", Expect::Revision(first.revision), 3))
        .await;
    assert!(matches!(stale, Err(WriteError::Conflict { .. })));
    assert!(second.revision > first.revision);
    assert_eq!(second.label("n"), Some("2"));
}

#[tokio::test]
async fn a_guard_that_moved_refuses_the_write() {
    let store = Store::in_memory(10);
    let guard = store.write(put("guard", Expect::Absent, 1)).await.unwrap();
    let mut write = put("a", Expect::Absent, 1);
    write.guard = Some((guard.key.clone(), guard.revision));
    store.write(write).await.unwrap();
    store
        .write(put("guard", Expect::Revision(guard.revision), 2))
        .await
        .unwrap();
    let mut write = put("b", Expect::Absent, 1);
    write.guard = Some((guard.key.clone(), guard.revision));
    assert!(matches!(store.write(write).await, Err(WriteError::Guard)));
}

#[tokio::test]
async fn a_watch_sees_every_change_once_and_in_order() {
    let store = Store::in_memory(10);
    let mut watch = store.watch(&bucket(), store.revision()).unwrap();
    let a = store.write(put("a", Expect::Absent, 1)).await.unwrap();
    let b = store
        .write(put("a", Expect::Revision(a.revision), 2))
        .await
        .unwrap();
    store.write(remove("a", b.revision)).await.unwrap();
    let seen = watch.next().await.unwrap();
    let kinds: Vec<_> = seen
        .iter()
        .map(|c| (c.before.is_some(), c.removed))
        .collect();
    assert_eq!(kinds, [(false, false), (true, false), (true, true)]);
    assert_eq!(watch.progress(), store.revision());
}

#[tokio::test]
async fn a_position_older_than_the_log_has_expired() {
    let store = Store::in_memory(2);
    let start = store.revision();
    let mut watch = store.watch(&bucket(), start).unwrap();
    for n in 0..4 {
        store
            .write(put(&format!("a{n}"), Expect::Absent, n))
            .await
            .unwrap();
    }
    assert!(watch.next().await.is_err());
    assert!(store.watch(&bucket(), start).is_err());
    assert!(
        store.watch(&bucket(), store.revision() + 1).is_err(),
        "a revision of another life"
    );
    assert!(store.watch(&bucket(), store.revision() - 2).is_ok());
}

#[tokio::test]
async fn a_list_can_be_continued_at_its_revision() {
    let store = Store::in_memory(10);
    for name in ["a", "b", "c"] {
        store.write(put(name, Expect::Absent, 1)).await.unwrap();
    }
    let at = store.revision();
    let b = store.get(&Key::new(&bucket(), "default", "b")).unwrap();
    store.write(remove("b", b.revision)).await.unwrap();
    store.write(put("d", Expect::Absent, 1)).await.unwrap();
    let names = |snapshot: Snapshot| -> Vec<String> {
        snapshot
            .objects
            .iter()
            .map(|o| o.key.name.name.to_string())
            .collect()
    };
    let after = Name::new("default", "a");
    let then = store
        .list_at(&bucket(), Some("default"), Some(&after), at)
        .unwrap();
    assert_eq!(names(then), ["b", "c"]);
    assert_eq!(
        names(store.list(&bucket(), Some("default"), Some(&after))),
        ["c", "d"]
    );
    assert!(
        store
            .list(&bucket(), Some("other"), None)
            .objects
            .is_empty()
    );
}

#[tokio::test]
async fn a_reopened_disk_holds_what_was_written_and_its_revision() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let revision = {
        let store = Store::on_disk(Disk::open(&path).unwrap(), 10).unwrap();
        let a = store.write(put("a", Expect::Absent, 1)).await.unwrap();
        store.write(put("b", Expect::Absent, 2)).await.unwrap();
        store.write(remove("a", a.revision)).await.unwrap();
        assert!(matches!(Disk::open(&path), Err(DiskError::InUse { .. })));
        store.revision()
    };
    let disk = loop {
        // The commit thread drops the database after its last sender.
        match Disk::open(&path) {
            Err(DiskError::InUse { .. }) => tokio::task::yield_now().await,
            other => break other.unwrap(),
        }
    };
    let store = Store::on_disk(disk, 10).unwrap();
    assert_eq!(store.revision(), revision);
    assert_eq!(store.list(&bucket(), None, None).objects.len(), 1);
    assert!(
        store.watch(&bucket(), revision - 1).is_err(),
        "the log did not survive"
    );
    assert!(store.watch(&bucket(), revision).is_ok());
}
