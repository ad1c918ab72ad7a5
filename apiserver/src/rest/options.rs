//! Query options. An option this server does not know is refused: ignoring one silently would
//! change what the request means.

use std::time::Duration;

use serde_json::Value;

use crate::status::{About, ApiError, Cause};

/// The query, decoded.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(text: &str) -> Self {
        Self(
            url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Refuses options other than these (`pretty` and `timeout` go with every request).
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        for (key, _) in &self.0 {
            if !known.contains(&key.as_str()) && !["pretty", "timeout"].contains(&key.as_str()) {
                let known = known.join(", ");
                return Err(ApiError::bad_request(format!(
                    "unknown query option \"{key}\"; this request takes: {known}"
                )));
            }
        }
        Ok(())
    }

    /// A boolean option as Go's API machinery reads it: present and empty is true.
    pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
        Ok(self.maybe_flag(name)?.unwrap_or(false))
    }

    pub fn maybe_flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("" | "1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(Some(true)),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(Some(false)),
            Some(other) => Err(bad(name, other, "is not true or false")),
        }
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some(text) => text
                .parse()
                .map(Some)
                .map_err(|_| bad(name, text, "is not a whole number")),
        }
    }
}

fn bad(name: &str, found: &str, why: &str) -> ApiError {
    ApiError::bad_request(format!("query option {name}: \"{found}\" {why}"))
}

fn invalid(kind: &str, cause: Cause) -> ApiError {
    ApiError::invalid(About::new("meta.k8s.io", kind, ""), vec![cause])
}

/// A resourceVersion of a read.
pub fn revision(text: &str) -> Result<Option<u64>, ApiError> {
    match text {
        "" | "0" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| bad("resourceVersion", text, "is not a revision")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    Exact,
    NotOlderThan,
}

/// meta/v1 ListOptions.
#[derive(Debug)]
pub struct ListOptions {
    pub labels: String,
    pub fields: String,
    pub limit: Option<usize>,
    pub continued: Option<String>,
    /// As given: unset and "0" differ for a watch.
    pub resource_version: Option<String>,
    pub matching: Option<Match>,
    pub bookmarks: bool,
    pub initial_events: Option<bool>,
    pub timeout: Option<Duration>,
    pub watch: bool,
}

pub const LIST: &[&str] = &[
    "labelSelector",
    "fieldSelector",
    "limit",
    "continue",
    "resourceVersion",
    "resourceVersionMatch",
    "allowWatchBookmarks",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
    "includeObject",
];

impl ListOptions {
    pub fn parse(query: &Query) -> Result<Self, ApiError> {
        let text = |name: &str| query.get(name).unwrap_or_default().to_owned();
        let some = |name: &str| {
            query
                .get(name)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let matching = match query.get("resourceVersionMatch") {
            None | Some("") => None,
            Some("Exact") => Some(Match::Exact),
            Some("NotOlderThan") => Some(Match::NotOlderThan),
            Some(other) => {
                let known = &["Exact", "NotOlderThan"];
                let cause = Cause::not_supported("resourceVersionMatch", other, known);
                return Err(invalid("ListOptions", cause));
            }
        };
        let options = Self {
            labels: text("labelSelector"),
            fields: text("fieldSelector"),
            limit: query.number::<usize>("limit")?.filter(|limit| *limit > 0),
            continued: some("continue"),
            resource_version: some("resourceVersion"),
            matching,
            bookmarks: query.flag("allowWatchBookmarks")?,
            initial_events: query.maybe_flag("sendInitialEvents")?,
            timeout: query.number("timeoutSeconds")?.map(Duration::from_secs),
            watch: query.flag("watch")?,
        };
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<(), ApiError> {
        let forbidden =
            |field: &str, why: &str| Err(invalid("ListOptions", Cause::forbidden(field, why)));
        if self.watch {
            return match (self.initial_events, self.matching) {
                (Some(_), Some(Match::NotOlderThan)) | (None, None) => Ok(()),
                (Some(_), _) => forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                ),
                (None, Some(_)) => forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                ),
            };
        }
        if self.initial_events.is_some() {
            return forbidden(
                "sendInitialEvents",
                "sendInitialEvents is forbidden for list",
            );
        }
        match (
            self.matching,
            self.resource_version.as_deref(),
            &self.continued,
        ) {
            (Some(_), _, Some(_)) => forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden when continue is provided",
            ),
            (Some(_), None, None) => forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
            (Some(Match::Exact), Some("0"), None) => forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"",
            ),
            _ => Ok(()),
        }
    }
}

/// What to do with fields the schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// meta/v1 CreateOptions, UpdateOptions and PatchOptions.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    pub dry_run: bool,
    pub manager: Option<String>,
    pub validation: FieldValidation,
    pub force: Option<bool>,
    /// The object to be stored is the outcome of an apply.
    pub applied: bool,
}

const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];

