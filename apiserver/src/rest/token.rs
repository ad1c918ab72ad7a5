//! `serviceaccounts/token`: a token that speaks for a ServiceAccount.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{self, Response};
use super::{Api, Call, On, media, reviews};
use crate::auth::{Account, Bound, Grant};
use crate::object_meta;
use crate::status::{About, ApiError, Cause};
use crate::store::{Bucket, Key};

/// What a token lives when the request does not say.
const DEFAULT_SECONDS: i64 = 3600;
/// The bounds Kubernetes documents for `expirationSeconds`.
const SECONDS: std::ops::RangeInclusive<i64> = 600..=1 << 32;

impl Api {
    pub(super) fn token(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        if call.method != Method::POST {
            return Err(ApiError::method_not_allowed());
        }
        media::require_json(call)?;
        let (mut body, _) = media::object(call)?;
        reviews::be(&mut body, "authentication.k8s.io/v1", "TokenRequest")?;
        let account = self.find(on)?.value();
        let seconds = &body["spec"]["expirationSeconds"];
        let lifetime = if seconds.is_null() {
            DEFAULT_SECONDS
        } else {
            seconds.as_i64().unwrap_or_default()
        };
        if !SECONDS.contains(&lifetime) {
            let why = if lifetime < *SECONDS.start() {
                "may not specify a duration less than 10 minutes"
            } else {
                "may not specify a duration larger than 2^32 seconds"
            };
            let cause = Cause::invalid("spec.expirationSeconds", seconds, why);
            let about = About::new("authentication.k8s.io", "TokenRequest", "");
            return Err(ApiError::invalid(about, vec![cause]));
        }
        let bound = self.bound(on, &body["spec"]["boundObjectRef"])?;
        let asked: Vec<String> = body["spec"]["audiences"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let expires = Timestamp::now() + SignedDuration::from_secs(lifetime);
        let name = object_meta::name(&account).to_owned();
        let uid = object_meta::uid(&account).to_owned();
        let grant = Grant {
            namespace: &on.namespace,
            account: Account {
                name: name.clone(),
                uid: uid.clone(),
            },
            audiences: asked,
            bound,
            expires,
        };
        let (token, audiences) = self
            .auth
            .issue(grant)
            .map_err(|error| ApiError::internal(error.to_string()))?;
        let reference = body["spec"]["boundObjectRef"].take();
        if let Some(map) = body.as_object_mut() {
            map.insert(
                "metadata".into(),
                json!({
                    "name": name, "namespace": on.namespace, "uid": uid,
                    "creationTimestamp": object_meta::time(Timestamp::now()),
                }),
            );
            map.insert(
                "spec".into(),
                json!({
                    "audiences": audiences, "expirationSeconds": lifetime, "boundObjectRef": reference,
                }),
            );
            map.insert(
                "status".into(),
                json!({
                    "token": token, "expirationTimestamp": object_meta::time(expires),
                }),
            );
        }
        Ok(answer::json(StatusCode::CREATED, &body))
    }

    /// The object that a token is to be bound to: it must be there, and the one that is meant.
    fn bound(&self, on: &On, reference: &Value) -> Result<Option<Bound>, ApiError> {
        if reference.is_null() {
            return Ok(None);
        }
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let (api_version, kind, name) = (text("apiVersion"), text("kind"), text("name"));
        let (make, plural): (fn(Account) -> Bound, &str) = match (api_version, kind) {
            ("v1", "Pod") => (Bound::Pod, "pods"),
            ("v1", "Secret") => (Bound::Secret, "secrets"),
            ("v1", "Node") => (Bound::Node, "nodes"),
            _ => {
                let why = format!("cannot bind token to object of type {api_version}, Kind={kind}");
                return Err(ApiError::bad_request(why));
            }
        };
        let namespace = if kind == "Node" { "" } else { &on.namespace };
        let key = Key::new(&Bucket::new("", plural), namespace, name);
        let Some(object) = self.store.get(&key) else {
            return Err(ApiError::not_found(About::new("", plural, name)));
        };
        let found = object_meta::uid(&object.value()).to_owned();
        let wanted = text("uid");
        if !wanted.is_empty() && wanted != found {
            let why = format!(
                "the UID in the bound object reference ({wanted}) does not match the UID in record. \
                 The object might have been deleted and then recreated"
            );
            return Err(ApiError::conflict(About::new("", kind, name), &why));
        }
        Ok(Some(make(Account {
            name: name.to_owned(),
            uid: found,
        })))
    }
}
