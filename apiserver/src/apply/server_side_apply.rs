//! Server-side apply: merging a configuration into the live object under field ownership.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::compare::compare;
use super::field_set::FieldSet;
use super::ignored::ignored_fields;
use super::managers::{
    BEFORE_FIRST_APPLY, Identity, Managers, Operation, Ownership, without_managed_fields,
};
use super::merge::merge;
use super::prune::drop_abandoned;
use super::topology::Topology;
use super::track_update::{disown, empty_like, record};
use super::typed::{field_set, mismatches};

/// Why an apply was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyError {
    /// 409: other managers own fields that would change.
    Conflicts(Vec<Conflict>),
    /// 400: the configuration is no apply configuration.
    BadRequest(String),
    /// 500, as the API server answers: the configuration does not fit the kind's schema.
    Schema(String),
}

/// One field of one other manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The owner as the API server names it (`"kubectl" using v1`), without the words `conflict with`.
    pub manager: String,
    /// The path as the API server prints it (`.spec.replicas`).
    pub field: String,
}

impl Conflict {
    /// The message of this conflict's cause in a `Status`.
    pub fn message(&self) -> String {
        format!("conflict with {}", self.manager)
    }
}

impl std::error::Error for ApplyError {}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest(message) | Self::Schema(message) => f.write_str(message),
            Self::Conflicts(conflicts) => match conflicts.as_slice() {
                [only] => write!(
                    f,
                    "Apply failed with 1 conflict: conflict with {}: {}",
                    only.manager, only.field
                ),
                many => {
                    let mut by_manager: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                    for conflict in many {
                        by_manager
                            .entry(&conflict.manager)
                            .or_default()
                            .push(&conflict.field);
                    }
                    write!(f, "Apply failed with {} conflicts: ", many.len())?;
                    for (index, (manager, fields)) in by_manager.iter().enumerate() {
                        let newline = if index == 0 { "" } else { "\n" };
                        write!(f, "{newline}conflicts with {manager}:")?;
                        for field in fields {
                            write!(f, "\n- {field}")?;
                        }
                    }
                    Ok(())
                }
            },
        }
    }
}

/// The object after `manager` applied `applied`, with `metadata.managedFields` brought up to date.
///
/// `live` is the stored object, `None` when the apply creates it. Fields that belong to another endpoint
/// (`status` on the main resource, everything else on `status`) are the caller's to leave out of
/// `applied`. `now` is RFC 3339 in whole seconds and is only used when the object changes: an apply that
/// changes nothing returns the live object, value for value.
#[expect(
    clippy::too_many_arguments,
    reason = "the request as it came, taken apart by the caller"
)]
pub fn server_side_apply(
    live: Option<&Value>,
    applied: &Value,
    manager: &str,
    api_version: &str,
    subresource: &str,
    force: bool,
    topo: &Topology,
    now: &str,
) -> Result<Value, ApplyError> {
    check_request(applied, api_version, topo)?;
    let mut managers = live.map(Managers::of).unwrap_or_default();
    let empty = empty_like(applied);
    let live = live.map_or_else(|| empty.clone(), without_managed_fields);
    if managers.0.is_empty() && live != empty {
        let before = Identity::new(Operation::Update, BEFORE_FIRST_APPLY, api_version, "");
        record(&mut managers, &empty, &live, before, api_version, topo, now);
    }

    let identity = Identity::new(Operation::Apply, manager, api_version, subresource);
    let last = managers.0.remove(&identity);
    let fields = field_set(topo, applied);
    let merged = merge(topo, &live, applied);
    let (last_fields, last_time) = last
        .map(|last| (last.fields, last.time))
        .unwrap_or_default();
    let mut object = drop_abandoned(
        topo,
        merged,
        &last_fields,
        &managers.all_fields().union(&fields),
    );

    let change = compare(topo, &live, &object);
    if !force {
        let conflicts = conflicts(&managers, &change.modified.clone().union(&change.added));
        if !conflicts.is_empty() {
            return Err(ApplyError::Conflicts(conflicts));
        }
    }
    disown(&mut managers, &change, None);
    let fields = fields.difference(ignored_fields());
    if !fields.is_empty() {
        let time = if object == live {
            last_time
        } else {
            Some(now.to_owned())
        };
        managers.0.insert(
            identity,
            Ownership {
                api_version: api_version.to_owned(),
                time,
                fields,
            },
        );
    }
    managers.cap();
    managers.write(&mut object);
    Ok(object)
}

