//! `metadata.managedFields`: who owns what since when.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::field_set::FieldSet;

/// How many managers that update (rather than apply) are kept apart; older ones share an entry.
const MAX_UPDATE_MANAGERS: usize = 10;
/// The shared entry of managers beyond the cap.
const ANCIENT: &str = "ancient-changes";
/// Owner of what an object held before ownership was first tracked.
pub(crate) const BEFORE_FIRST_APPLY: &str = "before-first-apply";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who owns: one manager has one entry for each way it writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) operation: Operation,
    pub(crate) manager: String,
    /// Empty for `Apply`: its next apply replaces the entry whatever the version.
    version: String,
    pub(crate) subresource: String,
}

impl Identity {
    pub(crate) fn new(
        operation: Operation,
        manager: &str,
        api_version: &str,
        subresource: &str,
    ) -> Self {
        let version = match operation {
            Operation::Apply => String::new(),
            Operation::Update => api_version.to_owned(),
        };
        Self {
            operation,
            manager: manager.to_owned(),
            version,
            subresource: subresource.to_owned(),
        }
    }

    /// As conflicts name it.
    pub(crate) fn printed(&self) -> String {
        let mut out = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(out, " with subresource {:?}", self.subresource);
        }
        if self.operation == Operation::Update {
            out.push_str(" using ");
            out.push_str(&self.version);
        }
        out
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Ownership {
    pub(crate) api_version: String,
    pub(crate) time: Option<String>,
    pub(crate) fields: FieldSet,
}

/// All owners of one object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Managers(pub(crate) BTreeMap<Identity, Ownership>);

impl Managers {
    /// The owners recorded in `object`; what cannot be read is nobody's.
    pub(crate) fn of(object: &Value) -> Self {
        let entries = object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array);
        let mut out = Self::default();
        for entry in entries.into_iter().flatten() {
            let Some((identity, ownership)) = read(entry) else {
                return Self::default();
            };
            out.0.insert(identity, ownership);
        }
        out
    }

    /// Writes the owners into `object`, or takes the field away when there are none.
    pub(crate) fn write(&self, object: &mut Value) {
        let Some(root) = object.as_object_mut() else {
            return;
        };
        let metadata = root
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        let Some(metadata) = metadata.as_object_mut() else {
            return;
        };
        if self.0.is_empty() {
            metadata.remove("managedFields");
            return;
        }
        let mut entries: Vec<(&Identity, &Ownership)> = self.0.iter().collect();
        entries.sort_by_key(|(id, ownership)| {
            (
                id.operation,
                &ownership.time,
                &id.manager,
                &ownership.api_version,
                &id.subresource,
            )
        });
        let entries = entries
            .into_iter()
            .map(|(id, ownership)| wire(id, ownership))
            .collect();
        metadata.insert("managedFields".to_owned(), Value::Array(entries));
    }

    pub(crate) fn all_fields(&self) -> FieldSet {
        self.0.values().fold(FieldSet::default(), |all, ownership| {
            all.union(&ownership.fields)
        })
    }

    pub(crate) fn drop_empty(&mut self) {
        self.0.retain(|_, ownership| !ownership.fields.is_empty());
    }

    /// Folds the oldest updating managers into one entry per version once there are too many.
    pub(crate) fn cap(&mut self) {
        let mut updaters: Vec<Identity> = self
            .0
            .keys()
            .filter(|id| id.operation == Operation::Update)
            .cloned()
            .collect();
        updaters.sort_by_key(|id| (self.0.get(id).and_then(|o| o.time.clone()), id.clone()));
        let mut excess = updaters.len().saturating_sub(MAX_UPDATE_MANAGERS);
        let mut first_of_version: BTreeMap<String, Identity> = BTreeMap::new();
        for id in updaters {
            if excess == 0 {
                break;
            }
            let Some(first) = first_of_version.get(&id.version) else {
                first_of_version.insert(id.version.clone(), id);
                continue;
            };
            let bucket = Identity::new(Operation::Update, ANCIENT, &id.version, "");
            if !self.0.contains_key(&bucket)
                && let Some(ownership) = self.0.remove(first)
            {
                self.0.insert(bucket.clone(), ownership);
            }
            if let Some(folded) = self.0.remove(&id)
                && let Some(into) = self.0.get_mut(&bucket)
            {
                into.fields = std::mem::take(&mut into.fields).union(&folded.fields);
                into.time = folded.time;
            }
            excess -= 1;
        }
    }
}

fn read(entry: &Value) -> Option<(Identity, Ownership)> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    let fields = match entry.get("fieldsV1") {
        Some(fields) => FieldSet::from_json(fields)?,
        None => FieldSet::default(),
    };
    let identity = Identity::new(
        operation,
        text("manager"),
        text("apiVersion"),
        text("subresource"),
    );
    let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
    Some((
        identity,
        Ownership {
            api_version: text("apiVersion").to_owned(),
            time,
            fields,
        },
    ))
}

fn wire(id: &Identity, ownership: &Ownership) -> Value {
    let mut entry = json!({
        "manager": id.manager,
        "operation": id.operation.as_str(),
        "apiVersion": ownership.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": ownership.fields.to_json(),
    });
    if let Some(time) = &ownership.time {
        entry["time"] = json!(time);
    }
    if !id.subresource.is_empty() {
        entry["subresource"] = json!(id.subresource);
    }
    entry
}

/// `object` without its ownership record.
pub(crate) fn without_managed_fields(object: &Value) -> Value {
    let mut out = object.clone();
    if let Some(metadata) = out.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    out
}

/// Whether a request asks to forget all owners: an empty list, or a list of one empty entry.
pub(crate) fn asks_for_reset(object: &Value) -> bool {
    match object.pointer("/metadata/managedFields") {
        Some(Value::Array(entries)) => match entries.as_slice() {
            [] => true,
            [only] => only.as_object().is_some_and(Map::is_empty),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object_with(updaters: usize) -> Value {
        let entries: Vec<Value> = (0..updaters)
            .map(|n| {
                json!({"manager": format!("m{n:02}"), "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                       "time": format!("2026-01-01T00:00:{n:02}Z"), "fieldsV1": {"f:data": {format!("f:k{n}"): {}}}})
            })
            .collect();
        json!({"metadata": {"managedFields": entries}})
    }

    #[test]
    fn eleventh_updater_makes_the_two_oldest_ancient() {
        let mut managers = Managers::of(&object_with(11));
        managers.cap();
        let mut out = json!({});
        managers.write(&mut out);
        let entries = out["metadata"]["managedFields"].as_array().unwrap();
        assert_eq!(entries.len(), 10);
        assert_eq!(entries[0]["manager"], "ancient-changes");
        assert_eq!(
            entries[0]["fieldsV1"],
            json!({"f:data": {"f:k0": {}, "f:k1": {}}})
        );
        assert_eq!(entries[0]["time"], "2026-01-01T00:00:01Z");
    }

    #[test]
    fn ten_updaters_stay_apart() {
        let object = object_with(10);
        let mut managers = Managers::of(&object);
        managers.cap();
        let mut out = json!({});
        managers.write(&mut out);
        assert_eq!(out, object);
    }

    #[test]
    fn unreadable_record_counts_as_none() {
        assert!(
            Managers::of(
                &json!({"metadata": {"managedFields": [{"manager": "x", "operation": "Guess"}]}})
            )
            .0
            .is_empty()
        );
    }
}
