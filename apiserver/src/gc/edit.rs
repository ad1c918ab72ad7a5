//! Changes the server itself makes to an object.

use serde_json::Value;

use crate::object_meta;
use crate::rest::Api;
use crate::status::ApiError;
use crate::store::{Expect, Key, Op, Write, WriteError};

/// Changes an object until the change is stored; `change` answers whether there is one. An object
/// that nothing holds any more afterwards is removed.
pub async fn edit(
    api: &Api,
    key: &Key,
    change: impl Fn(&mut Value) -> bool,
) -> Result<(), ApiError> {
    loop {
        let Some(current) = api.store.get(key) else {
            return Ok(());
        };
        let mut value = current.value();
        if !change(&mut value) {
            return Ok(());
        }
        let held = value["spec"]["finalizers"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
            && super::scopes::is_namespace(key);
        let finished =
            object_meta::is_deleting(&value) && object_meta::finalizers(&value).is_empty() && !held;
        let op = if finished {
            Op::Remove(value)
        } else {
            Op::Put(value)
        };
        let expect = Expect::Revision(current.revision);
        match api
            .store
            .write(Write {
                key: key.clone(),
                expect,
                op,
                guard: None,
            })
            .await
        {
            Ok(_) | Err(WriteError::Missing) => return Ok(()),
            Err(WriteError::Conflict { .. }) => {}
            Err(error) => return Err(ApiError::internal(error.to_string())),
        }
    }
}

/// Takes one finalizer away.
pub async fn release(api: &Api, key: &Key, finalizer: &str) -> Result<(), ApiError> {
    edit(api, key, |object| {
        let all = object_meta::finalizers(object);
        let rest: Vec<String> = all
            .iter()
            .filter(|name| **name != finalizer)
            .map(|name| (*name).to_owned())
            .collect();
        let changed = rest.len() != all.len();
        object_meta::set_finalizers(object, &rest);
        changed
    })
    .await
}
