//! Acting as somebody else (`kubectl --as`): headers that are ignored would act with the caller's own
//! rights instead of the asked ones.

use std::sync::Arc;

use http::HeaderMap;

use super::identity::AUTHENTICATED;
use super::{Access, Identity, authorize};
use crate::status::ApiError;
use crate::store::Store;

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const PREFIX: &str = "impersonate-";

/// The identity a request acts as: the caller's, or the one they name and may act as.
pub fn impersonate(
    store: &Store,
    caller: Arc<Identity>,
    headers: &HeaderMap,
) -> Result<Arc<Identity>, ApiError> {
    let mut asked = headers
        .keys()
        .filter(|name| name.as_str().starts_with(PREFIX))
        .peekable();
    if asked.peek().is_none() {
        return Ok(caller);
    }
    for name in asked {
        if ![USER, GROUP].contains(&name.as_str()) {
            let why = format!("header {name} is not supported; {USER} and {GROUP} are");
            return Err(ApiError::bad_request(why));
        }
    }
    let values = |name: &str| -> Result<Vec<String>, ApiError> {
        let text = |value: &http::HeaderValue| {
            let text = value.to_str().map(str::to_owned);
            text.map_err(|_| ApiError::bad_request(format!("header {name} is not text")))
        };
        headers.get_all(name).iter().map(text).collect()
    };
    let user = match values(USER)?.as_slice() {
        [user] if !user.is_empty() => user.clone(),
        _ => return Err(ApiError::bad_request(format!("{GROUP} needs one {USER}"))),
    };
    let mut groups = values(GROUP)?;
    let account = user
        .strip_prefix("system:serviceaccount:")
        .and_then(|rest| rest.split_once(':'));
    may(store, &caller, account, &user)?;
    for group in &groups {
        may_be(store, &caller, "groups", "", group)?;
    }
    if groups.is_empty()
        && let Some((namespace, name)) = account
    {
        return Ok(Arc::new(Identity::service_account(namespace, name, "")));
    }
    groups.push(AUTHENTICATED.to_owned());
    Ok(Arc::new(Identity {
        user,
        uid: String::new(),
        groups,
        extra: std::collections::BTreeMap::new(),
    }))
}

fn may(
    store: &Store,
    caller: &Identity,
    account: Option<(&str, &str)>,
    user: &str,
) -> Result<(), ApiError> {
    match account {
        Some((namespace, name)) => may_be(store, caller, "serviceaccounts", namespace, name),
        None => may_be(store, caller, "users", "", user),
    }
}

fn may_be(
    store: &Store,
    caller: &Identity,
    resource: &str,
    namespace: &str,
    name: &str,
) -> Result<(), ApiError> {
    let access = Access::Resource {
        verb: "impersonate",
        group: "",
        resource,
        subresource: "",
        namespace,
        name,
    };
    authorize(store, caller, &access)
}
