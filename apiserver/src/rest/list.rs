//! Lists, in pages that all show the same moment.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{self, JSON, Response};
use super::options::{ListOptions, Match, revision};
use super::selector::Selector;
use super::{Api, Call, On, media};
use crate::status::ApiError;
use crate::store::{Expired, Name, Object, Snapshot};

/// Where the next page begins, and the revision of the first.
#[derive(Serialize, Deserialize)]
struct Continue {
    rv: u64,
    ns: String,
    name: String,
}

impl Continue {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn decode(text: &str) -> Result<Self, ApiError> {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(|| {
                ApiError::bad_request("continue key is not valid: it is not one this server gave")
            })
    }
}

impl Api {
    pub(super) fn list(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        let view = media::view(call)?;
        let options = ListOptions::parse(&call.query)?;
        let selector = Selector::parse(&options.labels, &options.fields, &on.resource)?;
        let snapshot = self.snapshot(on, &options)?;
        let mut selected = snapshot
            .objects
            .iter()
            .filter(|object| selector.matches(object));
        let page: Vec<&Object> = match options.limit {
            Some(limit) => selected.by_ref().take(limit).map(AsRef::as_ref).collect(),
            None => selected.by_ref().map(AsRef::as_ref).collect(),
        };
        let mut metadata = json!({"resourceVersion": snapshot.revision.to_string()});
        if let (Some(last), true) = (page.last(), options.limit.is_some()) {
            let remaining = selected.count();
            if remaining > 0 {
                let next = Continue {
                    rv: snapshot.revision,
                    ns: last.key.name.namespace.to_string(),
                    name: last.key.name.name.to_string(),
                };
                metadata["continue"] = Value::from(next.encode());
                if selector.is_empty() {
                    metadata["remainingItemCount"] = Value::from(remaining);
                }
            }
        }
        let body = view.list(&on.resource, page.into_iter(), &metadata);
        Ok(answer::raw(StatusCode::OK, JSON, body))
    }

    fn snapshot(&self, on: &On, options: &ListOptions) -> Result<Snapshot, ApiError> {
        let bucket = &on.resource.bucket;
        let namespace = Some(on.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        if let Some(token) = &options.continued {
            let next = Continue::decode(token)?;
            if options
                .resource_version
                .as_deref()
                .is_some_and(|version| version != "0")
            {
                let why = "specifying resource version is not allowed when using continue";
                return Err(ApiError::bad_request(why));
            }
            let after = Name::new(&next.ns, &next.name);
            return self.store.list_at(bucket, namespace, Some(&after), next.rv).map_err(|_| {
                ApiError::expired(
                    "The provided continue parameter is too old to display a consistent list result. \
                     Start a new list without the continue parameter.",
                )
            });
        }
        let wanted = revision(options.resource_version.as_deref().unwrap_or_default())?;
        let current = self.store.revision();
        match (wanted, options.matching) {
            (Some(wanted), _) if wanted > current => {
                Err(ApiError::future_revision(wanted, current))
            }
            (Some(wanted), Some(Match::Exact)) => self
                .store
                .list_at(bucket, namespace, None, wanted)
                .map_err(expired),
            _ => Ok(self.store.list(bucket, namespace, None)),
        }
    }
}

pub(super) fn expired(expired: Expired) -> ApiError {
    ApiError::expired(expired.to_string())
}
