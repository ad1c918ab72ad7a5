//! `serviceaccounts/token`: a token that speaks for a ServiceAccount.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{self, Response};
use super::{Api, Call, On, media};
use crate::object_meta;
use crate::status::{About, ApiError, Cause};

/// What a token lives when the request does not say.
const DEFAULT_SECONDS: i64 = 3600;
/// The bounds Kubernetes documents for `expirationSeconds`.
const SECONDS: std::ops::RangeInclusive<i64> = 600..=1 << 32;

impl Api {
    pub(super) fn token(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        if call.method != Method::POST {
            return Err(ApiError::method_not_allowed());
        }
        call.query
            .only(&["dryRun", "fieldManager", "fieldValidation"])?;
        media::require_json(call)?;
        let (mut body, _) = media::object(call)?;
        if body["kind"] != "TokenRequest" {
            return Err(ApiError::bad_request("this path takes a TokenRequest"));
        }
        let account = self.find(on)?.value();
        let seconds = &body["spec"]["expirationSeconds"];
        let lifetime = if seconds.is_null() {
            DEFAULT_SECONDS
        } else {
            seconds.as_i64().unwrap_or_default()
        };
        if !SECONDS.contains(&lifetime) {
            let why = "may not specify a duration less than 10 minutes or larger than 2^32 seconds";
            let cause = Cause::invalid("spec.expirationSeconds", seconds, why);
            let about = About::new("authentication.k8s.io", "TokenRequest", "");
            return Err(ApiError::invalid(about, vec![cause]));
        }
        if body["spec"]["boundObjectRef"].is_object() {
            let why = "this server's tokens are bound to their ServiceAccount only";
            let cause = Cause::forbidden("spec.boundObjectRef", why);
            let about = About::new("authentication.k8s.io", "TokenRequest", "");
            return Err(ApiError::invalid(about, vec![cause]));
        }
        let asked: Vec<String> = body["spec"]["audiences"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let expires = Timestamp::now() + SignedDuration::from_secs(lifetime);
        let (token, audiences) = self
            .auth
            .issue(
                &on.namespace,
                object_meta::name(&account),
                object_meta::uid(&account),
                asked,
                expires,
            )
            .map_err(|error| ApiError::internal(error.to_string()))?;
        if let Some(map) = body.as_object_mut() {
            let name = object_meta::name(&account);
            map.insert(
                "metadata".into(),
                json!({"name": name, "namespace": on.namespace}),
            );
            map.insert(
                "spec".into(),
                json!({
                    "audiences": audiences, "expirationSeconds": lifetime, "boundObjectRef": null,
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
}
