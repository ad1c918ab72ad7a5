//! A manifest file as a list of objects.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use kube::core::{DynamicObject, TypeMeta};
use serde_json::Value;

/// Reads a manifest file, or standard input for `-`.
pub fn read(file: &Path) -> anyhow::Result<Vec<DynamicObject>> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("cannot read the manifest from standard input")?;
        text
    } else {
        std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the manifest {}", file.display()))?
    };
    parse(&text).with_context(|| format!("in {}", file.display()))
}

/// The objects of a manifest, in order. Empty documents are passed over, a `List` is unfolded; an object without
/// `apiVersion`, `kind` or `metadata.name` is an error that names the document.
pub fn parse(text: &str) -> anyhow::Result<Vec<DynamicObject>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    let mut objects = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let number = index + 1;
        match document {
            Value::Null => {}
            Value::Object(ref fields)
                if fields.get("kind").and_then(Value::as_str) == Some("List") =>
            {
                let items = fields
                    .get("items")
                    .and_then(Value::as_array)
                    .with_context(|| format!("document {number}: a List without `items`"))?;
                for item in items {
                    objects.push(object(item.clone(), number)?);
                }
            }
            document => objects.push(object(document, number)?),
        }
    }
    if objects.is_empty() {
        bail!("the manifest describes no object");
    }
    Ok(objects)
}

fn object(document: Value, number: usize) -> anyhow::Result<DynamicObject> {
    for field in ["/apiVersion", "/kind", "/metadata/name"] {
        let found = document.pointer(field).and_then(Value::as_str);
        if found.is_none_or(str::is_empty) {
            let name = field[1..].replace('/', ".");
            bail!("document {number}: `{name}` is missing");
        }
    }
    serde_json::from_value(document).with_context(|| format!("document {number}"))
}

/// The type of an object that [`parse`] returned.
pub fn type_of(object: &DynamicObject) -> TypeMeta {
    object.types.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_are_unfolded() {
        let objects = parse(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: b, namespace: c}\n",
        )
        .unwrap();
        let names: Vec<_> = objects
            .iter()
            .map(|o| (type_of(o).kind, o.metadata.name.clone().unwrap()))
            .collect();
        assert_eq!(
            names,
            [
                ("ConfigMap".to_owned(), "a".to_owned()),
                ("Secret".to_owned(), "b".to_owned())
            ]
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = |text| parse(text).unwrap_err().to_string();
        assert_eq!(error(""), "the manifest describes no object");
        assert_eq!(
            error("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"),
            "document 1: `metadata.name` is missing"
        );
        assert_eq!(
            error("kind: A\nmetadata: {name: x}\n"),
            "document 1: `apiVersion` is missing"
        );
        assert!(parse("a: [").is_err());
    }

    #[test]
    fn json_is_yaml() {
        let objects =
            parse(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#).unwrap();
        assert_eq!(objects.len(), 1);
    }
}