fn check_request(applied: &Value, api_version: &str, topo: &Topology) -> Result<(), ApplyError> {
    let sent = applied
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if sent != api_version {
        let kind = applied
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        return Err(ApplyError::BadRequest(format!(
            "invalid object type: {}, Kind={kind}",
            group_version(sent)
        )));
    }
    if applied
        .pointer("/metadata/managedFields")
        .is_some_and(|sent| !sent.is_null())
    {
        return Err(ApplyError::BadRequest(
            "metadata.managedFields must be nil".to_owned(),
        ));
    }
    let mismatches = mismatches(topo, applied);
    if mismatches.is_empty() {
        return Ok(());
    }
    let reasons = match mismatches.as_slice() {
        [only] => only.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    Err(ApplyError::Schema(format!(
        "failed to create typed patch object ({}): {reasons}",
        described(applied)
    )))
}

/// `namespace/name; group/version, Kind=kind`, as the API server names an object in messages.
fn described(object: &Value) -> String {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let version = group_version(text("/apiVersion"));
    format!(
        "{}/{}; {version}, Kind={}",
        text("/metadata/namespace"),
        text("/metadata/name"),
        text("/kind")
    )
}

/// `group/version`, with an empty group where there is none.
fn group_version(api_version: &str) -> String {
    if api_version.contains('/') {
        api_version.to_owned()
    } else {
        format!("/{api_version}")
    }
}

fn conflicts(managers: &Managers, changed: &FieldSet) -> Vec<Conflict> {
    let mut out = Vec::new();
    for (identity, ownership) in &managers.0 {
        let manager = identity.printed();
        for field in ownership.fields.intersection(changed).paths() {
            out.push(Conflict {
                manager: manager.clone(),
                field,
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::apply::typed::with_named_parents;
    use crate::schema::StructuralSchema;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn schema() -> StructuralSchema {
        let text = json!({"type": "string"});
        StructuralSchema::compile(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "a": text, "b": text,
            "labels": {"type": "object", "additionalProperties": text},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
            "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"], "items": {
                "type": "object", "required": ["port"], "properties": {"port": {"type": "integer"}, "name": text}}},
        }}}}))
        .unwrap()
    }

    fn object(spec: &Value) -> Value {
        json!({"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec})
    }

    fn apply(
        live: Option<&Value>,
        applied: &Value,
        manager: &str,
        force: bool,
        now: &str,
    ) -> Result<Value, ApplyError> {
        server_side_apply(
            live,
            applied,
            manager,
            "x.io/v1",
            "",
            force,
            schema().topology(),
            now,
        )
    }

    /// A configuration whose values follow from their place, so that two never conflict.
    fn agreeing() -> impl Strategy<Value = Value> {
        let keys = || prop::collection::btree_set(0..4u8, 0..4);
        (any::<bool>(), any::<bool>(), keys(), keys(), keys()).prop_map(
            |(a, b, labels, tags, ports)| {
                let mut spec = json!({});
                if a {
                    spec["a"] = json!("1");
                }
                if b {
                    spec["b"] = json!("2");
                }
                if !labels.is_empty() {
                    spec["labels"] = labels
                        .iter()
                        .map(|n| (format!("l{n}"), json!(n.to_string())))
                        .collect();
                }
                if !tags.is_empty() {
                    spec["tags"] = tags.iter().map(|n| json!(format!("t{n}"))).collect();
                }
                if !ports.is_empty() {
                    spec["ports"] = ports
                        .iter()
                        .map(|n| json!({"port": n, "name": format!("p{n}")}))
                        .collect();
                }
                object(&spec)
            },
        )
    }

    proptest! {
        #[test]
        fn applying_twice_is_applying_once(first in agreeing(), second in agreeing()) {
            let live = apply(None, &first, "one", false, NOW).unwrap();
            let once = apply(Some(&live), &second, "two", false, NOW).unwrap();
            let twice = apply(Some(&once), &second, "two", false, "2027-01-01T00:00:00Z").unwrap();
            prop_assert_eq!(twice, once);
        }

        #[test]
        fn what_two_apply_is_there_and_owned_by_each(first in agreeing(), second in agreeing()) {
            let topology = schema();
            let live = apply(None, &first, "one", false, NOW).unwrap();
            let both = apply(Some(&live), &second, "two", false, NOW).unwrap();
            let held = with_named_parents(topology.topology(), &field_set(topology.topology(), &without_managed_fields(&both)));
            for applied in [&first, &second] {
                let wanted = field_set(topology.topology(), applied);
                prop_assert_eq!(wanted.difference(&held), FieldSet::default());
            }
        }

        #[test]
        fn letting_go_leaves_what_the_other_applied(first in agreeing(), second in agreeing()) {
            let topology = schema();
            let live = apply(None, &first, "one", false, NOW).unwrap();
            let both = apply(Some(&live), &second, "two", false, NOW).unwrap();
            let nothing = json!({"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "x"}});
            let left = apply(Some(&both), &nothing, "one", false, NOW).unwrap();
            let alone = apply(None, &second, "two", false, NOW).unwrap();
            let fields = |object: &Value| field_set(topology.topology(), &without_managed_fields(object));
            prop_assert_eq!(fields(&alone).difference(&with_named_parents(topology.topology(), &fields(&left))), FieldSet::default());
        }
    }

    #[test]
    fn force_takes_the_field_away() {
        let live = apply(None, &object(&json!({"a": "1"})), "one", false, NOW).unwrap();
        let refused =
            apply(Some(&live), &object(&json!({"a": "2"})), "two", false, NOW).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Apply failed with 1 conflict: conflict with \"one\": .spec.a"
        );
        let taken = apply(Some(&live), &object(&json!({"a": "2"})), "two", true, NOW).unwrap();
        let owners: Vec<&Value> = taken["metadata"]["managedFields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["manager"])
            .collect();
        assert_eq!(owners, ["two"]);
    }
}
