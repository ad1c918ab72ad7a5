//! Against the distribution project's registry.

use std::fs;

use oci::{Credentials, Digest, DockerConfig, ErrorKind, ImagesOptions, PullPolicy};
use testbed::registry::{PASSWORD, Registry, USER};

use crate::fixture::{component, images, options, reference};

#[tokio::test]
async fn what_is_pushed_is_pulled_and_then_needs_no_network() {
    let mut registry = Registry::start().await.unwrap();
    let (name, bytes) = (reference(&registry.image("app:1")), component("roundtrip"));
    let (_pushing, here) = images(options());
    let digest = here.push(&name, bytes.clone(), None).await.unwrap();
    assert_eq!(
        here.push(&name, bytes.clone(), None).await.unwrap(),
        digest,
        "pushing again changes nothing"
    );

    let (_pulling, there) = images(options());
    let pulled = there
        .pull(&name, PullPolicy::IfNotPresent, None)
        .await
        .unwrap();
    assert_eq!(
        (pulled.digest, pulled.bytes, pulled.used_network),
        (digest, bytes.clone(), true)
    );
    assert_eq!(pulled.layer_digest, Digest::of(&bytes));
    registry.stop();
    for policy in [PullPolicy::IfNotPresent, PullPolicy::Never] {
        let pulled = there.pull(&name, policy, None).await.unwrap();
        assert_eq!(
            (pulled.digest, pulled.used_network),
            (digest, false),
            "{policy}"
        );
    }
    let pinned = name.pinned(digest);
    assert_eq!(
        there
            .pull(&pinned, PullPolicy::Never, None)
            .await
            .unwrap()
            .bytes,
        bytes
    );
    let error = there
        .pull(&name, PullPolicy::Always, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.is_transient());

    registry.start_again().await.unwrap();
    let newer = component("newer");
    let moved = here.push(&name, newer.clone(), None).await.unwrap();
    assert_eq!(
        there
            .pull(&name, PullPolicy::IfNotPresent, None)
            .await
            .unwrap()
            .digest,
        digest
    );
    let pulled = there.pull(&name, PullPolicy::Always, None).await.unwrap();
    assert_eq!((pulled.digest, pulled.bytes), (moved, newer));
    assert_eq!(
        there
            .pull(&pinned, PullPolicy::Always, None)
            .await
            .unwrap()
            .bytes,
        bytes
    );
}

#[tokio::test]
async fn an_offline_miss_names_the_command() {
    let (_dir, images) = images(options());
    let name = reference("ghcr.io/acme/app:1");
    let error = images
        .pull(&name, PullPolicy::Never, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPresent);
    assert!(
        error
            .to_string()
            .ends_with("fetch it with `wash pull ghcr.io/acme/app:1`"),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_registry_lacks_is_not_found() {
    let registry = Registry::start().await.unwrap();
    let (_dir, images) = images(options());
    let name = reference(&registry.image("absent:1"));
    let error = images
        .pull(&name, PullPolicy::IfNotPresent, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let asked = registry
        .log()
        .unwrap()
        .matches("GET /v2/absent/manifests/1")
        .count();
    assert_eq!(asked, 1, "such a fault is not tried again");
}

#[tokio::test]
async fn credentials_decide_who_is_let_in() {
    let registry = Registry::options().authenticated().start().await.unwrap();
    let (name, bytes) = (
        reference(&registry.image("private:1")),
        component("private"),
    );
    let known = Credentials::basic(USER, PASSWORD);
    let wrong = Credentials::basic(USER, "battery-staple");
    let (_pushing, here) = images(options());
    for refused in [None, Some(&wrong)] {
        let error = here.push(&name, bytes.clone(), refused).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    }
    let digest = here.push(&name, bytes.clone(), Some(&known)).await.unwrap();

    let (_pulling, there) = images(options());
    for refused in [None, Some(&wrong)] {
        let error = there
            .pull(&name, PullPolicy::IfNotPresent, refused)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(!error.to_string().contains("battery-staple"));
    }
    assert_eq!(
        there
            .pull(&name, PullPolicy::IfNotPresent, Some(&known))
            .await
            .unwrap()
            .digest,
        digest
    );
    let error = there
        .pull(&name, PullPolicy::Always, None)
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Unauthorized,
        "the right of one caller is not another's"
    );
}

#[tokio::test]
async fn dockers_configuration_is_used_when_the_caller_has_no_credentials() {
    let registry = Registry::options().authenticated().start().await.unwrap();
    let docker = tempfile::tempdir().unwrap();
    let config = serde_json::json!({"auths": {registry.address(): {"username": USER, "password": PASSWORD}}});
    fs::write(docker.path().join("config.json"), config.to_string()).unwrap();
    let configured = DockerConfig::Directory(docker.path().to_owned());
    let (_dir, images) = images(ImagesOptions {
        docker_config: configured,
        ..options()
    });
    let (name, bytes) = (reference(&registry.image("private:1")), component("docker"));
    images.push(&name, bytes.clone(), None).await.unwrap();
    assert_eq!(
        images
            .pull(&name, PullPolicy::Always, None)
            .await
            .unwrap()
            .bytes,
        bytes
    );
    fs::write(docker.path().join("config.json"), "{").unwrap();
    let error = images
        .pull(&name, PullPolicy::Always, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
}

#[tokio::test]
async fn a_certificate_is_trusted_only_by_its_authority() {
    let registry = Registry::options().tls().start().await.unwrap();
    let (name, bytes) = (reference(&registry.image("app:1")), component("tls"));
    let (_dir, trusting) = images(ImagesOptions {
        ca_files: vec![registry.ca_file()],
        ..options()
    });
    let digest = trusting.push(&name, bytes, None).await.unwrap();
    assert_eq!(
        trusting
            .pull(&name, PullPolicy::Always, None)
            .await
            .unwrap()
            .digest,
        digest
    );

    // The registry is on a loopback address, where plain HTTP is allowed: still no way around a bad certificate.
    let (_dir, careful) = images(options());
    let error = careful
        .pull(&name, PullPolicy::Always, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_download() {
    let registry = Registry::start().await.unwrap();
    let bytes = component("popular");
    let names = [
        reference(&registry.image("popular:1")),
        reference(&registry.image("popular:2")),
    ];
    let (_pushing, here) = images(options());
    for name in &names {
        here.push(name, bytes.clone(), None).await.unwrap();
    }
    let (_pulling, there) = images(options());
    let pulls = (0..20).map(|n| {
        let (images, name) = (there.clone(), names[n % 2].clone());
        tokio::spawn(async move { images.pull(&name, PullPolicy::IfNotPresent, None).await })
    });
    for pull in pulls.collect::<Vec<_>>() {
        assert_eq!(pull.await.unwrap().unwrap().bytes, bytes);
    }
    let blob = format!("\"GET /v2/popular/blobs/{}", Digest::of(&bytes));
    assert_eq!(registry.log().unwrap().matches(&blob).count(), 1);
}

#[tokio::test]
async fn a_push_needs_a_component_and_a_tag() {
    let (_dir, images) = images(options());
    let name = reference("localhost:1/app:1");
    let module = bytes::Bytes::from_static(b"\0asm\x01\0\0\0");
    let error = images.push(&name, module, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAComponent);
    assert!(error.to_string().contains("core module"), "{error}");
    let pinned = name.pinned(Digest::of(b""));
    let error = images
        .push(&pinned, component("tagless"), None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoTag, "{error}");
}
