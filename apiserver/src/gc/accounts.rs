//! The ServiceAccount `default`, which every namespace has.

use jiff::Timestamp;
use serde_json::json;

use crate::object_meta;
use crate::rest::Api;
use crate::status::ApiError;
use crate::store::{Bucket, Expect, Key, Op, Write, WriteError};

/// Creates it in the namespace at `namespace`, which had this revision, unless it is there.
pub async fn ensure_default(api: &Api, namespace: &Key, revision: u64) -> Result<(), ApiError> {
    let name = &namespace.name.name;
    let key = Key::new(&Bucket::new("", "serviceaccounts"), name, "default");
    if api.store.get(&key).is_some() {
        return Ok(());
    }
    let account = json!({
        "kind": "ServiceAccount", "apiVersion": "v1",
        "metadata": {
            "name": "default", "namespace": &**name, "uid": uuid::Uuid::new_v4().to_string(),
            "creationTimestamp": object_meta::time(Timestamp::now()),
        },
    });
    let write = Write {
        key,
        expect: Expect::Absent,
        op: Op::Put(account),
        guard: Some((namespace.clone(), revision)),
    };
    match api.store.write(write).await {
        // A namespace that changed meanwhile is looked at again for that change.
        Ok(_) | Err(WriteError::Exists | WriteError::Guard) => Ok(()),
        Err(error) => Err(ApiError::internal(error.to_string())),
    }
}
