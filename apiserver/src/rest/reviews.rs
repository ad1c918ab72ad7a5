//! Reviews: questions about callers and permissions, answered and not stored.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{self, Response};
use super::path::Target;
use super::{Api, Call, media};
use crate::auth::{self, Access, Identity};
use crate::registry::{REVIEWS, Review, gvk};
use crate::status::{About, ApiError, Cause};

pub fn find(target: &Target) -> Option<&'static Review> {
    REVIEWS.iter().find(|review| {
        review.group == target.group
            && review.version == target.version
            && review.plural == target.plural
            && review.namespaced == target.namespace.is_some()
    })
}

impl Api {
    pub(super) fn review(
        &self,
        call: &Call,
        review: &Review,
        target: &Target,
    ) -> Result<Response, ApiError> {
        if call.method != http::Method::POST || target.name.is_some() {
            return Err(ApiError::method_not_allowed());
        }
        media::require_json(call)?;
        let (mut body, _) = media::object(call)?;
        be(
            &mut body,
            &format!("{}/{}", review.group, review.version),
            review.kind,
        )?;
        let status = match review.kind {
            "SelfSubjectReview" => json!({"userInfo": user_info(&call.identity)}),
            "TokenReview" if body["spec"]["token"].as_str().is_none_or(str::is_empty) => {
                let why = "token is required for TokenReview in authentication";
                return Err(ApiError::bad_request(why));
            }
            "TokenReview" => self.token_review(&body["spec"]),
            "SelfSubjectAccessReview" => self.access_review(&call.identity, &body["spec"])?,
            "SelfSubjectRulesReview" => {
                let namespace = body["spec"]["namespace"].as_str().unwrap_or_default();
                if namespace.is_empty() {
                    return Err(ApiError::bad_request("no namespace on request"));
                }
                auth::rules(&self.store, &call.identity, namespace)
            }
            _ => {
                let identity = subject(review, &body["spec"])?;
                if let Some(namespace) = &target.namespace
                    && body["spec"]["resourceAttributes"]["namespace"] != namespace.as_str()
                {
                    let why = "must match metadata.namespace";
                    let found = &body["spec"]["resourceAttributes"]["namespace"];
                    let cause = Cause::invalid("spec.resourceAttributes.namespace", found, why);
                    return Err(ApiError::invalid(
                        About::new(review.group, review.kind, ""),
                        vec![cause],
                    ));
                }
                self.access_review(&identity, &body["spec"])?
            }
        };
        if let Some(map) = body.as_object_mut() {
            map.insert("status".into(), status);
            map.entry("metadata").or_insert_with(|| json!({}));
        }
        Ok(answer::json(StatusCode::CREATED, &body))
    }

    fn access_review(&self, identity: &Identity, spec: &Value) -> Result<Value, ApiError> {
        let resource = &spec["resourceAttributes"];
        let path = &spec["nonResourceAttributes"];
        let text =
            |value: &'_ Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let allowed = match (resource.is_object(), path.is_object()) {
            (true, false) => {
                let fields = [
                    "verb",
                    "group",
                    "resource",
                    "subresource",
                    "namespace",
                    "name",
                ];
                let [verb, group, plural, subresource, namespace, name] =
                    fields.map(|field| text(resource, field));
                let access = Access::Resource {
                    verb: &verb,
                    group: &group,
                    resource: &plural,
                    subresource: &subresource,
                    namespace: &namespace,
                    name: &name,
                };
                auth::allows(&self.store, identity, &access)
            }
            (false, true) => {
                let (verb, path) = (text(path, "verb"), text(path, "path"));
                auth::allows(
                    &self.store,
                    identity,
                    &Access::Path {
                        verb: &verb,
                        path: &path,
                    },
                )
            }
            _ => {
                let why =
                    "exactly one of nonResourceAttributes or resourceAttributes must be specified";
                let cause = Cause::invalid("spec.resourceAttributes", &Value::Null, why);
                let about = About::new("authorization.k8s.io", "", "");
                return Err(ApiError::invalid(about, vec![cause]));
            }
        };
        Ok(match allowed {
            Some(reason) => json!({"allowed": true, "reason": reason}),
            None => json!({"allowed": false}),
        })
    }

    fn token_review(&self, spec: &Value) -> Value {
        let token = spec["token"].as_str().unwrap_or_default();
        let audiences: Vec<&str> = spec["audiences"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        match self.auth.token(&self.store, token, &audiences) {
            Ok((identity, audiences)) => {
                json!({"authenticated": true, "user": user_info(&identity), "audiences": audiences})
            }
            Err(why) => json!({"user": {}, "error": why.to_string()}),
        }
    }
}

/// Makes a body the kind that its path takes; one that says nothing about itself is taken for it.
pub(super) fn be(body: &mut Value, api_version: &str, kind: &str) -> Result<(), ApiError> {
    let (given_version, given_kind) = gvk(body);
    if !given_kind.is_empty() && given_kind != kind
        || !given_version.is_empty() && given_version != api_version
    {
        return Err(ApiError::bad_request(format!(
            "{given_kind} in version \"{given_version}\" cannot be handled as a {kind} of {api_version}"
        )));
    }
    if let Some(map) = body.as_object_mut() {
        map.insert("kind".into(), kind.into());
        map.insert("apiVersion".into(), api_version.into());
    }
    Ok(())
}

fn subject(review: &Review, spec: &Value) -> Result<Identity, ApiError> {
    let groups: Vec<String> = spec["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let user = spec["user"].as_str().unwrap_or_default();
    if user.is_empty() && groups.is_empty() {
        let cause = Cause::invalid(
            "spec.user",
            &json!(""),
            "at least one of user or group must be specified",
        );
        return Err(ApiError::invalid(
            About::new(review.group, review.kind, ""),
            vec![cause],
        ));
    }
    Ok(Identity {
        user: user.to_owned(),
        uid: String::new(),
        groups,
        extra: std::collections::BTreeMap::new(),
    })
}

fn user_info(identity: &Identity) -> Value {
    let mut info = json!({"username": identity.user, "groups": identity.groups});
    if !identity.uid.is_empty() {
        info["uid"] = identity.uid.as_str().into();
    }
    if !identity.extra.is_empty() {
        info["extra"] = json!(identity.extra);
    }
    info
}
