//! Objects of the tests.

use serde_json::{Value, json};

pub const GROUP: &str = "conformance.example.com";

/// A CRD with what CRDs can have.
pub fn widgets() -> Value {
    let spec = json!({
        "type": "object",
        "properties": {
            "color": {"type": "string", "default": "red", "enum": ["red", "green", "blue"]},
            "replicas": {"type": "integer", "minimum": 0, "default": 1},
            "size": {"type": "integer", "minimum": 0},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "maxItems": 8, "items": {"type": "string", "maxLength": 20}},
            "parts": {
                "type": "array", "maxItems": 8,
                "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object", "required": ["name"],
                    "properties": {
                        "name": {"type": "string"}, "value": {"type": "string"},
                        "port": {"type": "integer", "default": 80},
                    },
                },
            },
            "limits": {"type": "object", "additionalProperties": {"type": "string"}},
            "fixed": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "port": {"x-kubernetes-int-or-string": true},
        },
        "x-kubernetes-validations": [
            {"rule": "self.replicas <= 10", "message": "a widget has at most 10 replicas"},
            {"rule": "!has(oldSelf.size) || has(self.size)", "message": "size cannot be removed"},
        ],
    });
    let status = json!({
        "type": "object",
        "properties": {
            "replicas": {"type": "integer"}, "selector": {"type": "string"}, "phase": {"type": "string"},
        },
    });
    let schema = json!({"type": "object", "properties": {"spec": spec, "status": status}});
    let mut crd = crd("widgets", "Widget", &schema);
    crd["spec"]["names"]["shortNames"] = json!(["wd"]);
    crd["spec"]["names"]["categories"] = json!(["conformance"]);
    let version = &mut crd["spec"]["versions"][0];
    version["subresources"] = json!({
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    });
    version["selectableFields"] = json!([{"jsonPath": ".spec.color"}]);
    version["additionalPrinterColumns"] = json!([
        {"name": "Color", "type": "string", "jsonPath": ".spec.color", "description": "its colour"},
        {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]);
    crd
}

/// A namespaced CRD of one version with this schema.
pub fn crd(plural: &str, kind: &str, schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{GROUP}")},
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

/// A widget with this spec.
pub fn widget(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "Widget", "metadata": {"name": name}, "spec": spec,
    })
}

/// A ConfigMap.
pub fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

/// A ConfigMap with labels.
pub fn labelled(name: &str, labels: &Value) -> Value {
    let mut object = config_map(name);
    object["metadata"]["labels"] = labels.clone();
    object
}
