//! Events under both of their names.

use serde_json::{Value, json};

use crate::answer::{causes, names};
use crate::space::{MERGE, Space};

crate::tests![
    an_event_has_two_forms,
    events_are_selected_in_either_form,
    events_are_validated,
];

fn paths(on: &Space) -> (String, String) {
    let new = format!("/apis/events.k8s.io/v1/namespaces/{}/events", on.namespace);
    (on.core("events"), new)
}

fn event(on: &Space, name: &str) -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name},
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "example.com/c",
        "reportingInstance": "c-1", "action": "Testing", "reason": "Tested", "type": "Normal",
        "regarding": {"kind": "Pod", "name": name, "namespace": on.namespace}, "note": "a note",
    })
}

async fn an_event_has_two_forms(on: Space) {
    let (core, new) = paths(&on);
    let mut watch = on.watch(&new).await;
    let created = on.create(&new, &event(&on, "new")).await;
    let shown = on.get(&format!("{core}/new")).await.expect(200);
    assert_eq!(
        (&shown["apiVersion"], &shown["kind"]),
        (&json!("v1"), &json!("Event"))
    );
    assert_eq!(
        (&shown["message"], &shown["involvedObject"]),
        (&created["note"], &created["regarding"])
    );
    assert_eq!(shown["reportingComponent"], "example.com/c");
    assert_eq!(shown["metadata"]["uid"], created["metadata"]["uid"]);
    let old = json!({
        "metadata": {"name": "old"}, "reason": "R", "message": "m", "type": "Warning", "count": 2,
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": on.namespace},
        "source": {"component": "c"}, "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:01Z",
    });
    let created = on.create(&core, &old).await;
    assert_eq!(
        (
            &created["reportingComponent"],
            &created["reportingInstance"]
        ),
        (&json!(""), &json!(""))
    );
    let shown = on.get(&format!("{new}/old")).await.expect(200);
    assert_eq!(shown["apiVersion"], "events.k8s.io/v1");
    assert_eq!(
        (&shown["note"], &shown["deprecatedCount"]),
        (&json!("m"), &json!(2))
    );
    assert_eq!(shown["deprecatedSource"], json!({"component": "c"}));
    assert_eq!(shown["deprecatedFirstTimestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(watch.events(2).await, ["ADDED new", "ADDED old"]);
    // A series is counted by patches.
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:02.000000Z"}});
    on.patch(&format!("{new}/new"), MERGE, &series)
        .await
        .expect(200);
    let shown = on.get(&format!("{core}/new")).await.expect(200);
    assert_eq!(shown["series"]["count"], 2);
    on.delete(&format!("{core}/new")).await.expect(200);
    on.get(&format!("{new}/new")).await.fails(404, "NotFound");
}

async fn events_are_selected_in_either_form(on: Space) {
    let (core, new) = paths(&on);
    on.create(&new, &event(&on, "a")).await;
    on.create(&new, &event(&on, "b")).await;
    for (path, selector) in [
        (&core, "involvedObject.name%3Da"),
        (
            &core,
            "involvedObject.kind%3DPod,involvedObject.name%3Da,reason%3DTested",
        ),
        (&new, "regarding.name%3Da"),
    ] {
        let list = on
            .get(&format!("{path}?fieldSelector={selector}"))
            .await
            .expect(200);
        assert_eq!(names(&list), ["a"], "{selector}");
    }
    on.get(&format!("{core}?fieldSelector=message%3Dx"))
        .await
        .fails(400, "BadRequest");
}

async fn events_are_validated(on: Space) {
    let (core, new) = paths(&on);
    let mut bare = event(&on, "bare");
    bare.as_object_mut().unwrap().remove("eventTime");
    on.post(&new, &bare).await.fails(422, "Invalid");
    let mut odd = event(&on, "odd");
    odd["type"] = json!("Odd");
    let status = on.post(&new, &odd).await.fails(422, "Invalid");
    assert_eq!(
        causes(&status),
        [("type".to_owned(), "FieldValueInvalid".to_owned())]
    );
    on.create(&new, &event(&on, "a")).await;
    let status = on
        .patch(&format!("{new}/a"), MERGE, &json!({"note": "x"}))
        .await
        .fails(422, "Invalid");
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .contains("field is immutable"),
        "{status:#}"
    );
    let elsewhere = json!({
        "metadata": {"name": "e"}, "reason": "R", "message": "m", "type": "Normal",
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "other"},
    });
    let status = on.post(&core, &elsewhere).await.fails(422, "Invalid");
    let expected = (
        "involvedObject.namespace".to_owned(),
        "FieldValueInvalid".to_owned(),
    );
    assert_eq!(causes(&status), [expected]);
}
