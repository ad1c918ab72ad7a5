//! The committed YAML is what the types generate, and every field of it has words for `kubectl explain`.

use serde_json::Value;

#[test]
fn committed_yaml_is_up_to_date() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/runtime-operator/crds");
    let mut expected = Vec::new();
    for crd in crd_types::crds() {
        let name = format!("{}.yaml", crd.spec.names.plural);
        let held = std::fs::read_to_string(folder.join(&name)).unwrap();
        assert!(
            held == crd_types::to_yaml(&crd).unwrap(),
            "{name} differs from the types; run `cargo run -p crd-types --bin crds -- charts/runtime-operator/crds`"
        );
        expected.push(name);
    }
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, expected, "one file for each kind and nothing else");
}

#[test]
fn kinds_columns_and_subresources() {
    let summary: Vec<Value> = crd_types::crds()
        .iter()
        .map(|crd| {
            let version = &crd.spec.versions[0];
            serde_json::json!({
                "names": crd.spec.names,
                "scope": crd.spec.scope,
                "subresources": version.subresources,
                "columns": version.additional_printer_columns.iter().flatten().map(|c| format!(
                    "{} {} {}{}", c.name, c.type_, c.json_path, if c.priority == Some(1) { " (wide)" } else { "" }
                )).collect::<Vec<_>>(),
            })
        })
        .collect();
    insta::assert_yaml_snapshot!(summary);
}

#[test]
fn every_field_is_described_and_none_is_nullable() {
    for crd in crd_types::crds() {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        walk(&schema["openAPIV3Schema"], &crd.spec.names.kind, true);
    }
}

fn walk(schema: &Value, path: &str, root: bool) {
    assert!(schema.get("nullable").is_none(), "{path} is nullable");
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let named_by_parent = root && matches!(name.as_str(), "spec" | "status");
        assert!(
            named_by_parent || field.get("description").is_some(),
            "{path} has no description"
        );
        walk(field, &path, false);
    }
    if let Some(items) = schema.get("items") {
        walk(items, &format!("{path}[]"), false);
    }
}
