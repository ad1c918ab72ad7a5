//! Reading a schema, and the rules that make it structural.

use serde_json::{Map, Value};

use super::error::{FieldError, FieldErrorKind};
use super::node::{Additional, Node, Type};
use super::{compile_checks, compile_defaults, compile_list, rules};

/// How deep schemas nest; deeper ones are refused so that no walk runs out of stack.
const MAX_DEPTH: usize = 64;

/// Where a schema stands, which decides what it may say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Field,
    Items,
    Values,
    /// In `allOf`, `anyOf`, `oneOf` or `not`: only checks.
    Junctor {
        int_or_string: bool,
    },
}

pub(crate) fn compile(schema: &Value) -> Result<Node, Vec<FieldError>> {
    let mut reader = Reader {
        errors: Vec::new(),
        depth: 0,
    };
    let node = reader.read(schema, "", Place::Root, true);
    if reader.errors.is_empty() {
        compile_defaults::check(&node, "", &mut reader.errors);
    }
    if reader.errors.is_empty() {
        Ok(node)
    } else {
        Err(reader.errors)
    }
}

pub(super) struct Reader {
    pub(super) errors: Vec<FieldError>,
    depth: usize,
}

/// The path of a field of a schema.
pub(super) fn below(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

impl Reader {
    /// Reads the schema at `path`; `correlated`: whether each value has a counterpart in the stored object.
    pub(super) fn read(
        &mut self,
        schema: &Value,
        path: &str,
        place: Place,
        correlated: bool,
    ) -> Node {
        let Value::Object(map) = schema else {
            self.errors.push(FieldError::invalid(
                path,
                schema.clone(),
                "must be a schema object",
            ));
            return Node::default();
        };
        if self.depth >= MAX_DEPTH {
            self.errors.push(FieldError::forbidden(
                path,
                format!("schemas may nest {MAX_DEPTH} levels deep"),
            ));
            return Node::default();
        }
        self.depth += 1;
        let node = self.read_map(map, path, place, correlated);
        self.depth -= 1;
        node
    }

    fn read_map(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        place: Place,
        correlated: bool,
    ) -> Node {
        let mut node = Node {
            int_or_string: self.flag(map, path, "x-kubernetes-int-or-string"),
            preserve_unknown: self.flag(map, path, "x-kubernetes-preserve-unknown-fields"),
            embedded: self.flag(map, path, "x-kubernetes-embedded-resource"),
            nullable: self.flag(map, path, "nullable"),
            ..Node::default()
        };
        self.forbidden_words(map, path, place);
        node.types = self.types(map, path, place, &node);
        self.map_type(&mut node, map, path);
        self.properties(&mut node, map, path, place, correlated);
        compile_list::read(self, &mut node, map, path, place, correlated);
        compile_checks::read(self, &mut node, map, path);
        self.embedded(&node, path);
        node.default = map.get("default").cloned();
        // Rules come last: they look at the schema they stand in.
        if let Some(list) = map.get("x-kubernetes-validations") {
            node.rules = rules::read(
                list,
                &node,
                place == Place::Root,
                &below(path, "x-kubernetes-validations"),
                correlated,
                &mut self.errors,
            );
        }
        node.any_rules = !node.rules.is_empty() || node.parts().any(|part| part.any_rules);
        node
    }

    /// A switch; those that start with `x-kubernetes-` are either on or not there.
    fn flag(&mut self, map: &Map<String, Value>, path: &str, name: &str) -> bool {
        match map.get(name) {
            Some(Value::Bool(true)) => true,
            Some(Value::Bool(false)) if name == "x-kubernetes-preserve-unknown-fields" => {
                self.errors.push(FieldError::invalid(
                    below(path, name),
                    Value::Bool(false),
                    "must be true or undefined",
                ));
                false
            }
            None | Some(Value::Bool(false)) => false,
            Some(other) => {
                self.errors.push(FieldError::invalid(
                    below(path, name),
                    other.clone(),
                    "must be a boolean",
                ));
                false
            }
        }
    }

    fn forbidden_words(&mut self, map: &Map<String, Value>, path: &str, place: Place) {
        for name in [
            "$ref",
            "definitions",
            "dependencies",
            "patternProperties",
            "additionalItems",
            "id",
            "$schema",
        ] {
            if map.contains_key(name) {
                self.errors.push(FieldError::forbidden(
                    below(path, name),
                    format!("{name} is not supported"),
                ));
            }
        }
        if map.get("uniqueItems") == Some(&Value::Bool(true)) {
            let why =
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.errors
                .push(FieldError::forbidden(below(path, "uniqueItems"), why));
        }
        let Place::Junctor { int_or_string } = place else {
            return;
        };
        if map.contains_key("type") && !int_or_string {
            self.errors.push(FieldError::forbidden(
                below(path, "type"),
                "must be empty to be structural",
            ));
        }
        for name in [
            "additionalProperties",
            "nullable",
            "default",
            "title",
            "description",
        ] {
            if map.contains_key(name) {
                self.errors.push(FieldError::forbidden(
                    below(path, name),
                    "must be undefined to be structural",
                ));
            }
        }
        for name in map.keys().filter(|name| name.starts_with("x-kubernetes-")) {
            let word = if name == "x-kubernetes-validations" {
                "must be empty to be structural"
            } else {
                "must be false to be structural"
            };
            self.errors
                .push(FieldError::forbidden(below(path, name), word));
        }
    }

    fn types(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        place: Place,
        node: &Node,
    ) -> Option<Type> {
        let at = below(path, "type");
        let found = match map.get("type") {
            None => None,
            Some(Value::String(name)) if name.is_empty() => None,
            Some(Value::String(name)) => {
                let known = Type::ALL
                    .iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, found)| *found);
                if known.is_none() {
                    let supported: Vec<String> = Type::ALL
                        .iter()
                        .map(|(name, _)| format!("{name:?}"))
                        .collect();
                    let detail = format!("supported values: {}", supported.join(", "));
                    self.errors.push(FieldError::new(
                        FieldErrorKind::NotSupported,
                        at,
                        Some(name.clone().into()),
                        detail,
                    ));
                    return None;
                }
                known
            }
            Some(other) => {
                self.errors
                    .push(FieldError::invalid(at, other.clone(), "must be a string"));
                return None;
            }
        };
        let free = node.int_or_string || node.preserve_unknown;
        let missing = match place {
            Place::Root => Some("must not be empty at the root"),
            Place::Field | Place::Values if !free => {
                Some("must not be empty for specified object fields")
            }
            Place::Items if !free => Some("must not be empty for specified array items"),
            _ => None,
        };
        match (found, missing) {
            (None, Some(detail)) if !map.contains_key("$ref") => {
                self.errors.push(FieldError::required(at, detail));
            }
            (Some(Type::Object) | None, _) => {}
            (Some(other), _) if place == Place::Root => {
                self.errors.push(FieldError::invalid(
                    at,
                    other.as_str().into(),
                    "must be object at the root",
                ));
            }
            _ => {}
        }
        found
    }

    fn map_type(&mut self, node: &mut Node, map: &Map<String, Value>, path: &str) {
        let at = below(path, "x-kubernetes-map-type");
        match map
            .get("x-kubernetes-map-type")
            .map(|value| (value, value.as_str()))
        {
            None | Some((_, Some("granular"))) => {}
            Some((_, Some("atomic"))) => node.atomic_map = true,
            Some((other, _)) => {
                let detail = "supported values: \"atomic\", \"granular\"";
                self.errors.push(FieldError::new(
                    FieldErrorKind::NotSupported,
                    at,
                    Some(other.clone()),
                    detail,
                ));
                return;
            }
        }
        if map.contains_key("x-kubernetes-map-type") && node.types != Some(Type::Object) {
            let found = node
                .types
                .map_or(Value::Null, |found| found.as_str().into());
            self.errors.push(FieldError::invalid(
                below(path, "type"),
                found,
                "must be object if x-kubernetes-map-type is specified",
            ));
        }
    }

    fn properties(
        &mut self,
        node: &mut Node,
        map: &Map<String, Value>,
        path: &str,
        place: Place,
        correlated: bool,
    ) {
        let junctor = matches!(place, Place::Junctor { .. });
        let correlated = correlated && !node.atomic_map;
        match map.get("properties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (name, schema) in properties {
                    let at = below(path, &format!("properties[{name}]"));
                    if (place == Place::Root || node.embedded) && name == "metadata" {
                        self.metadata(schema, &at);
                        continue;
                    }
                    let place = if junctor { place } else { Place::Field };
                    let child = self.read(schema, &at, place, correlated);
                    if place == Place::Field
                        && matches!(name.as_str(), "apiVersion" | "kind")
                        && path.is_empty()
                        && child.types != Some(Type::String)
                    {
                        let found = child
                            .types
                            .map_or(Value::Null, |found| found.as_str().into());
                        self.errors.push(FieldError::invalid(
                            below(&at, "type"),
                            found,
                            "must be string",
                        ));
                    }
                    node.properties.insert(name.clone(), child);
                }
            }
            Some(other) => self.errors.push(FieldError::invalid(
                below(path, "properties"),
                other.clone(),
                "must be an object",
            )),
        }
        let at = below(path, "additionalProperties");
        match map.get("additionalProperties") {
            None | Some(Value::Bool(false)) => {}
            Some(_) if !node.properties.is_empty() => {
                let why = "additionalProperties and properties are mutual exclusive";
                self.errors.push(FieldError::forbidden(at, why));
            }
            Some(Value::Bool(true)) => node.additional = Additional::Any,
            Some(schema) => {
                let place = if junctor { place } else { Place::Values };
                node.additional =
                    Additional::Schema(Box::new(self.read(schema, &at, place, correlated)));
            }
        }
    }

    /// Metadata is known; a schema may only constrain the two names.
    fn metadata(&mut self, schema: &Value, path: &str) {
        let allowed = |name: &str| matches!(name, "name" | "generateName");
        let other_fields = schema["properties"]
            .as_object()
            .is_some_and(|fields| fields.keys().any(|name| !allowed(name)));
        let other_words = schema.as_object().is_some_and(|words| {
            words
                .keys()
                .any(|word| !matches!(word.as_str(), "type" | "properties" | "description"))
        });
        if other_fields || other_words {
            let why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
            self.errors.push(FieldError::forbidden(path, why));
        }
    }

    fn embedded(&mut self, node: &Node, path: &str) {
        if !node.embedded {
            return;
        }
        if node.types != Some(Type::Object) {
            let found = node
                .types
                .map_or(Value::Null, |found| found.as_str().into());
            let why = "must be object if x-kubernetes-embedded-resource is true";
            self.errors
                .push(FieldError::invalid(below(path, "type"), found, why));
        }
        if node.properties.is_empty() && !node.preserve_unknown {
            let why = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
            self.errors
                .push(FieldError::required(below(path, "properties"), why));
        }
    }
}