impl WriteOptions {
    pub fn parse(query: &Query, patch: bool) -> Result<Self, ApiError> {
        let mut known = WRITE.to_vec();
        if patch {
            known.push("force");
        }
        query.only(&known)?;
        let validation = match query.get("fieldValidation") {
            None | Some("" | "Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let cause =
                    Cause::not_supported("fieldValidation", other, &["Ignore", "Strict", "Warn"]);
                return Err(invalid("PatchOptions", cause));
            }
        };
        let manager = query
            .get("fieldManager")
            .filter(|manager| !manager.is_empty());
        if let Some(manager) = manager
            && (manager.len() > 128 || manager.chars().any(char::is_control))
        {
            let why = "may not be more than 128 characters long or hold unprintable ones";
            let cause = Cause::invalid("fieldManager", &Value::from(manager), why);
            return Err(invalid("PatchOptions", cause));
        }
        Ok(Self {
            dry_run: dry_run(query)?,
            manager: manager.map(str::to_owned),
            validation,
            force: query.maybe_flag("force")?,
            applied: false,
        })
    }
}

fn dry_run(query: &Query) -> Result<bool, ApiError> {
    match query.get("dryRun") {
        None | Some("") => Ok(false),
        Some("All") => Ok(true),
        Some(other) => Err(invalid(
            "CreateOptions",
            Cause::not_supported("dryRun", other, &["All"]),
        )),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// meta/v1 DeleteOptions, from the body and the query.
#[derive(Debug, Clone)]
pub struct DeleteOptions {
    pub dry_run: bool,
    pub propagation: Option<Propagation>,
    pub uid: Option<String>,
    pub resource_version: Option<String>,
}

pub const DELETE: &[&str] = &[
    "dryRun",
    "gracePeriodSeconds",
    "propagationPolicy",
    "orphanDependents",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
];

impl DeleteOptions {
    pub fn parse(query: &Query, body: &Value) -> Result<Self, ApiError> {
        let from_body = |field: &str| {
            body[field]
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let dry_body = body["dryRun"]
            .as_array()
            .is_some_and(|list| list.iter().any(|item| item == "All"));
        let orphan = match query.maybe_flag("orphanDependents")? {
            Some(orphan) => Some(orphan),
            None => body["orphanDependents"].as_bool(),
        };
        let policy = query
            .get("propagationPolicy")
            .map(str::to_owned)
            .or_else(|| from_body("propagationPolicy"));
        let propagation = match (policy.as_deref(), orphan) {
            (Some(_), Some(_)) => {
                let why = "orphanDependents and deletionPropagation cannot be both set";
                return Err(invalid(
                    "DeleteOptions",
                    Cause::invalid("propagationPolicy", &Value::from(policy), why),
                ));
            }
            (None, None) => None,
            (None, Some(true)) | (Some("Orphan"), _) => Some(Propagation::Orphan),
            (None, Some(false)) | (Some("Background"), _) => Some(Propagation::Background),
            (Some("Foreground"), _) => Some(Propagation::Foreground),
            (Some(other), _) => {
                let known = &["Background", "Foreground", "Orphan"];
                return Err(invalid(
                    "DeleteOptions",
                    Cause::not_supported("propagationPolicy", other, known),
                ));
            }
        };
        let precondition = |field: &str| body["preconditions"][field].as_str().map(str::to_owned);
        Ok(Self {
            dry_run: dry_run(query)? || dry_body,
            propagation,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &str) -> Result<ListOptions, ApiError> {
        ListOptions::parse(&Query::parse(query))
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        assert!(list("watch=1&sendInitialEvents=true").is_err());
        assert!(list("watch=1&resourceVersionMatch=Exact").is_err());
        assert!(list("sendInitialEvents=true&resourceVersionMatch=NotOlderThan").is_err());
        assert!(list("resourceVersionMatch=Exact&resourceVersion=0").is_err());
        assert!(list("watch=maybe").is_err());
        assert!(list("limit=x").is_err());
        let options =
            list("watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan").unwrap();
        assert_eq!(options.initial_events, Some(true));
    }

    #[test]
    fn an_unknown_option_is_refused() {
        let query = Query::parse("labelSelector=a&shardSelector=b");
        assert!(
            query
                .only(LIST)
                .unwrap_err()
                .message
                .contains("shardSelector")
        );
    }

    #[test]
    fn propagation_comes_from_body_or_query() {
        let parse = |query: &str, body: &str| {
            let body = serde_json::from_str(body).unwrap_or_default();
            DeleteOptions::parse(&Query::parse(query), &body)
        };
        assert_eq!(parse("", "").unwrap().propagation, None);
        assert_eq!(
            parse("propagationPolicy=Orphan", "").unwrap().propagation,
            Some(Propagation::Orphan)
        );
        let body = r#"{"propagationPolicy":"Foreground","preconditions":{"uid":"u"}}"#;
        let options = parse("", body).unwrap();
        assert_eq!(options.propagation, Some(Propagation::Foreground));
        assert_eq!(options.uid.as_deref(), Some("u"));
        assert!(parse("propagationPolicy=Orphan&orphanDependents=true", "").is_err());
    }
}
