//! What `wash` says about itself, and about a command line that makes no sense.

use crate::process::{COMPONENT, MODULE, Person};

#[tokio::test]
async fn every_command_explains_itself() {
    let person = Person::new();
    for command in [
        "",
        "up",
        "build",
        "push",
        "pull",
        "oci",
        "inspect",
        "completion",
        "host cordon",
        "host uncordon",
    ] {
        let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = person.wash(&args).await.succeeded().stdout;
        let name = if command.is_empty() { "wash" } else { command };
        let name = name.replace(' ', "-");
        insta::assert_snapshot!(format!("help-{name}"), help);
    }
}

#[tokio::test]
async fn a_senseless_command_line_exits_with_2() {
    let person = Person::new();
    for (name, args) in [
        ("output", vec!["-o", "xml", "inspect", "a.wasm"]),
        ("reference", vec!["push", "https://ghcr.io/a", "a.wasm"]),
        ("tag", vec!["pull", "ghcr.io/a:-x"]),
        ("local", vec!["push", "--local", "a/b"]),
        ("policy", vec!["pull", "a/b", "--policy", "Sometimes"]),
        ("subject", vec!["inspect", "no such thing"]),
        ("password", vec!["pull", "a/b", "--user", "me"]),
        ("cordon", vec!["host", "cordon"]),
        (
            "cordon-serve",
            vec!["host", "--name", "edge", "cordon", "edge"],
        ),
    ] {
        let run = person.wash(&args).await;
        assert_eq!(run.code, Some(2), "{}", run.shown());
        insta::assert_snapshot!(format!("usage-{name}"), run.shown());
    }
}

#[tokio::test]
async fn failures_say_what_why_and_what_next() {
    let person = Person::new();
    std::fs::write(person.home().join("module.wasm"), MODULE).unwrap();
    std::fs::write(person.home().join("text.wasm"), "hello").unwrap();
    std::fs::create_dir(person.home().join("folder.wasm")).unwrap();
    for (name, args) in [
        ("absent-file", vec!["inspect", "absent.wasm"]),
        ("folder", vec!["inspect", "./folder.wasm"]),
        ("text", vec!["inspect", "text.wasm"]),
        ("module-world", vec!["inspect", "--wit", "module.wasm"]),
        ("push-module", vec!["push", "--local", "a/b", "module.wasm"]),
        ("push-unstored", vec!["push", "localhost/a:1"]),
        (
            "never",
            vec!["pull", "ghcr.io/acme/app:1", "--policy", "Never"],
        ),
        (
            "ca",
            vec!["pull", "ghcr.io/acme/app:1", "--ca-path", "absent.pem"],
        ),
        ("no-project", vec!["build"]),
        ("cordon-nowhere", vec!["host", "cordon", "edge"]),
        ("json", vec!["-o", "json", "inspect", "absent.wasm"]),
    ] {
        let run = person.wash(&args).await;
        assert_eq!(run.code, Some(1), "{}", run.shown());
        insta::assert_snapshot!(format!("failure-{name}"), run.shown());
    }
}

#[tokio::test]
async fn completions_are_printed_for_each_shell() {
    let person = Person::new();
    for (shell, part) in [
        ("bash", "_wash()"),
        ("zsh", "#compdef wash"),
        ("fish", "complete -c wash"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let run = person.wash(&["completion", shell]).await.succeeded();
        assert!(run.stdout.contains(part), "{shell}: {}", run.stdout);
    }
    let data = person
        .wash(&["completion", "bash", "-o", "json"])
        .await
        .data();
    assert_eq!(data["shell"], "bash");
}

#[tokio::test]
async fn a_home_that_cannot_be_written_disturbs_nobody() {
    let mut person = Person::new();
    let file = person.home().join("component.wasm");
    std::fs::write(&file, COMPONENT).unwrap();
    // Nothing can be created below a file, not even by root.
    let home = person.home().join("a-file");
    std::fs::write(&home, "").unwrap();
    person.replace(home.display().to_string(), "[NO HOME]");
    for args in [
        vec!["--version"],
        vec!["completion", "bash"],
        vec!["inspect", "component.wasm"],
    ] {
        let mut command = person.command(&args);
        command.env("HOME", &home);
        person.finish(command, None).await.succeeded();
    }
    let mut command = person.command(&["push", "--local", "a/b:1", "component.wasm"]);
    command.env("HOME", &home);
    let run = person.finish(command, None).await;
    assert_eq!(run.code, Some(1), "{}", run.shown());
    assert!(run.stderr.contains("[NO HOME]"), "{}", run.stderr);
    let left: Vec<_> = std::fs::read_dir(person.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "no command leaves anything behind: {left:?}");
}
