//! `wash push`, `pull` and `inspect` against a real registry.

use std::fs;

use testbed::registry::{PASSWORD, Registry, USER};
use testbed::wait;
use tokio::process::Command;

use crate::process::{COMPONENT, Person};

fn person_with_component() -> Person {
    let person = Person::new();
    fs::write(person.home().join("component.wasm"), COMPONENT).unwrap();
    person
}

#[tokio::test]
async fn what_one_person_pushes_another_pulls() {
    let mut registry = Registry::start().await.unwrap();
    let image = registry.image("team/app:1");
    let (mut here, mut there) = (person_with_component(), Person::new());
    for person in [&mut here, &mut there] {
        person.replace(registry.address(), "[REGISTRY]");
    }
    let pushed = here
        .wash(&["push", &image, "component.wasm"])
        .await
        .succeeded();
    insta::assert_snapshot!("push", pushed.shown());
    let again = here
        .wash(&["-o", "json", "oci", "push", &image, "component.wasm"])
        .await
        .data();
    assert!(
        pushed.stdout.contains(again["digest"].as_str().unwrap()),
        "the digest depends on the component alone"
    );
    assert!(!here.store().exists(), "pushing a file stores nothing");

    let pulled = there.wash(&["pull", &image, "app.wasm"]).await.succeeded();
    insta::assert_snapshot!("pull", pulled.shown());
    assert_eq!(fs::read(there.home().join("app.wasm")).unwrap(), COMPONENT);
    registry.stop();
    let inspected = there.wash(&["inspect", &image]).await.succeeded();
    insta::assert_snapshot!("inspect", inspected.shown());
    let data = there
        .wash(&[
            "oci",
            "pull",
            &image,
            "--policy",
            "IfNotPresent",
            "-o",
            "json",
        ])
        .await
        .data();
    assert_eq!(data["digest"], again["digest"]);
    let unreachable = there.wash(&["pull", &image]).await;
    assert_eq!(unreachable.code, Some(1));
    assert!(
        unreachable
            .stderr
            .contains("cannot connect to the registry"),
        "{}",
        unreachable.shown()
    );
    assert!(
        unreachable.stderr.contains("hint: is [REGISTRY] running"),
        "{}",
        unreachable.shown()
    );
}

#[tokio::test]
async fn the_local_store_is_enough_without_a_registry() {
    let person = person_with_component();
    let image = "localhost/app:1";
    let stored = person
        .wash(&["push", "--local", image, "component.wasm"])
        .await
        .succeeded();
    insta::assert_snapshot!("push-local", stored.shown());
    assert!(person.store().join("index.json").is_file());
    person.wash(&["inspect", image]).await.succeeded();
    person
        .wash(&["pull", image, "--policy", "Never", "copy.wasm"])
        .await
        .succeeded();
    assert_eq!(
        fs::read(person.home().join("copy.wasm")).unwrap(),
        COMPONENT
    );

    let elsewhere = [
        "push",
        "--local",
        image,
        "component.wasm",
        "--store",
        "elsewhere",
    ];
    person.wash(&elsewhere).await.succeeded();
    let mut command = person.command(&["pull", image, "--policy", "Never"]);
    command.env("WASH_STORE", person.home().join("elsewhere"));
    person.finish(command, None).await.succeeded();
}

#[tokio::test]
async fn what_is_in_the_store_is_pushed_by_its_name() {
    let registry = Registry::start().await.unwrap();
    let image = registry.image("app:2");
    let person = person_with_component();
    let stored = person
        .wash(&["-o", "json", "push", "--local", &image, "component.wasm"])
        .await
        .data();
    let pushed = person.wash(&["-o", "json", "push", &image]).await.data();
    assert_eq!(
        (&pushed["digest"], &pushed["local"]),
        (&stored["digest"], &serde_json::json!(false))
    );
}

#[tokio::test]
async fn credentials_come_by_flag_variable_input_or_docker() {
    let registry = Registry::options().authenticated().start().await.unwrap();
    let image = registry.image("private:1");
    let mut person = person_with_component();
    person.replace(registry.address(), "[REGISTRY]");
    let refused = person.wash(&["push", &image, "component.wasm"]).await;
    insta::assert_snapshot!("push-unauthorized", refused.shown());

    person
        .wash(&[
            "push",
            &image,
            "component.wasm",
            "--user",
            USER,
            "--password",
            PASSWORD,
        ])
        .await
        .succeeded();
    let by_input = person.command(&["pull", &image, "--user", USER, "--password-stdin"]);
    person
        .finish(by_input, Some(&format!("{PASSWORD}\n")))
        .await
        .succeeded();
    let mut by_variable = person.command(&["pull", &image]);
    by_variable
        .env("WASH_REGISTRY_USER", USER)
        .env("WASH_REGISTRY_PASSWORD", PASSWORD);
    person.finish(by_variable, None).await.succeeded();

    let wrong = person
        .wash(&[
            "pull",
            &image,
            "--user",
            USER,
            "--password",
            "battery-staple",
        ])
        .await;
    assert_eq!(wrong.code, Some(1));
    assert!(!wrong.shown().contains("battery-staple"));
    fs::create_dir(person.home().join(".docker")).unwrap();
    let config = serde_json::json!({"auths": {registry.address(): {"username": USER, "password": PASSWORD}}});
    fs::write(
        person.home().join(".docker/config.json"),
        config.to_string(),
    )
    .unwrap();
    person.wash(&["pull", &image]).await.succeeded();
}

#[tokio::test]
async fn a_private_authority_is_named_by_a_flag() {
    let registry = Registry::options().tls().start().await.unwrap();
    let image = registry.image("app:1");
    let person = person_with_component();
    let untrusted = person.wash(&["push", &image, "component.wasm"]).await;
    assert_eq!(untrusted.code, Some(1));
    assert!(
        untrusted.stderr.contains("TLS handshake failed") && untrusted.stderr.contains("--ca-path"),
        "{}",
        untrusted.shown()
    );
    let ca = registry.ca_file().display().to_string();
    person
        .wash(&["push", &image, "component.wasm", "--ca-path", &ca])
        .await
        .succeeded();
}

#[tokio::test]
async fn an_interrupted_command_exits_with_130() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let image = format!("{}/app:1", silent.local_addr().unwrap());
    let person = Person::new();
    let mut child = person.command(&["pull", &image]).spawn().unwrap();
    // It has connected, so it is past its start.
    let connection = wait::within(wait::TEST, "wash to connect", silent.accept())
        .await
        .unwrap()
        .unwrap();
    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    let status = wait::within(wait::TEST, "wash to end", child.wait())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(status.code(), Some(130));
    drop(connection);
}
