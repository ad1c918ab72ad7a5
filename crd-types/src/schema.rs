//! Pieces of schema that derive cannot express: conditions as a keyed list, bounded maps and strings.
//!
//! Every list, map and string that a validation rule touches is bounded, because the API server estimates a
//! rule's cost from the bounds and refuses a rule over an unbounded one. The bounds are far above real use.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Most components, volumes or mounts in one workload.
pub const MAX_ITEMS: u32 = 64;
/// Standard pattern of a non-negative `resource.Quantity`.
pub const QUANTITY: &str = r"^\+?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";
/// Duration as in the Gateway API: `1h30m`, `500ms`.
pub const DURATION: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// A list of conditions, merged by type under server-side apply.
pub fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let item = crate::Condition::json_schema(generator);
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

/// Labels: exact-match keys and values.
pub fn labels(_: &mut SchemaGenerator) -> Schema {
    string_map(MAX_ITEMS, 63)
}

/// Annotations.
pub fn annotations(_: &mut SchemaGenerator) -> Schema {
    string_map(MAX_ITEMS, 262_144)
}

/// Configuration values.
pub fn config(_: &mut SchemaGenerator) -> Schema {
    string_map(256, 65_536)
}

fn string_map(max_properties: u32, max_length: u32) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": max_properties,
        "additionalProperties": {"type": "string", "maxLength": max_length},
    })
}

/// A non-negative quantity, as a number or a string.
pub fn quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": true,
        "pattern": QUANTITY,
        "maxLength": 64,
        "minimum": 0,
    })
}

/// A count or a percentage, as `maxSurge` of apps/v1.
pub fn count_or_percent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": true,
        "pattern": "^[0-9]{1,4}%$",
        "maxLength": 5,
        "minimum": 0,
    })
}
