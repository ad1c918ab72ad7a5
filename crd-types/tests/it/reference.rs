//! Take-over: every field of the reference exists here under the same name with the same type and default.

use serde_json::Value;

/// One line for each field: kind, path, type, and the default if there is one.
const FIELDS: &str = include_str!("../fixtures/reference-fields.txt");

#[test]
fn fields_of_the_reference_keep_their_meaning() {
    let crds = crd_types::crds();
    let mut checked = 0;
    for line in FIELDS
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let mut words = line.split_whitespace();
        let (kind, path, type_) = (
            words.next().unwrap(),
            words.next().unwrap(),
            words.next().unwrap(),
        );
        let default = words
            .next()
            .map(|d| serde_json::from_str::<Value>(d).unwrap());
        let crd = crds.iter().find(|c| c.spec.names.kind == kind).unwrap();
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        let mut at = &schema["openAPIV3Schema"];
        for step in path.split('.') {
            let (name, list) = step
                .strip_suffix("[]")
                .map_or((step, false), |name| (name, true));
            at = &at["properties"][name];
            if list {
                at = &at["items"];
            }
        }
        let found = match (
            &at["type"],
            at.get("additionalProperties"),
            at.get("format"),
        ) {
            (_, _, Some(format)) if type_ == "date-time" => format.as_str().unwrap_or("none"),
            (_, Some(_), _) => "map",
            (found, ..) => found.as_str().unwrap_or("missing"),
        };
        assert_eq!(found, type_, "type of {kind} {path}");
        assert_eq!(
            at.get("default"),
            default.as_ref(),
            "default of {kind} {path}"
        );
        checked += 1;
    }
    assert!(checked > 100, "the record is complete: {checked}");
}
