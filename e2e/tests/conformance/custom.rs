//! Custom kinds: pruning, defaults, validation, rules, generation.

use serde_json::{Value, json};

use crate::answer::causes;
use crate::objects::{crd, widget};
use crate::space::{CRDS, MERGE, Space};

crate::tests![
    unknown_fields_are_pruned,
    defaults_are_filled_in,
    values_are_held_against_the_schema,
    rules_are_evaluated,
    what_did_not_change_is_not_held_against_an_object,
    the_generation_counts_changes_of_the_spec,
    schemas_are_refused_for_their_mistakes,
    rules_are_type_checked,
    bodies_must_say_what_they_are,
];

fn of(field: &str, reason: &str) -> (String, String) {
    (field.to_owned(), reason.to_owned())
}

async fn unknown_fields_are_pruned(on: Space) {
    let spec = json!({
        "bogus": 1, "size": 2, "free": {"any": {"thing": [1]}},
        "parts": [{"name": "a", "bogus": 1}], "limits": {"anything": "goes"},
    });
    let mut body = widget("w", &spec);
    body["bogus"] = json!(1);
    body["metadata"]["bogus"] = json!(1);
    let created = on.create(&on.widgets(), &body).await;
    let expected = json!({
        "color": "red", "replicas": 1, "size": 2, "free": {"any": {"thing": [1]}},
        "parts": [{"name": "a", "port": 80}], "limits": {"anything": "goes"},
    });
    assert_eq!(created["spec"], expected);
    assert!(created.get("bogus").is_none() && created["metadata"].get("bogus").is_none());
}

async fn defaults_are_filled_in(on: Space) {
    let spec = json!({"color": null, "parts": [{"name": "a"}, {"name": "b", "port": 1}]});
    let created = on.create(&on.widgets(), &widget("w", &spec)).await;
    let expected = json!({
        "color": "red", "replicas": 1,
        "parts": [{"name": "a", "port": 80}, {"name": "b", "port": 1}],
    });
    assert_eq!(created["spec"], expected);
    // A default needs its parent.
    let mut bare = widget("bare", &json!({}));
    bare.as_object_mut().unwrap().remove("spec");
    let created = on.create(&on.widgets(), &bare).await;
    assert!(created.get("spec").is_none());
}

async fn values_are_held_against_the_schema(on: Space) {
    for (spec, expected) in [
        (
            json!({"color": "pink"}),
            vec![of("spec.color", "FieldValueNotSupported")],
        ),
        (
            json!({"size": -1}),
            vec![of("spec.size", "FieldValueInvalid")],
        ),
        (
            json!({"size": "x"}),
            vec![of("spec.size", "FieldValueTypeInvalid")],
        ),
        (
            json!({"tags": ["a", "a"]}),
            vec![of("spec.tags[1]", "FieldValueDuplicate")],
        ),
        (
            json!({"parts": [{"name": "a"}, {"name": "a"}]}),
            vec![of("spec.parts[1]", "FieldValueDuplicate")],
        ),
        (
            json!({"parts": [{"value": "a"}]}),
            vec![of("spec.parts[0].name", "FieldValueRequired")],
        ),
        (
            json!({"tags": ["x".repeat(21)]}),
            vec![of("spec.tags[0]", "FieldValueTooLong")],
        ),
        (
            json!({"limits": {"a": 1}}),
            vec![of("spec.limits.a", "FieldValueTypeInvalid")],
        ),
    ] {
        let status = on
            .post(&on.widgets(), &widget("w", &spec))
            .await
            .fails(422, "Invalid");
        assert_eq!(status["details"]["kind"], "Widget");
        assert_eq!(status["details"]["group"], "conformance.example.com");
        assert_eq!(status["details"]["name"], "w");
        // Where values are wrong the rules are not run, which is said too.
        let found: Vec<_> = causes(&status)
            .into_iter()
            .filter(|(field, _)| field != "<nil>")
            .collect();
        assert_eq!(found, expected, "{spec}");
    }
    for port in [json!(80), json!("http")] {
        let name = if port.is_number() { "a" } else { "b" };
        on.create(&on.widgets(), &widget(name, &json!({"port": port})))
            .await;
    }
}

