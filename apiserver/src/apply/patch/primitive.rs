//! Lists of scalars under patch strategy `merge`, and the order of merged lists.

use serde_json::Value;

/// Appends what is new and leaves the first of equal values.
pub(super) fn merge(live: &[Value], patch: &[Value]) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::with_capacity(live.len() + patch.len());
    for value in live.iter().chain(patch) {
        if !out.contains(value) {
            out.push(value.clone());
        }
    }
    out
}

/// Brings the items that `order` names into that order; an item it does not name keeps its place among
/// its live neighbours.
///
/// `key` identifies an item; `live` is the list as it was before the patch.
pub(super) fn reorder(
    items: Vec<Value>,
    live: &[Value],
    order: &[Value],
    key: impl Fn(&Value) -> Option<Value>,
) -> Vec<Value> {
    let rank = |item: &Value| {
        let id = key(item)?;
        order
            .iter()
            .position(|entry| key(entry).as_ref() == Some(&id))
    };
    let place = |item: &Value| {
        let id = key(item)?;
        live.iter()
            .position(|entry| key(entry).as_ref() == Some(&id))
    };
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| rank(item).is_some());
    named.sort_by_key(|item| rank(item));
    others.sort_by_key(|item| place(item).unwrap_or(usize::MAX));

    let mut out = Vec::with_capacity(named.len() + others.len());
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    loop {
        match (named.peek(), others.peek()) {
            (Some(first), Some(other)) => {
                // Only where both were there before is their order known.
                let other_first = matches!((place(first), place(other)), (Some(first), Some(other)) if other < first);
                out.extend(if other_first {
                    others.next()
                } else {
                    named.next()
                });
            }
            (Some(_), None) => out.extend(named.next()),
            (None, Some(_)) => out.extend(others.next()),
            (None, None) => return out,
        }
    }
}
