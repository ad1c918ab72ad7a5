//! What a real kube-apiserver made of strategic merge patches (`fixtures/strategic.json`).

use apiserver::apply::{builtin, strategic_merge_patch};
use serde_json::Value;

#[test]
fn strategic_merges_give_what_the_server_stores() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/strategic.json")).unwrap();
    let mut wrong = Vec::new();
    for case in fixture["patches"].as_array().unwrap() {
        let topology = builtin::topology_for("", case["kind"].as_str().unwrap());
        let ours = strategic_merge_patch(&case["live"], &case["patch"], topology);
        let theirs = &case["answer"]["object"];
        let same = match &ours {
            Ok(ours) => ours == theirs,
            Err(_) => theirs.is_null(),
        };
        if !same {
            wrong.push(format!(
                "{}\n  live:   {}\n  server: {} {}\n  ours:   {ours:?}",
                case["patch"], case["live"], theirs, case["answer"]["message"]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
