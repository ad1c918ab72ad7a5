//! Rules of `metadata`, the same for every kind.

use serde_json::{Value, json};

use super::names;
use crate::object_meta;
use crate::registry::Resource;
use crate::status::Cause;

/// Rules of metadata; paths are as kubectl prints them.
pub fn rules(resource: &Resource, new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let name = object_meta::name(new);
    if old.is_none()
        && let Err(why) = names::check(resource.name_rule, name)
    {
        causes.push(Cause::invalid("metadata.name", &json!(name), why));
    }
    for (field, check_value) in [("labels", true), ("annotations", false)] {
        let map = &new["metadata"][field];
        if !map.is_null() && !map.is_object() {
            causes.push(Cause::invalid(
                format!("metadata.{field}"),
                map,
                "must be a map of strings",
            ));
        }
        for (key, value) in map.as_object().into_iter().flatten() {
            let at = format!("metadata.{field}");
            let lowered = if check_value {
                key.clone()
            } else {
                key.to_lowercase()
            };
            if let Err(why) = super::selector::label_key(&lowered) {
                causes.push(Cause::invalid(at.clone(), &json!(key), &why));
            }
            match value.as_str() {
                None => causes.push(Cause::invalid(
                    format!("{at}.{key}"),
                    value,
                    "must be a string",
                )),
                Some(text) if check_value => {
                    if let Err(why) = super::selector::label_value(text) {
                        causes.push(Cause::invalid(at, value, &why));
                    }
                }
                Some(_) => {}
            }
        }
    }
    owner_rules(new, causes);
    let added: Vec<&str> = match old {
        Some(old) if object_meta::is_deleting(old) => {
            let before = object_meta::finalizers(old);
            object_meta::finalizers(new)
                .into_iter()
                .filter(|name| !before.contains(name))
                .collect()
        }
        _ => Vec::new(),
    };
    if !added.is_empty() {
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers {added:?}"
        );
        causes.push(Cause::forbidden("metadata.finalizers", &why));
    }
}

fn owner_rules(new: &Value, causes: &mut Vec<Cause>) {
    let mut controllers = 0;
    for (index, owner) in object_meta::owners(new).iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().is_none_or(str::is_empty) {
                let why = format!("{field} must not be empty");
                let at = format!("metadata.ownerReferences[{index}].{field}");
                causes.push(Cause::invalid(at, &json!(""), &why));
            }
        }
        controllers += usize::from(owner["controller"] == true);
    }
    if controllers > 1 {
        let why = "Only one reference can have Controller set to true";
        causes.push(Cause::invalid(
            "metadata.ownerReferences",
            &new["metadata"]["ownerReferences"],
            why,
        ));
    }
}
