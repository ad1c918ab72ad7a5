//! What a CRD must fulfil to be served.

use serde_json::{Value, json};

use crate::registry::JsonPath;
use crate::schema::StructuralSchema;
use crate::status::Cause;

/// What a CRD must fulfil to be served.
pub fn rules(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let spec = &new["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    let required = [
        ("spec.group", &spec["group"]),
        ("spec.names.plural", &spec["names"]["plural"]),
        ("spec.names.kind", &spec["names"]["kind"]),
    ];
    for (field, value) in required {
        if value.as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(field, ""));
        }
    }
    let name = text(&new["metadata"]["name"]);
    if name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &json!(name), why));
    }
    if !group.is_empty() && !group.contains('.') {
        let why = "should be a domain with at least one dot";
        causes.push(Cause::invalid("spec.group", &json!(group), why));
    }
    let scope = text(&spec["scope"]);
    if !matches!(scope.as_str(), "Cluster" | "Namespaced") {
        causes.push(Cause::not_supported(
            "spec.scope",
            &scope,
            &["Cluster", "Namespaced"],
        ));
    }
    if let Some(old) = old {
        for (field, value, was) in [
            ("spec.group", &spec["group"], &old["spec"]["group"]),
            ("spec.scope", &spec["scope"], &old["spec"]["scope"]),
            (
                "spec.names.plural",
                &spec["names"]["plural"],
                &old["spec"]["names"]["plural"],
            ),
            (
                "spec.names.kind",
                &spec["names"]["kind"],
                &old["spec"]["names"]["kind"],
            ),
        ] {
            if value != was {
                causes.push(Cause::invalid(field, value, "field is immutable"));
            }
        }
    }
    let strategy = text(&spec["conversion"]["strategy"]);
    if strategy != "None" {
        // Webhooks would have to be called by this server; it converts by renaming apiVersion only.
        causes.push(Cause::not_supported(
            "spec.conversion.strategy",
            &strategy,
            &["None"],
        ));
    }
    if spec["preserveUnknownFields"] == true {
        let why = "must be false in order to use defaults in the schema";
        causes.push(Cause::invalid(
            "spec.preserveUnknownFields",
            &json!(true),
            why,
        ));
    }
    version_rules(new, causes);
}

fn version_rules(crd: &Value, causes: &mut Vec<Cause>) {
    let versions = crd["spec"]["versions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let storage = versions
        .iter()
        .filter(|version| version["storage"] == true)
        .count();
    if storage != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid(
            "spec.versions",
            &crd["spec"]["versions"],
            why,
        ));
    }
    for (index, version) in versions.iter().enumerate() {
        let at = format!("spec.versions[{index}]");
        if version["name"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        if version["schema"]["openAPIV3Schema"].is_null() {
            causes.push(Cause::required(
                format!("{at}.schema.openAPIV3Schema"),
                "schemas are required",
            ));
        }
        if let Err(errors) = StructuralSchema::compile(&version["schema"]["openAPIV3Schema"])
            && version["schema"]["openAPIV3Schema"].is_object()
        {
            // The real server moves a schema that all versions share to `spec.validation`.
            let shared = versions
                .iter()
                .all(|other| other["schema"] == version["schema"]);
            let place = if shared {
                "spec.validation".to_owned()
            } else {
                format!("{at}.schema")
            };
            let prefix = format!("{place}.openAPIV3Schema");
            if !shared || index == 0 {
                causes.extend(
                    errors
                        .into_iter()
                        .map(|error| error.prefixed(&prefix).into()),
                );
            }
        }
        let columns = version["additionalPrinterColumns"].as_array();
        for (column_index, column) in columns.into_iter().flatten().enumerate() {
            path_rule(
                &column["jsonPath"],
                &format!("{at}.additionalPrinterColumns[{column_index}].jsonPath"),
                false,
                causes,
            );
        }
        let fields = version["selectableFields"].as_array();
        for (field_index, field) in fields.into_iter().flatten().enumerate() {
            path_rule(
                &field["jsonPath"],
                &format!("{at}.selectableFields[{field_index}].jsonPath"),
                true,
                causes,
            );
        }
        let scale = &version["subresources"]["scale"];
        if !scale.is_null() {
            for field in ["specReplicasPath", "statusReplicasPath"] {
                path_rule(
                    &scale[field],
                    &format!("{at}.subresources.scale.{field}"),
                    true,
                    causes,
                );
            }
        }
    }
}

fn path_rule(path: &Value, field: &str, plain: bool, causes: &mut Vec<Cause>) {
    let Some(text) = path.as_str().filter(|text| !text.is_empty()) else {
        causes.push(Cause::required(field, ""));
        return;
    };
    match JsonPath::parse(text) {
        Err(why) => causes.push(Cause::invalid(field, path, &why)),
        Ok(parsed) if plain && !parsed.is_plain() => {
            causes.push(Cause::invalid(
                field,
                path,
                "must be a simple path of field names",
            ));
        }
        Ok(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::crd::default;

    #[test]
    fn a_crd_is_refused_for_what_would_not_be_served() {
        let mut crd = json!({
            "metadata": {"name": "things.example"},
            "spec": {
                "group": "x.example", "scope": "Wrong", "names": {"plural": "things", "kind": "Thing"},
                "conversion": {"strategy": "Webhook"},
                "versions": [{"name": "v1", "served": true, "additionalPrinterColumns": [{"jsonPath": ".a["}]}],
            },
        });
        default(&mut crd);
        let mut causes = Vec::new();
        rules(&crd, None, &mut causes);
        let fields: Vec<_> = causes.iter().map(|cause| cause.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "metadata.name",
                "spec.scope",
                "spec.conversion.strategy",
                "spec.versions",
                "spec.versions[0].schema.openAPIV3Schema",
                "spec.versions[0].additionalPrinterColumns[0].jsonPath",
            ]
        );
        assert_eq!(crd["spec"]["names"]["listKind"], "ThingList");
    }
}
