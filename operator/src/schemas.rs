//! The schemas of the cluster's CRDs, as the API server publishes them. They may be older than we are: then only what
//! they declare is written, and somebody is told what to run.
//!
//! They are read from OpenAPI v3, which every authenticated user may read; CRDs themselves are cluster-scoped and not
//! for an operator that serves a few namespaces.

use crate::core::declared::Shape;
use http::Request;
use http::header::ACCEPT;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Client, Resource};
use parking_lot::RwLock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// What brings old CRDs up to date.
pub const COMMAND: &str = "runtime-operator install-crds";

/// What we write, by kind. To generate the CRDs takes longer than to read the installed ones.
static OURS: LazyLock<Vec<(String, Shape)>> = LazyLock::new(|| {
    let shape = |crd: CustomResourceDefinition| {
        let ours = serde_json::to_value(crd.spec.versions.first()?.schema.as_ref()?).ok()?;
        Some((crd.spec.names.kind, whole(&ours["openAPIV3Schema"])))
    };
    crd_types::crds().into_iter().filter_map(shape).collect()
});

/// What is installed. Until it is known, everything counts as declared.
#[derive(Debug, Default)]
pub struct Schemas(RwLock<Arc<Installed>>);

#[derive(Debug, Default)]
struct Installed {
    /// Where it was read; it names a digest of the document.
    url: String,
    kinds: BTreeMap<String, Shape>,
    /// Fields of ours that are not declared, by kind; no kind without any.
    lacking: BTreeMap<String, Vec<String>>,
}

impl Schemas {
    /// Reads what is published now; whether what is lacking has changed.
    pub async fn refresh(&self, client: &Client) -> Result<bool, kube::Error> {
        let path = format!("apis/{}/{}", crd_types::GROUP, crd_types::VERSION);
        let index = get(client, "/openapi/v3").await?.unwrap_or_default();
        // Not there: the CRDs are not installed, or the API server has not got round to publishing them.
        let url = index["paths"][&path]["serverRelativeURL"].as_str();
        let now = match url {
            Some(url) if self.0.read().url == url => return Ok(false),
            Some(url) => match get(client, url).await? {
                Some(document) => Installed::of(url, &document),
                // Newer than the index was a moment ago.
                None => return Ok(false),
            },
            None => Installed::default(),
        };
        let mut held = self.0.write();
        let changed = held.lacking != now.lacking;
        *held = Arc::new(now);
        Ok(changed)
    }

    /// Whether anything was published.
    pub fn known(&self) -> bool {
        !self.0.read().url.is_empty()
    }

    /// An object without the fields that would not be stored.
    pub fn fit<K>(&self, object: K) -> K
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        let installed = self.0.read().clone();
        let kind = K::kind(&());
        if !installed.lacking.contains_key(kind.as_ref()) {
            return object;
        }
        let fitted = installed.kinds.get(kind.as_ref()).and_then(|shape| {
            let mut value = serde_json::to_value(&object).ok()?;
            shape.prune(&mut value);
            serde_json::from_value(value).ok()
        });
        // A schema that declares less than the reference's is nobody's: the API server shall say what is wrong.
        fitted.unwrap_or(object)
    }

    /// Whether fields of this kind are not declared.
    pub fn is_outdated<K: Resource<DynamicType = ()>>(&self) -> bool {
        self.0.read().lacking.contains_key(K::kind(&()).as_ref())
    }

    /// Number of our fields that are not declared, for each kind of ours.
    pub fn lacking(&self) -> BTreeMap<String, u64> {
        let held = self.0.read();
        let kinds = held.kinds.keys().map(|kind| {
            let fields = held.lacking.get(kind).map_or(0, Vec::len);
            (kind.clone(), fields as u64)
        });
        kinds.filter(|(kind, _)| !kind.ends_with("List")).collect()
    }

    /// What is lacking and what to do, for people; `None` when nothing is.
    pub fn complaint(&self) -> Option<String> {
        let held = self.0.read();
        if held.lacking.is_empty() {
            return None;
        }
        let kinds: Vec<String> = held
            .lacking
            .iter()
            .map(|(kind, fields)| {
                let (some, more) = (&fields[..fields.len().min(3)], fields.len() > 3);
                let rest = if more { ", …" } else { "" };
                format!("{kind} lacks {}{rest}", some.join(", "))
            })
            .collect();
        Some(format!(
            "the installed CRDs are older than this operator ({}); everything they declare works, the rest is not stored until `{COMMAND}` has run",
            kinds.join("; ")
        ))
    }
}

