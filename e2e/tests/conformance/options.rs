//! Query options: what is unknown is ignored, what is known and wrong is refused.

use serde_json::json;

use crate::answer::causes;
use crate::objects::config_map;
use crate::space::{MERGE, Space};

crate::tests![
    unknown_options_are_ignored,
    switches_are_read_leniently,
    numbers_that_are_none_are_refused,
    options_of_lists_that_contradict_each_other,
    options_of_writes_are_validated,
    options_of_deletions_are_validated,
];

async fn unknown_options_are_ignored(on: Space) {
    let maps = on.core("configmaps");
    on.create(
        &format!("{maps}?bogus=1&force=true&watch=true"),
        &config_map("a"),
    )
    .await;
    let list = on
        .get(&format!("{maps}?bogus=1&shardSelector=x"))
        .await
        .expect(200);
    assert_eq!(crate::answer::names(&list), ["a"]);
    on.get(&format!("{maps}/a?bogus=1&limit=1"))
        .await
        .expect(200);
    on.patch(
        &format!("{maps}/a?bogus=1"),
        MERGE,
        &json!({"data": {"b": "2"}}),
    )
    .await
    .expect(200);
    let mut watch = on.watch(&format!("{maps}?bogus=1&timeoutSeconds=5")).await;
    assert_eq!(watch.event().await.short(), "ADDED a");
    on.delete(&format!("{maps}/a?bogus=1")).await.expect(200);
}

async fn switches_are_read_leniently(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &config_map("a")).await;
    for off in [
        "watch=false",
        "watch=0",
        "watch=FALSE",
        "allowWatchBookmarks=maybe",
    ] {
        let list = on.get(&format!("{maps}?{off}")).await.expect(200);
        assert_eq!(list["kind"], "ConfigMapList", "{off}");
    }
    for on_again in ["watch=1", "watch", "watch=yes"] {
        let path = format!("{maps}?{on_again}&timeoutSeconds=1");
        let answer = on.get(&path).await.expect(200);
        assert_eq!(answer["type"], "ADDED", "{on_again}: {answer:#}");
    }
}

async fn numbers_that_are_none_are_refused(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &config_map("a")).await;
    for wrong in [
        "limit=x",
        "timeoutSeconds=x",
        "resourceVersion=abc",
        "resourceVersion=-1",
        "continue=nothing-a-server-gave",
        "timeout=abc",
        "labelSelector=a%20in",
        "fieldSelector=spec.unknown%3D1",
    ] {
        on.get(&format!("{maps}?{wrong}"))
            .await
            .fails(400, "BadRequest");
    }
    // A limit below zero is none.
    let list = on.get(&format!("{maps}?limit=-1")).await.expect(200);
    assert_eq!(crate::answer::names(&list), ["a"]);
    let future = on
        .get(&format!("{maps}?resourceVersion=99999999"))
        .await
        .fails(504, "Timeout");
    assert_eq!(
        future["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
    assert_eq!(future["details"]["retryAfterSeconds"], 1);
}

async fn options_of_lists_that_contradict_each_other(on: Space) {
    let maps = on.core("configmaps");
    let forbidden = "FieldValueForbidden";
    let unsupported = "FieldValueNotSupported";
    for (query, expected) in [
        (
            "resourceVersionMatch=Exact",
            vec![("resourceVersionMatch", forbidden)],
        ),
        (
            "resourceVersionMatch=Foo",
            vec![
                ("resourceVersionMatch", forbidden),
                ("resourceVersionMatch", unsupported),
            ],
        ),
        (
            "resourceVersionMatch=Exact&resourceVersion=0",
            vec![("resourceVersionMatch", forbidden)],
        ),
        (
            "resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=x",
            vec![("resourceVersionMatch", forbidden)],
        ),
        (
            "sendInitialEvents=true",
            vec![("sendInitialEvents", forbidden)],
        ),
        (
            "watch=1&sendInitialEvents=true",
            vec![("resourceVersionMatch", forbidden)],
        ),
        (
            "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
            vec![
                ("resourceVersionMatch", forbidden),
                ("resourceVersionMatch", unsupported),
            ],
        ),
        (
            "watch=1&resourceVersionMatch=NotOlderThan",
            vec![("resourceVersionMatch", forbidden)],
        ),
    ] {
        let status = on
            .get(&format!("{maps}?{query}"))
            .await
            .fails(422, "Invalid");
        assert_eq!(status["details"]["kind"], "ListOptions", "{query}");
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(field, reason)| (field.to_owned(), reason.to_owned()))
            .collect();
        assert_eq!(causes(&status), expected, "{query}");
    }
}

async fn options_of_writes_are_validated(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &config_map("a")).await;
    let long = "x".repeat(129);
    let manager = format!("fieldManager={long}");
    for (query, field, reason) in [
        ("dryRun=Some", "dryRun", "FieldValueNotSupported"),
        ("dryRun=", "dryRun", "FieldValueNotSupported"),
        (
            "fieldValidation=Some",
            "fieldValidation",
            "FieldValueNotSupported",
        ),
        (manager.as_str(), "fieldManager", "FieldValueTooLong"),
    ] {
        let created = on.post(&format!("{maps}?{query}"), &config_map("b")).await;
        let updated = on.put(&format!("{maps}/a?{query}"), &config_map("a")).await;
        let patched = on
            .patch(&format!("{maps}/a?{query}"), MERGE, &json!({}))
            .await;
        for (answer, kind) in [
            (created, "CreateOptions"),
            (updated, "UpdateOptions"),
            (patched, "PatchOptions"),
        ] {
            let status = answer.fails(422, "Invalid");
            assert_eq!(status["details"]["group"], "meta.k8s.io", "{query}");
            assert_eq!(status["details"]["kind"], kind, "{query}");
            assert_eq!(
                causes(&status),
                [(field.to_owned(), reason.to_owned())],
                "{query}"
            );
        }
    }
    on.post(&format!("{maps}?timeout=abc"), &config_map("b"))
        .await
        .fails(400, "BadRequest");
    on.post(&format!("{maps}?timeout=10s&pretty=true"), &config_map("b"))
        .await
        .expect(201);
    // Only an apply can force.
    let status = on
        .patch(&format!("{maps}/a?force=true"), MERGE, &json!({}))
        .await
        .fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [("force".to_owned(), "FieldValueForbidden".to_owned())]
    );
}

async fn options_of_deletions_are_validated(on: Space) {
    let maps = on.core("configmaps");
    on.create(&maps, &config_map("a")).await;
    let at = format!("{maps}/a");
    on.delete(&format!("{at}?gracePeriodSeconds=x"))
        .await
        .fails(400, "BadRequest");
    for (query, field) in [
        ("propagationPolicy=Some", "propagationPolicy"),
        ("dryRun=Some", "dryRun"),
    ] {
        let status = on
            .delete(&format!("{at}?{query}"))
            .await
            .fails(422, "Invalid");
        assert_eq!(status["details"]["kind"], "DeleteOptions");
        assert_eq!(
            causes(&status),
            [(field.to_owned(), "FieldValueNotSupported".to_owned())]
        );
    }
    let both = json!({"propagationPolicy": "Foreground", "orphanDependents": true});
    let status = on.delete_with(&at, &both).await.fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [(
            "propagationPolicy".to_owned(),
            "FieldValueInvalid".to_owned()
        )]
    );
    let other = json!({"kind": "Widget", "apiVersion": "v1"});
    on.delete_with(&at, &other).await.fails(400, "BadRequest");
    on.get(&at).await.expect(200);
}
