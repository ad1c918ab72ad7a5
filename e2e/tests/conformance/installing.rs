//! The platform's own CRDs: schemas, rules and their estimated costs are accepted.

use std::path::Path;

use http::Method;

use crate::space::{APPLY, CRDS, Space};

crate::tests![the_platforms_crds_are_accepted];

/// A rule whose estimated cost is over the budget is refused by a real server only when its CRD is installed:
/// `cargo xtask crds --check` sees that the files are current, this test that they can be used.
async fn the_platforms_crds_are_accepted(on: Space) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/runtime-operator/crds");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        let yaml = std::fs::read_to_string(&file).unwrap();
        let plural = file.file_stem().and_then(|name| name.to_str()).unwrap();
        let path = format!(
            "{CRDS}/{plural}.runtime.wasmcloud.dev?fieldManager=conformance&force=true&fieldValidation=Strict&dryRun=All"
        );
        let answer = on
            .send(Space::request(Method::PATCH, &path, APPLY, yaml))
            .await;
        assert!(
            [200, 201].contains(&answer.code),
            "{}: {:#}",
            file.display(),
            answer.body
        );
        assert_eq!(
            answer.warnings(),
            Vec::<String>::new(),
            "{}",
            file.display()
        );
        seen += 1;
    }
    assert_eq!(seen, 5, "{}", folder.display());
}
