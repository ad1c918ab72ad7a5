//! What a real kube-apiserver made of sequences of applies, updates and patches (`fixtures/apply.json`),
//! held against the apply module.

use apiserver::apply::{
    ApplyError, Topology, builtin, json_patch, merge_patch, server_side_apply,
    strategic_merge_patch, track_update,
};
use apiserver::schema::StructuralSchema;
use serde_json::{Value, json};

const NOW: &str = "2026-01-01T00:00:00Z";

struct Kind<'a> {
    api_version: String,
    topology: &'a Topology,
    schema: Option<&'a StructuralSchema>,
}

/// Without what differs from run to run.
fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("namespace");
        for entry in metadata
            .get_mut("managedFields")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            entry.as_object_mut().expect("an object").remove("time");
        }
    }
    object
}

/// The errors in a message; the server visits fields in no particular order.
fn parts(message: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = message.trim_matches(['[', ']']).split(", ").collect();
    parts.sort_unstable();
    parts
}

fn managed(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array();
    let mut entries: Vec<String> = entries
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    // Times order entries, and a recording's times are not ours.
    entries.sort();
    entries
}

fn step(kind: &Kind<'_>, live: Option<&Value>, step: &Value) -> Result<Value, String> {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let (manager, subresource, body) = (text("manager"), text("subresource"), &step["body"]);
    let tracked = |mut new: Value| {
        if let Some(schema) = kind.schema {
            schema.prune(&mut new);
            schema.default(&mut new);
            invalid(&schema.validate(&new, live))?;
        }
        track_update(
            live,
            &mut new,
            manager,
            &kind.api_version,
            subresource,
            kind.topology,
            NOW,
        );
        Ok(new)
    };
    let current = live.unwrap_or(&Value::Null);
    match text("op") {
        "apply" => {
            let force = step["force"] == true;
            let applied = server_side_apply(
                live,
                body,
                manager,
                &kind.api_version,
                subresource,
                force,
                kind.topology,
                NOW,
            );
            let mut object = applied.map_err(|error: ApplyError| error.to_string())?;
            if let Some(schema) = kind.schema {
                schema.prune(&mut object);
                schema.default_applied(&mut object);
                invalid(&schema.validate(&object, live))?;
            }
            Ok(object)
        }
        "create" => tracked(body.clone()),
        "update" | "merge" => tracked(merge_patch(current, body)),
        "json" => tracked(json_patch(current, body).map_err(|error| error.to_string())?),
        "strategic" => tracked(
            strategic_merge_patch(current, body, kind.topology)
                .map_err(|error| error.to_string())?,
        ),
        other => Err(format!("unknown operation {other}")),
    }
}

fn invalid(errors: &[apiserver::schema::FieldError]) -> Result<(), String> {
    match errors {
        [] => Ok(()),
        [only] => Err(only.to_string()),
        many => Err(format!(
            "[{}]",
            many.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

#[test]
fn ownership_is_what_the_server_makes_of_it() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/apply.json")).unwrap();
    let schema = StructuralSchema::compile(&fixture["schema"]).unwrap();
    let mut wrong = Vec::new();
    for scenario in fixture["scenarios"].as_array().unwrap() {
        let api_version = scenario["steps"][0]["body"]["apiVersion"]
            .as_str()
            .unwrap()
            .to_owned();
        let name = scenario["kind"].as_str().unwrap();
        let custom = name == "Widget";
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let topology = if custom {
            schema.topology()
        } else {
            builtin::topology_for(group, name)
        };
        let kind = Kind {
            api_version: api_version.clone(),
            topology,
            schema: custom.then_some(&schema),
        };
        let mut live: Option<Value> = None;
        for (index, recorded) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            let what = format!(
                "{} step {index}: {}",
                scenario["description"], recorded["body"]
            );
            let ours = step(&kind, live.as_ref(), recorded);
            let answer = &recorded["answer"];
            match (ours, answer.get("object")) {
                (Ok(ours), Some(theirs)) => {
                    // Other built-in kinds get defaults and addresses from the server.
                    let whole = custom || name == "ConfigMap";
                    if managed(&comparable(&ours)) != managed(&comparable(theirs)) {
                        wrong.push(format!(
                            "{what}\n  server: {:#?}\n  ours:   {:#?}",
                            managed(&comparable(theirs)),
                            managed(&comparable(&ours))
                        ));
                    }
                    let bare = |object: &Value| {
                        let mut object = comparable(object);
                        object["metadata"]
                            .as_object_mut()
                            .unwrap()
                            .remove("managedFields");
                        object
                    };
                    if whole && bare(&ours) != bare(theirs) {
                        wrong.push(format!(
                            "{what}\n  server: {}\n  ours:   {}",
                            bare(theirs),
                            bare(&ours)
                        ));
                    }
                    live = Some(theirs.clone());
                }
                (Err(ours), None) => {
                    let told = answer["message"].as_str().unwrap();
                    let told = told
                        .split_once("is invalid: ")
                        .map_or(told, |(_, told)| told);
                    if parts(&ours) != parts(told) {
                        wrong.push(format!("{what}\n  server: {told}\n  ours:   {ours}"));
                    }
                }
                (ours, theirs) => wrong.push(format!(
                    "{what}\n  server: {theirs:?} {}\n  ours:   {ours:?}",
                    answer["message"]
                )),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn conflicts_carry_the_causes_of_a_status() {
    let topology = builtin::topology_for("", "ConfigMap");
    let object = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": value}});
    let live =
        server_side_apply(None, &object("1"), "one", "v1", "", false, topology, NOW).unwrap();
    let Err(ApplyError::Conflicts(conflicts)) = server_side_apply(
        Some(&live),
        &object("2"),
        "two",
        "v1",
        "",
        false,
        topology,
        NOW,
    ) else {
        panic!("another manager's value must not be overwritten");
    };
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        (conflicts[0].field.as_str(), conflicts[0].message().as_str()),
        (".data.a", "conflict with \"one\"")
    );
}
