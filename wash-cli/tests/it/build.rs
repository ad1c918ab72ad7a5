//! `wash build` with the real toolchain.

use std::fs;

use crate::process::{MODULE, Person};

/// A program that runs, in a package of its own.
fn project(person: &Person, name: &str) -> std::path::PathBuf {
    let folder = person.home().join(name);
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/main.rs"), "fn main() {}\n").unwrap();
    folder
}

#[tokio::test]
async fn a_cargo_project_becomes_a_component_in_the_store() {
    let person = Person::new();
    project(&person, "hello");
    let args = [
        "-o",
        "json",
        "build",
        "hello",
        "--debug",
        "--tag",
        "localhost/hello:1",
        "--out",
        "hello.wasm",
    ];
    let data = person.wash(&args).await.data();
    assert_eq!(data["component_path"], "hello.wasm");
    let exports = data["exports"].as_array().unwrap();
    assert!(
        exports
            .iter()
            .any(|name| name.as_str().unwrap().starts_with("wasi:cli/run@")),
        "{data}"
    );
    let bytes = fs::read(person.home().join("hello.wasm")).unwrap();
    assert_eq!(data["bytes"], bytes.len());
    assert_eq!(
        data["component_digest"],
        oci::Digest::of(&bytes).to_string()
    );

    // What is in the store needs no registry.
    let seen = person
        .wash(&["-o", "json", "inspect", "localhost/hello:1"])
        .await
        .data();
    assert_eq!(seen["image"]["digest"], data["image"]["digest"]);
    assert_eq!(seen["digest"], data["component_digest"]);
    let text = person
        .wash(&["build", "hello", "--debug"])
        .await
        .succeeded();
    assert!(
        text.stdout
            .starts_with("Built [HOME]/hello/target/wasm32-wasip2/debug/hello.wasm ("),
        "{}",
        text.stdout
    );
}

#[tokio::test]
async fn a_core_module_becomes_a_component() {
    let person = Person::new();
    fs::write(person.home().join("module.wasm"), MODULE).unwrap();
    let data = person
        .wash(&["-o", "json", "build", "module.wasm"])
        .await
        .data();
    assert_eq!(data["component_path"], "module.component.wasm");
    person
        .wash(&["push", "--local", "a/b:1", "module.component.wasm"])
        .await
        .succeeded();
}

#[tokio::test]
async fn what_is_missing_is_named_with_the_way_to_get_it() {
    let person = Person::new();
    let folder = project(&person, "broken");
    let missing = person
        .wash(&["build", "broken", "--target", "wasm32v1-none"])
        .await;
    insta::assert_snapshot!("build-missing-target", missing.shown());

    let mut command = person.command(&["build", "broken"]);
    command
        .env("PATH", person.home())
        .env("RUSTC", "")
        .env("CARGO", "");
    insta::assert_snapshot!(
        "build-missing-toolchain",
        person.finish(command, None).await.shown()
    );

    fs::write(folder.join("Cargo.toml"), "[package\n").unwrap();
    let malformed = person.wash(&["build", "broken"]).await;
    assert!(
        malformed
            .stderr
            .starts_with("error: [HOME]/broken/Cargo.toml is not valid"),
        "{}",
        malformed.shown()
    );
}

#[tokio::test]
async fn a_compiler_error_is_cargos_to_explain() {
    let person = Person::new();
    let folder = project(&person, "faulty");
    fs::write(
        folder.join("src/main.rs"),
        "fn main() { let x: u32 = \"\"; }\n",
    )
    .unwrap();
    let run = person.wash(&["build", "faulty", "--debug"]).await;
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("mismatched types"), "{}", run.shown());
    assert!(
        run.stderr.contains("error: cargo build failed"),
        "{}",
        run.shown()
    );
}
