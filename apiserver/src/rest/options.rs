//! Query options. As on a cluster, what nobody knows is ignored, and what is known and wrong is refused.

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

    /// Every value of an option that may be repeated.
    fn all(&self, name: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// A switch: off when it says so, on for everything else that is there.
    pub fn flag(&self, name: &str) -> bool {
        self.maybe_flag(name).unwrap_or(false)
    }

    pub fn maybe_flag(&self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        Some(value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// `timeout`, which goes with every request but a watch: this server is quick, and only refuses what is
    /// no duration.
    pub fn check_timeout(&self) -> Result<(), ApiError> {
        match self.get("timeout") {
            None | Some("") => Ok(()),
            Some(text) if is_duration(text) => Ok(()),
            Some(text) => Err(ApiError::bad_request(format!(
                "invalid timeout specified in the request URL - time: invalid duration \"{text}\""
            ))),
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

/// Numbers with units, as Go writes durations: `1m30s`, `1.5h`, `250ms`.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let unit = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(unit);
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let known = ["ns", "us", "\u{b5}s", "\u{3bc}s", "ms", "s", "m", "h"].contains(&unit);
        if number.parse::<f64>().is_err() || !known {
            return false;
        }
        rest = after;
    }
    true
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
    /// A resourceVersionMatch that is none.
    unknown_match: Option<String>,
    pub bookmarks: bool,
    pub initial_events: Option<bool>,
    pub timeout: Option<Duration>,
    pub watch: bool,
}

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
            Some("Exact") => Some(Match::Exact),
            Some("NotOlderThan") => Some(Match::NotOlderThan),
            _ => None,
        };
        let unknown_match = query
            .get("resourceVersionMatch")
            .filter(|text| !text.is_empty() && matching.is_none())
            .map(str::to_owned);
        let options = Self {
            labels: text("labelSelector"),
            fields: text("fieldSelector"),
            limit: query
                .number::<i64>("limit")?
                .and_then(|limit| usize::try_from(limit).ok())
                .filter(|limit| *limit > 0),
            continued: some("continue"),
            resource_version: some("resourceVersion"),
            matching,
            unknown_match,
            bookmarks: query.flag("allowWatchBookmarks"),
            initial_events: query.maybe_flag("sendInitialEvents"),
            timeout: query
                .number::<i64>("timeoutSeconds")?
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            watch: query.flag("watch"),
        };
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<(), ApiError> {
        let mut causes = Vec::new();
        let mut forbidden = |field: &str, why: &str| causes.push(Cause::forbidden(field, why));
        let given = self.matching.is_some() || self.unknown_match.is_some();
        let known: &[&str] = if self.watch {
            match (self.initial_events, given) {
                (Some(_), _) if self.matching != Some(Match::NotOlderThan) => forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                ),
                (None, true) => forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                ),
                _ => {}
            }
            &["NotOlderThan"]
        } else {
            if self.initial_events.is_some() {
                forbidden(
                    "sendInitialEvents",
                    "sendInitialEvents is forbidden for list",
                );
            }
            match (given, self.resource_version.as_deref(), &self.continued) {
                (true, _, Some(_)) => forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden when continue is provided",
                ),
                (true, None, None) => forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                ),
                (true, Some("0"), None) if self.matching == Some(Match::Exact) => forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"",
                ),
                _ => {}
            }
            &["Exact", "NotOlderThan", ""]
        };
        let odd = match (&self.unknown_match, self.matching) {
            (Some(other), _) => Some(other.as_str()),
            (None, Some(Match::Exact)) if self.watch && self.initial_events.is_some() => {
                Some("Exact")
            }
            _ => None,
        };
        if let Some(other) = odd {
            causes.push(Cause::not_supported("resourceVersionMatch", other, known));
        }
        if causes.is_empty() {
            Ok(())
        } else {
            let about = About::new("meta.k8s.io", "ListOptions", "");
            Err(ApiError::invalid(about, causes))
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
    /// The object to be stored is the outcome of another patch.
    pub patched: bool,
}

/// Which of the three a write's options are.
#[derive(Debug, Clone, Copy)]
pub enum Writing {
    Create,
    Update,
    Patch,
}

impl Writing {
    fn kind(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Patch => "PatchOptions",
        }
    }
}

/// The longest name of a field manager.
const LONGEST_MANAGER: usize = 128;

impl WriteOptions {
    pub fn parse(query: &Query, writing: Writing) -> Result<Self, ApiError> {
        let kind = writing.kind();
        let dry_run = dry_run(query, kind)?;
        let validation = match query.get("fieldValidation") {
            None | Some("" | "Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let known = &["", "Ignore", "Strict", "Warn"];
                let cause = Cause::not_supported("fieldValidation", other, known);
                return Err(invalid(kind, cause));
            }
        };
        let manager = query
            .get("fieldManager")
            .filter(|manager| !manager.is_empty());
        if let Some(manager) = manager {
            if manager.len() > LONGEST_MANAGER {
                let cause = Cause {
                    reason: "FieldValueTooLong",
                    message: format!("Too long: may not be more than {LONGEST_MANAGER} bytes"),
                    field: "fieldManager".into(),
                };
                return Err(invalid(kind, cause));
            }
            if manager.chars().any(char::is_control) {
                let why = "should only contain printable characters";
                let cause = Cause::invalid("fieldManager", &Value::from(manager), why);
                return Err(invalid(kind, cause));
            }
        }
        Ok(Self {
            dry_run,
            manager: manager.map(str::to_owned),
            validation,
            force: query.maybe_flag("force"),
            applied: false,
            patched: false,
        })
    }
}

fn dry_run(query: &Query, kind: &str) -> Result<bool, ApiError> {
    let values = query.all("dryRun");
    if values.iter().all(|value| *value == "All") {
        return Ok(!values.is_empty());
    }
    let cause = Cause {
        reason: "FieldValueNotSupported",
        message: format!(
            "Unsupported value: {}: supported values: \"All\"",
            Value::from(values)
        ),
        field: "dryRun".into(),
    };
    Err(invalid(kind, cause))
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
        // Nothing here has a grace period; the option is only read.
        query.number::<i64>("gracePeriodSeconds")?;
        let orphan = query
            .maybe_flag("orphanDependents")
            .or_else(|| body["orphanDependents"].as_bool());
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
                let known = &["Foreground", "Background", "Orphan", "nil"];
                return Err(invalid(
                    "DeleteOptions",
                    Cause::not_supported("propagationPolicy", other, known),
                ));
            }
        };
        let precondition = |field: &str| body["preconditions"][field].as_str().map(str::to_owned);
        Ok(Self {
            dry_run: dry_run(query, "DeleteOptions")? || dry_body,
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
        assert!(list("limit=x").is_err());
        assert_eq!(list("limit=-1").unwrap().limit, None);
        let options =
            list("watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan").unwrap();
        assert_eq!(options.initial_events, Some(true));
    }

    #[test]
    fn a_switch_is_on_unless_it_says_otherwise() {
        for (query, on) in [
            ("watch", true),
            ("watch=maybe", true),
            ("watch=0", false),
            ("watch=False", false),
            ("", false),
        ] {
            assert_eq!(Query::parse(query).flag("watch"), on, "{query}");
        }
    }

    #[test]
    fn a_timeout_is_a_duration() {
        for (text, fine) in [
            ("10s", true),
            ("1m30s", true),
            ("1.5h", true),
            ("0", true),
            ("100d", false),
            ("abc", false),
            ("10", false),
        ] {
            let query = Query::parse(&format!("timeout={text}"));
            assert_eq!(query.check_timeout().is_ok(), fine, "{text}");
        }
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
