//! Requests to the API server, counted by what they do to which resource. The client is wrapped, so that no caller can
//! be forgotten.

use http::{Method, Request, header};
use kube::Client;
use kube::client::Body;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use service::metrics::Metrics;
use std::time::Instant;

/// Resources by their plural, alone and with the subresource we use. Anything else is `other`, so that the number of
/// time series stays what it is whatever is asked for.
const RESOURCES: &[(&str, &str, &str)] = &[
    ("hosts", "hosts", "hosts/status"),
    ("artifacts", "artifacts", "artifacts/status"),
    ("workloads", "workloads", "workloads/status"),
    (
        "workloadreplicasets",
        "workloadreplicasets",
        "workloadreplicasets/status",
    ),
    (
        "workloaddeployments",
        "workloaddeployments",
        "workloaddeployments/status",
    ),
    ("endpointslices", "endpointslices", "other"),
    ("services", "services", "other"),
    ("pods", "pods", "other"),
    ("configmaps", "configmaps", "other"),
    ("secrets", "secrets", "other"),
    ("serviceaccounts", "serviceaccounts", "other"),
    ("namespaces", "namespaces", "other"),
    ("events", "events", "other"),
    ("leases", "leases", "other"),
    (
        "customresourcedefinitions",
        "customresourcedefinitions",
        "other",
    ),
    ("tokenreviews", "tokenreviews", "other"),
    ("subjectaccessreviews", "subjectaccessreviews", "other"),
];

/// What one request was.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Kind {
    verb: &'static str,
    resource: &'static str,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    verb: &'static str,
    resource: &'static str,
    code: u32,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Verb {
    verb: &'static str,
}

/// The counters. Clones share them.
#[derive(Clone, Debug)]
pub struct Requests {
    answered: Family<Outcome, Counter>,
    durations: Family<Verb, Histogram, fn() -> Histogram>,
}

impl Requests {
    /// Registers the counters under the names of client-go, with `resource` in place of `host`. `code` 0 is a request
    /// without an answer.
    pub fn register(metrics: &Metrics) -> Self {
        let registry = metrics.sub_registry("rest_client", Vec::new());
        let durations: Family<Verb, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 8)));
        Self {
            answered: registry.register(
                "requests",
                "Requests to the API server by verb, resource and status code (0: no answer)",
                Family::default(),
            ),
            durations: registry.register(
                "request_duration_seconds",
                "Time until the API server began to answer, by verb",
                durations,
            ),
        }
    }

    /// The client, counted.
    pub fn count(&self, client: Client) -> Client {
        let namespace = client.default_namespace().to_owned();
        let requests = self.clone();
        let counted = tower::service_fn(move |request: Request<Body>| {
            let (client, requests) = (client.clone(), requests.clone());
            async move {
                let kind = Kind::of(&request);
                let started = Instant::now();
                let answer = client.send(request).await;
                let code = answer
                    .as_ref()
                    .map_or(0, |a| u32::from(a.status().as_u16()));
                requests.answered(kind, code, started);
                answer
            }
        });
        Client::new(counted, namespace)
    }

    fn answered(&self, kind: Kind, code: u32, started: Instant) {
        let Kind { verb, resource } = kind;
        self.answered
            .get_or_create(&Outcome {
                verb,
                resource,
                code,
            })
            .inc();
        // A watch answers for as long as it lives; its beginning says nothing of the others' speed.
        if verb != "watch" {
            self.durations
                .get_or_create(&Verb { verb })
                .observe(started.elapsed().as_secs_f64());
        }
    }
}

impl Kind {
    fn of<B>(request: &Request<B>) -> Self {
        let (resource, named) = target(request.uri().path());
        let watch = request
            .uri()
            .query()
            .is_some_and(|q| q.split('&').any(|p| p == "watch=true" || p == "watch=1"));
        let applied = request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|t| t.as_bytes().starts_with(b"application/apply-patch"));
        let verb = match *request.method() {
            Method::GET if watch => "watch",
            Method::GET if named => "get",
            Method::GET => "list",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH if applied => "apply",
            Method::PATCH => "patch",
            Method::DELETE if named => "delete",
            Method::DELETE => "deletecollection",
            _ => "other",
        };
        Self { verb, resource }
    }
}

/// Resource of a path such as `/apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE`, and whether it
/// names an object.
fn target(path: &str) -> (&'static str, bool) {
    let mut parts = path.split('/').filter(|p| !p.is_empty());
    let versioned = match parts.next() {
        Some("api") => parts.next().is_some(),
        Some("apis") => parts.next().is_some() && parts.next().is_some(),
        _ => false,
    };
    if !versioned {
        return ("other", false);
    }
    let rest: Vec<&str> = parts.collect();
    let rest = match rest.as_slice() {
        ["namespaces", _, inner @ ..] if !inner.is_empty() => inner,
        all => all,
    };
    let Some(plural) = rest.first() else {
        return ("other", false);
    };
    let known = RESOURCES.iter().find(|(name, ..)| name == plural);
    let resource = match (known, rest.get(2)) {
        (Some((_, alone, _)), None) => alone,
        (Some((_, _, status)), Some(&"status")) => status,
        _ => "other",
    };
    (resource, rest.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(method: Method, path: &str) -> (&'static str, &'static str) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(())
            .unwrap();
        let Kind { verb, resource } = Kind::of(&request);
        (verb, resource)
    }

    #[test]
    fn requests_are_told_apart_by_verb_and_resource() {
        let base = "/apis/runtime.wasmcloud.dev/v1alpha1";
        for (method, path, expected) in [
            (
                Method::GET,
                format!("{base}/workloads?watch=true&x=y"),
                ("watch", "workloads"),
            ),
            (
                Method::GET,
                format!("{base}/workloads?limit=500"),
                ("list", "workloads"),
            ),
            (
                Method::PUT,
                format!("{base}/namespaces/n/workloads/w/status"),
                ("update", "workloads/status"),
            ),
            (
                Method::DELETE,
                format!("{base}/namespaces/n/workloads/w"),
                ("delete", "workloads"),
            ),
            (
                Method::DELETE,
                format!("{base}/namespaces/n/workloads"),
                ("deletecollection", "workloads"),
            ),
            (
                Method::GET,
                "/api/v1/namespaces/n".into(),
                ("get", "namespaces"),
            ),
            (
                Method::GET,
                "/api/v1/namespaces".into(),
                ("list", "namespaces"),
            ),
            (
                Method::GET,
                "/api/v1/namespaces/n/secrets/s".into(),
                ("get", "secrets"),
            ),
            (
                Method::POST,
                "/apis/events.k8s.io/v1/namespaces/n/events?".into(),
                ("create", "events"),
            ),
            (Method::GET, "/version".into(), ("list", "other")),
            (Method::GET, "/apis/x/v1/gadgets/g".into(), ("get", "other")),
        ] {
            assert_eq!(kind(method, &path), expected, "{path}");
        }
    }

    #[test]
    fn apply_is_not_an_ordinary_patch() {
        let request = Request::patch("/apis/g/v1/namespaces/n/hosts/h")
            .header(header::CONTENT_TYPE, "application/apply-patch+yaml")
            .body(())
            .unwrap();
        assert_eq!(Kind::of(&request).verb, "apply");
        assert_eq!(
            kind(Method::PATCH, "/apis/g/v1/namespaces/n/hosts/h").0,
            "patch"
        );
    }
}
