//! Ownership after a create, an update or a patch other than apply.

use serde_json::{Value, json};

use super::compare::{Comparison, compare};
use super::field_set::FieldSet;
use super::ignored::ignored_fields;
use super::managers::{
    Identity, Managers, Operation, Ownership, asks_for_reset, without_managed_fields,
};
use super::topology::Topology;

/// Writes `metadata.managedFields` of `new`: what the write added or changed belongs to `manager` from
/// now on, what it removed belongs to nobody.
///
/// `live` is the stored object, `None` on create. `new` is what is about to be stored, after defaulting.
/// A record that the client sent along in `new` replaces the stored one (except through a subresource),
/// and an empty record (`[]` or `[{}]`) forgets every owner. `now` is RFC 3339 in whole seconds.
pub fn track_update(
    live: Option<&Value>,
    new: &mut Value,
    manager: &str,
    api_version: &str,
    subresource: &str,
    topo: &Topology,
    now: &str,
) {
    let mut managers = recorded(live, new, subresource);
    let bare_new = without_managed_fields(new);
    // An object that nobody tracked so far stays untracked until somebody applies.
    if live.is_none() || !managers.0.is_empty() {
        let bare_live = live.map_or_else(|| empty_like(new), without_managed_fields);
        let identity = Identity::new(Operation::Update, manager, api_version, subresource);
        record(
            &mut managers,
            &bare_live,
            &bare_new,
            identity,
            api_version,
            topo,
            now,
        );
    }
    managers.cap();
    managers.write(new);
}

fn recorded(live: Option<&Value>, new: &Value, subresource: &str) -> Managers {
    if asks_for_reset(new) {
        return Managers::default();
    }
    let sent = Managers::of(new);
    if sent.0.is_empty() || !subresource.is_empty() {
        return live.map(Managers::of).unwrap_or_default();
    }
    sent
}

/// What is compared with on create: an object of the same kind that holds nothing.
pub(crate) fn empty_like(object: &Value) -> Value {
    json!({"apiVersion": object.get("apiVersion"), "kind": object.get("kind")})
}

pub(crate) fn record(
    managers: &mut Managers,
    live: &Value,
    new: &Value,
    identity: Identity,
    api_version: &str,
    topo: &Topology,
    now: &str,
) {
    let change = compare(topo, live, new);
    disown(managers, &change, None);
    let gained = change
        .added
        .union(&change.modified)
        .difference(ignored_fields());
    if gained.is_empty() {
        return;
    }
    let held = managers
        .0
        .remove(&identity)
        .map(|ownership| ownership.fields)
        .unwrap_or_default();
    managers.0.insert(
        identity,
        Ownership {
            api_version: api_version.to_owned(),
            time: Some(now.to_owned()),
            fields: held.union(&gained),
        },
    );
}

/// Takes away from everybody but `except` what changed hands or is gone.
pub(crate) fn disown(managers: &mut Managers, change: &Comparison, except: Option<&Identity>) {
    let taken: FieldSet = change
        .added
        .clone()
        .union(&change.modified)
        .union(&change.removed);
    for (identity, ownership) in &mut managers.0 {
        if Some(identity) != except {
            ownership.fields = ownership.fields.difference(&taken);
        }
    }
    managers.drop_empty();
}