impl Installed {
    fn of(url: &str, document: &Value) -> Self {
        let mut kinds = BTreeMap::new();
        for schema in document["components"]["schemas"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values())
        {
            for kind in schema["x-kubernetes-group-version-kind"]
                .as_array()
                .into_iter()
                .flatten()
            {
                if kind["group"] == crd_types::GROUP
                    && let Some(kind) = kind["kind"].as_str()
                {
                    kinds.insert(kind.to_owned(), whole(schema));
                }
            }
        }
        let lacking = OURS.iter().filter_map(|(kind, ours)| {
            let fields = kinds.get(kind)?.lacks(ours);
            (!fields.is_empty()).then(|| (kind.clone(), fields))
        });
        Self {
            url: url.to_owned(),
            lacking: lacking.collect(),
            kinds,
        }
    }
}

/// The shape of a whole object: what every object has needs no declaration.
fn whole(schema: &Value) -> Shape {
    let mut shape = Shape::of(schema);
    if let Shape::Fields(fields) = &mut shape {
        for name in ["apiVersion", "kind", "metadata"] {
            fields.insert(name.to_owned(), Shape::Anything);
        }
    }
    shape
}

/// A document; `None` where the API server only points to a newer one, which its index names by then.
async fn get(client: &Client, path: &str) -> Result<Option<Value>, kube::Error> {
    let request = Request::get(path)
        .header(ACCEPT, "application/json")
        .body(Vec::new())
        .map_err(kube::Error::HttpError)?;
    let text = client.request_text(request).await?;
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&text).map_err(kube::Error::SerdeError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crd_types::Workload;
    use serde_json::json;

    fn document(status: &Value) -> Value {
        json!({"components": {"schemas": {"dev.wasmcloud.runtime.v1alpha1.Workload": {
            "type": "object",
            "x-kubernetes-group-version-kind": [{"group": "runtime.wasmcloud.dev", "kind": "Workload", "version": "v1alpha1"}],
            "properties": {
                "metadata": {"allOf": [{"$ref": "#/components/schemas/ObjectMeta"}]},
                "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "status": status,
            },
        }}}})
    }

    fn workload() -> Workload {
        serde_json::from_value(json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "Workload",
            "metadata": {"name": "w", "namespace": "n", "uid": "u", "labels": {"a": "b"}},
            "spec": {"components": [{"name": "c", "image": "i:1"}]},
            "status": {"hostId": "h", "hostName": "name", "restarts": 2},
        }))
        .unwrap()
    }

    #[test]
    fn an_old_schema_is_written_to_without_what_it_lacks() {
        let status = json!({"type": "object", "properties": {"hostId": {"type": "string"}, "conditions": {"type": "array"}}});
        let schemas = Schemas(RwLock::new(Arc::new(Installed::of(
            "u",
            &document(&status),
        ))));
        assert!(schemas.is_outdated::<Workload>());
        assert!(!schemas.is_outdated::<crd_types::Host>());
        let fitted = schemas.fit(workload());
        let status = fitted.status.clone().unwrap();
        assert_eq!(
            (status.host_id.as_deref(), status.host_name, status.restarts),
            (Some("h"), None, None)
        );
        assert_eq!(
            (&fitted.spec, &fitted.metadata),
            (&workload().spec, &workload().metadata)
        );
        let complaint = schemas.complaint().unwrap();
        assert!(complaint.contains("Workload lacks status."), "{complaint}");
        assert!(complaint.contains(COMMAND), "{complaint}");
    }

    #[test]
    fn our_own_schema_lacks_nothing() {
        let crds = crd_types::crds();
        let workload_crd = crds
            .iter()
            .find(|c| c.spec.names.kind == "Workload")
            .unwrap();
        let mut schema =
            serde_json::to_value(&workload_crd.spec.versions[0].schema).unwrap()["openAPIV3Schema"]
                .take();
        schema["x-kubernetes-group-version-kind"] =
            json!([{"group": "runtime.wasmcloud.dev", "kind": "Workload", "version": "v1alpha1"}]);
        let document = json!({"components": {"schemas": {"w": schema}}});
        let schemas = Schemas(RwLock::new(Arc::new(Installed::of("u", &document))));
        assert_eq!(schemas.complaint(), None);
        assert_eq!(schemas.fit(workload()), workload());
    }

    #[test]
    fn what_is_not_known_is_not_touched() {
        let schemas = Schemas::default();
        assert_eq!(schemas.fit(workload()), workload());
        assert_eq!(schemas.complaint(), None);
    }
}