async fn rules_are_evaluated(on: Space) {
    let status = on
        .post(&on.widgets(), &widget("w", &json!({"replicas": 11})))
        .await
        .fails(422, "Invalid");
    assert_eq!(causes(&status), [of("spec", "FieldValueInvalid")]);
    let message = status["details"]["causes"][0]["message"].as_str().unwrap();
    assert!(
        message.ends_with("a widget has at most 10 replicas"),
        "{message}"
    );
    // A transition rule needs two states.
    on.create(&on.widgets(), &widget("w", &json!({"size": 1})))
        .await;
    let at = format!("{}/w", on.widgets());
    let status = on
        .patch(&at, MERGE, &json!({"spec": {"size": null}}))
        .await
        .fails(422, "Invalid");
    assert_eq!(causes(&status), [of("spec", "FieldValueInvalid")]);
    on.patch(&at, MERGE, &json!({"spec": {"size": 2}}))
        .await
        .expect(200);
}

async fn what_did_not_change_is_not_held_against_an_object(on: Space) {
    let schema = |name: &Value| {
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "name": name, "other": {"type": "string"},
        }}}})
    };
    let mut ratchets = crd("ratchets", "Ratchet", &schema(&json!({"type": "string"})));
    on.crd(&ratchets).await;
    let path = format!(
        "/apis/conformance.example.com/v1/namespaces/{}/ratchets",
        on.namespace
    );
    let body = json!({
        "apiVersion": "conformance.example.com/v1", "kind": "Ratchet",
        "metadata": {"name": "a"}, "spec": {"name": "too-long-by-now"},
    });
    on.create(&path, &body).await;
    let strict = json!({"type": "string", "maxLength": 3});
    ratchets["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema(&strict);
    let patch = json!({"spec": ratchets["spec"]});
    on.patch(
        &format!("{CRDS}/ratchets.conformance.example.com"),
        MERGE,
        &patch,
    )
    .await
    .expect(200);
    let mut second = body.clone();
    second["metadata"]["name"] = json!("b");
    testbed::wait::until(
        crate::space::SOON,
        "the new schema to be in force",
        || async {
            let answer = on.post(&format!("{path}?dryRun=All"), &second).await;
            anyhow::ensure!(answer.code == 422, "{:#}", answer.body);
            Ok(())
        },
    )
    .await
    .unwrap();
    on.patch(
        &format!("{path}/a"),
        MERGE,
        &json!({"spec": {"other": "x"}}),
    )
    .await
    .expect(200);
    let status = on
        .patch(
            &format!("{path}/a"),
            MERGE,
            &json!({"spec": {"name": "still-too-long"}}),
        )
        .await
        .fails(422, "Invalid");
    assert_eq!(causes(&status), [of("spec.name", "FieldValueTooLong")]);
}

async fn the_generation_counts_changes_of_the_spec(on: Space) {
    let at = format!("{}/w", on.widgets());
    let created = on.create(&on.widgets(), &widget("w", &json!({}))).await;
    assert_eq!(created["metadata"]["generation"], 1);
    for (path, patch, expected) in [
        (at.clone(), json!({"metadata": {"labels": {"a": "b"}}}), 1),
        (
            format!("{at}/status"),
            json!({"status": {"phase": "Up"}}),
            1,
        ),
        (at.clone(), json!({"spec": {"size": 1}}), 2),
        (at.clone(), json!({"spec": {"size": 1}}), 2),
        (format!("{at}/scale"), json!({"spec": {"replicas": 3}}), 3),
    ] {
        on.patch(&path, MERGE, &patch).await.expect(200);
        let now = on.get(&at).await.expect(200);
        assert_eq!(now["metadata"]["generation"], expected, "{path} {patch}");
    }
}

/// The answer to a CRD whose spec has these properties and rules.
async fn ruled(on: &Space, properties: &Value, rule: &str) -> crate::answer::Answer {
    let schema = json!({"type": "object", "properties": {"spec": {
        "type": "object", "properties": properties,
        "x-kubernetes-validations": [{"rule": rule}],
    }}});
    let body = crd("ruled", "Ruled", &schema);
    on.post(&format!("{CRDS}?dryRun=All"), &body).await
}

