//! Request paths.

use crate::status::ApiError;

/// What a path is about.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    Root,
    /// livez, readyz or healthz, with the check's path.
    Health(String),
    Version,
    Api,
    Apis,
    Group(String),
    GroupVersion(String, String),
    /// `v2`, `v3` or `v3/<group version path>`
    OpenApi(String),
    Resource(Target),
}

/// A path into the resources.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub group: String,
    pub version: String,
    pub plural: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub subresource: Option<String>,
}

impl Target {
    /// The namespace whose Roles count. A request for a namespace itself is one within it, so that a Role can let
    /// somebody see the one they are in.
    pub fn scope(&self) -> &str {
        let own = self.group.is_empty() && self.plural == "namespaces";
        let namespace = if own { &self.name } else { &self.namespace };
        namespace.as_deref().unwrap_or_default()
    }
}

pub fn parse(path: &str) -> Result<Route, ApiError> {
    let parts: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(decode)
        .collect::<Option<_>>()
        .ok_or_else(|| ApiError::bad_request("the path is not percent-encoded UTF-8"))?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Ok(match parts.as_slice() {
        [] => Route::Root,
        ["livez" | "readyz" | "healthz", ..] => Route::Health(parts.join("/")),
        ["version"] => Route::Version,
        ["api"] => Route::Api,
        ["apis"] => Route::Apis,
        ["api", version] => Route::GroupVersion(String::new(), (*version).into()),
        ["apis", group] => Route::Group((*group).into()),
        ["apis", group, version] => Route::GroupVersion((*group).into(), (*version).into()),
        ["openapi", "v2"] => Route::OpenApi("v2".into()),
        ["openapi", "v3", ..] => Route::OpenApi(parts[1..].join("/")),
        ["api", version, rest @ ..] => Route::Resource(target("", version, rest)?),
        ["apis", group, version, rest @ ..] => Route::Resource(target(group, version, rest)?),
        _ => return Err(ApiError::unknown_page()),
    })
}

fn target(group: &str, version: &str, rest: &[&str]) -> Result<Target, ApiError> {
    let (namespace, rest) = match rest {
        // A namespace itself has only these subresources; any other third word is a resource in it.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
        ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
        rest => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(name), None),
        [plural, name, subresource] => (plural, Some(name), Some(subresource)),
        _ => return Err(ApiError::unknown_path()),
    };
    Ok(Target {
        group: group.into(),
        version: version.into(),
        plural: (*plural).into(),
        namespace,
        name: name.map(|name| (*name).into()),
        subresource: subresource.map(|subresource| (*subresource).into()),
    })
}

/// Percent-decodes one segment (names of roles hold colons).
fn decode(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str) -> Target {
        match parse(path).unwrap() {
            Route::Resource(target) => target,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_namespace_is_a_resource_and_a_scope() {
        let target = resource("/api/v1/namespaces/a");
        assert_eq!(
            (target.plural.as_str(), target.name.as_deref()),
            ("namespaces", Some("a"))
        );
        let target = resource("/api/v1/namespaces/a/status");
        assert_eq!(target.subresource.as_deref(), Some("status"));
        let target = resource("/api/v1/namespaces/a/pods/p/status");
        assert_eq!(target.namespace.as_deref(), Some("a"));
        assert_eq!(
            (target.plural.as_str(), target.name.as_deref()),
            ("pods", Some("p"))
        );
        assert_eq!(target.subresource.as_deref(), Some("status"));
        let target = resource("/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode");
        assert_eq!(target.name.as_deref(), Some("system:node"));
    }

    #[test]
    fn other_paths_are_documents_or_unknown() {
        assert_eq!(
            parse("/openapi/v3/apis/a/v1").unwrap(),
            Route::OpenApi("v3/apis/a/v1".into())
        );
        assert_eq!(parse("/").unwrap(), Route::Root);
        assert!(parse("/nothing").is_err());
        assert!(parse("/api/v1/pods/a/b/c").is_err());
        assert!(parse("/api/v1/pods/%zz").is_err());
    }
}
