//! What a real kube-apiserver answered to objects of one CRD (`fixtures/schema.json`), held against the
//! schema module.

use apiserver::schema::{FieldError, StructuralSchema};
use serde_json::{Value, json};

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/schema.json")).expect("the fixture is JSON")
}

/// The part of a `Status` message after `… is invalid: `.
fn told(answer: &Value) -> Option<String> {
    let message = answer["message"].as_str()?;
    Some(
        message
            .split_once("is invalid: ")
            .map_or(message, |(_, told)| told)
            .to_owned(),
    )
}

fn joined(errors: &[FieldError]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in errors.iter().map(ToString::to_string) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [only] => only.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn whole(object: &Value) -> Value {
    let mut whole =
        json!({"apiVersion": "fix2.example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}});
    whole
        .as_object_mut()
        .expect("an object")
        .extend(object.as_object().expect("an object").clone());
    whole
}

/// What the server does with a body before it validates.
fn decoded(schema: &StructuralSchema, object: &Value) -> Value {
    let mut object = whole(object);
    schema.prune(&mut object);
    schema.default(&mut object);
    object
}

fn compare(
    schema: &StructuralSchema,
    what: &Value,
    new: &Value,
    old: Option<&Value>,
    answer: &Value,
    wrong: &mut Vec<String>,
) {
    let new = decoded(schema, new);
    let errors = schema.validate(&new, old);
    let ours = if errors.is_empty() {
        None
    } else {
        Some(joined(&errors))
    };
    if ours.as_deref().map(parts) != told(answer).as_deref().map(parts) {
        wrong.push(format!(
            "{what}\n  server: {:?}\n  ours:   {ours:?}",
            told(answer)
        ));
    }
    if errors.is_empty() && answer["code"].as_u64() < Some(300) {
        let stored = &answer["object"];
        if new.get("spec").map(in_one_number_form) != stored.get("spec").map(in_one_number_form) {
            wrong.push(format!(
                "{what}\n  server stores: {stored}\n  ours:          {new}"
            ));
        }
    }
}

/// The errors of a message; the server visits fields in no particular order.
fn parts(message: &str) -> Vec<String> {
    let message = without_function_text(message);
    let mut parts: Vec<String> = message
        .trim_matches(['[', ']'])
        .split(", ")
        .map(str::to_owned)
        .collect();
    parts.sort_unstable();
    parts
}

/// A function that fails says so in the words of its library.
fn without_function_text(message: &str) -> String {
    match (
        message.split_once(": \"string\": "),
        message.split_once(" evaluating rule: "),
    ) {
        (Some((before, _)), Some((_, after))) => format!("{before} evaluating rule: {after}"),
        _ => message.to_owned(),
    }
}

/// `1.0` and `1` are one number.
fn in_one_number_form(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(in_one_number_form).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), in_one_number_form(value)))
            .collect(),
        other => other.clone(),
    }
}

fn finish(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn created_objects_are_judged_as_by_the_server() {
    let fixture = fixture();
    let schema = StructuralSchema::compile(&fixture["schema"]).unwrap();
    let mut wrong = Vec::new();
    for case in fixture["create"].as_array().unwrap() {
        compare(
            &schema,
            &case["object"],
            &case["object"],
            None,
            &case["answer"],
            &mut wrong,
        );
    }
    finish(&wrong);
}

#[test]
fn updates_are_judged_against_what_was_stored() {
    let fixture = fixture();
    let schema = StructuralSchema::compile(&fixture["schema"]).unwrap();
    let mut wrong = Vec::new();
    for case in fixture["update"].as_array().unwrap() {
        let old = decoded(&schema, &case["old"]);
        compare(
            &schema,
            case,
            &case["new"],
            Some(&old),
            &case["answer"],
            &mut wrong,
        );
    }
    finish(&wrong);
}

#[test]
fn what_was_stored_under_laxer_rules_stays_editable() {
    let fixture = fixture();
    let schema = StructuralSchema::compile(&fixture["schema"]).unwrap();
    let mut wrong = Vec::new();
    for case in fixture["ratchet"].as_array().unwrap() {
        let old = decoded(&schema, &case["old"]);
        compare(
            &schema,
            case,
            &case["new"],
            Some(&old),
            &case["answer"],
            &mut wrong,
        );
    }
    finish(&wrong);
}

#[test]
fn unknown_fields_are_named_as_strict_validation_names_them() {
    let fixture = fixture();
    let schema = StructuralSchema::compile(&fixture["schema"]).unwrap();
    for case in fixture["strict"].as_array().unwrap() {
        let mut object = whole(&case["object"]);
        let unknown = schema.prune(&mut object);
        let told = case["answer"]["message"].as_str().unwrap();
        assert_eq!(
            unknown.join(", "),
            told.split_once("strict decoding error: ").unwrap().1
        );
        assert!(
            schema.prune(&mut object).is_empty(),
            "pruning twice is pruning once"
        );
    }
}

/// Paths and kinds are the server's; the words are, too, where no expression compiler speaks.
#[test]
fn bad_schemas_are_refused_where_the_server_refuses_them() {
    let mut wrong = Vec::new();
    for case in fixture()["compile"].as_array().unwrap() {
        let mut ours: Vec<String> = match StructuralSchema::compile(&case["schema"]) {
            Ok(_) => Vec::new(),
            Err(errors) => errors
                .into_iter()
                .map(|error| error.prefixed("spec.validation.openAPIV3Schema"))
                .map(|error| told_of(&error.path, error.kind.reason(), &error.message()))
                .collect(),
        };
        let causes = case["answer"]["causes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let text = |cause: &Value, name: &str| cause[name].as_str().unwrap_or_default().to_owned();
        let mut server: Vec<String> = causes
            .iter()
            // Depends on the CRD's subresources, not on its schema.
            .filter(|cause| {
                !text(cause, "message").contains("if the status subresource is enabled")
            })
            .map(|cause| {
                told_of(
                    &text(cause, "field"),
                    &text(cause, "reason"),
                    &text(cause, "message"),
                )
            })
            .collect();
        ours.sort();
        server.sort();
        if ours != server {
            wrong.push(format!(
                "{}\n  server: {server:#?}\n  ours:   {ours:#?}",
                case["schema"]
            ));
        }
    }
    finish(&wrong);
}

fn told_of(field: &str, reason: &str, message: &str) -> String {
    let own_words = message.contains("compilation failed")
        || message.contains("uncorrelatable")
        || message.contains("regular expression");
    let message = if own_words || message.contains("evaluate to a bool") {
        ""
    } else {
        message
    };
    format!("{field} {reason} {message}")
}