async fn schemas_are_refused_for_their_mistakes(on: Space) {
    for (schema, field, reason) in [
        (
            json!({"type": "object", "properties": {"a": {}}}),
            "properties[a].type",
            "FieldValueRequired",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array"}}}),
            "properties[a].items",
            "FieldValueRequired",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string", "default": 1}}}),
            "properties[a].default",
            "FieldValueTypeInvalid",
        ),
    ] {
        let body = crd("mistakes", "Mistake", &schema);
        let status = on
            .post(&format!("{CRDS}?dryRun=All"), &body)
            .await
            .fails(422, "Invalid");
        let field = format!("spec.validation.openAPIV3Schema.{field}");
        assert!(causes(&status).contains(&of(&field, reason)), "{status:#}");
    }
    let mut name = crd("mistakes", "Mistake", &json!({"type": "object"}));
    name["metadata"]["name"] = json!("other.conformance.example.com");
    let status = on.post(CRDS, &name).await.fails(422, "Invalid");
    assert!(causes(&status).contains(&of("metadata.name", "FieldValueInvalid")));
}

async fn rules_are_type_checked(on: Space) {
    let rule = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule";
    let text = json!({"type": "string", "maxLength": 10});
    let texts = json!({"type": "array", "maxItems": 5, "items": text});
    let properties = json!({
        "s": text, "i": {"type": "integer"}, "b": {"type": "boolean"}, "n": {"type": "number"},
        "l": texts, "m": {"type": "object", "maxProperties": 5, "additionalProperties": text},
        "t": {"type": "string", "format": "date-time"},
        "p": {"x-kubernetes-int-or-string": true},
        "o": {"type": "object", "properties": {"x": {"type": "integer"}}},
    });
    for wrong in [
        "self.s + 1 == 2",
        "self.s == 1",
        "self.i",
        "size(self.s)",
        "self.nothing == 1",
        "self.o.y == 1",
        "nothing(self.s)",
        "self.s.startsWith(1)",
        "has(self.i) && self.i",
        "self.b ? true : 1",
        "self.s in ['x', 1]",
        "self.t > '2020'",
        "self.m['a'] == 1",
        "-self.s == 1",
        "!self.s",
        "self.s[0] == 'x'",
        "self.l.map(x, x + 1).size() > 0",
        "self.l.all(x, x > 1)",
        "self.l.exists(x, x)",
        "self.l == self.i",
        "other.s == 'x'",
        "self.s ==",
        "'text'",
    ] {
        let status = ruled(&on, &properties, wrong).await.fails(422, "Invalid");
        assert_eq!(
            causes(&status),
            [of(rule, "FieldValueInvalid")],
            "{wrong}: {status:#}"
        );
    }
    for right in [
        "self.i + 1 == 2",
        "self.i > 1.5 || self.n > 1",
        "self.s == dyn(1)",
        "self.s + 'x' == 'yx' && self.b",
        "self.t > timestamp('2020-01-01T00:00:00Z')",
        "self.p == 1 || self.p == 'a'",
        "self.m.a == 'x' || 'b' in self.m",
        "self.l.map(x, x.size()).all(n, n > 0)",
        "self.l.exists_one(x, x.matches('^a$'))",
        "(self.b ? 1 : 2) == self.i",
        "self.i == oldSelf.i",
        "string(self.i) == self.s && int(self.s) == self.i",
        "self.l[0].upperAscii() == 'A'",
        "size(self.m) + self.l.size() < 3",
        "duration('1h') > duration('1m')",
        "type(self.s) == string",
        "!has(self.o.x) || self.o.x in [1, 2]",
    ] {
        ruled(&on, &properties, right).await.expect(201);
    }
}

async fn bodies_must_say_what_they_are(on: Space) {
    let mut body = widget("w", &json!({"replicas": 1}));
    body["kind"] = json!("Gadget");
    let status = on.post(&on.widgets(), &body).await.fails(422, "Invalid");
    assert_eq!(causes(&status), [of("kind", "FieldValueInvalid")]);
    body["kind"] = json!("Widget");
    body["apiVersion"] = json!("other.example.com/v1");
    on.post(&on.widgets(), &body).await.fails(400, "BadRequest");
    body.as_object_mut().unwrap().remove("apiVersion");
    on.post(&on.widgets(), &body).await.fails(400, "BadRequest");
    // A built-in kind is known by its path.
    let bare = json!({"metadata": {"name": "bare"}});
    let created = on.create(&on.core("configmaps"), &bare).await;
    assert_eq!(
        (&created["kind"], &created["apiVersion"]),
        (&json!("ConfigMap"), &json!("v1"))
    );
}
