//! Which part of the stored object a part of the new one is compared with. What is equal there is not
//! validated again: an object that was stored under laxer rules stays editable elsewhere.

use serde_json::Value;

use super::node::{ListType, Node};

/// The stored value of a field.
pub(crate) fn field<'o>(old: Option<&'o Value>, name: &str) -> Option<&'o Value> {
    old?.as_object()?.get(name)
}

/// The stored item with the same keys, for lists of type map; other lists' items have no counterpart.
pub(crate) fn item<'o>(list: &Node, old: Option<&'o Value>, item: &Value) -> Option<&'o Value> {
    let ListType::Map(keys) = &list.list else {
        return None;
    };
    old?.as_array()?
        .iter()
        .find(|old| keys.iter().all(|key| old.get(key) == item.get(key)))
}
