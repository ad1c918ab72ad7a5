//! Registries that fail, lie or hang.

use std::time::Duration;

use oci::{Digest, ErrorKind, ImagesOptions, PullError, PullPolicy, Reference};

use crate::fixture::{
    Answer, MANIFEST, Scripted, component, image_script, images, manifest, options, reference,
};

const WASM: &str = "application/wasm";

async fn pull(registry: &Scripted, options: ImagesOptions) -> Result<oci::PulledImage, PullError> {
    let (_dir, images) = images(options);
    images
        .pull(&name(registry), PullPolicy::IfNotPresent, None)
        .await
}

fn name(registry: &Scripted) -> Reference {
    reference(&format!("{}/app:1", registry.addr))
}

#[tokio::test]
async fn a_fault_that_passes_is_tried_again() {
    let bytes = component("flaky");
    let answers = vec![
        Answer::status(503),
        Answer::status(429),
        Answer::ok(WASM, bytes.clone()),
    ];
    let registry = Scripted::start(image_script("app", WASM, &bytes, answers)).await;
    assert_eq!(pull(&registry, options()).await.unwrap().bytes, bytes);
    assert_eq!(
        registry.asked(),
        5,
        "manifest, config and three tries of the layer"
    );
}

#[tokio::test]
async fn a_fault_that_stays_ends_with_the_last_try() {
    let bytes = component("down");
    let registry =
        Scripted::start(image_script("app", WASM, &bytes, vec![Answer::status(503)])).await;
    let error = pull(&registry, options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Registry, "{error}");
    assert!(
        error.to_string().contains("503") && error.is_transient(),
        "{error}"
    );
    assert_eq!(registry.asked(), 2 + 3);
}

#[tokio::test]
async fn wrong_bytes_are_never_accepted() {
    let bytes = component("genuine");
    let mut forged = bytes.to_vec();
    forged[64] ^= 1;
    let registry = Scripted::start(image_script(
        "app",
        WASM,
        &bytes,
        vec![Answer::ok(WASM, forged)],
    ))
    .await;
    let error = pull(&registry, options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error}");

    let longer = [bytes.as_ref(), b"more"].concat();
    let registry = Scripted::start(image_script(
        "app",
        WASM,
        &bytes,
        vec![Answer::ok(WASM, longer)],
    ))
    .await;
    let error = pull(&registry, options()).await.unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[tokio::test]
async fn a_manifest_that_is_not_the_pinned_one_is_never_accepted() {
    let bytes = component("pinned");
    let wanted = Digest::of(b"another manifest");
    let mut script = image_script("app", WASM, &bytes, vec![Answer::ok(WASM, bytes.clone())]);
    script.insert(
        format!("/v2/app/manifests/{wanted}"),
        vec![Answer::ok(MANIFEST, manifest(WASM, &bytes))],
    );
    let registry = Scripted::start(script).await;
    let (_dir, images) = images(options());
    let error = images
        .pull(&name(&registry).pinned(wanted), PullPolicy::Always, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error}");
}

#[tokio::test]
async fn images_of_other_kinds_are_refused_by_name() {
    let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
    let registry = Scripted::start(image_script(
        "app",
        tar,
        b"tar",
        vec![Answer::ok(tar, "tar")],
    ))
    .await;
    let error = pull(&registry, options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedMediaType);
    assert!(error.to_string().contains(tar), "{error}");

    let module: &[u8] = b"\0asm\x01\0\0\0";
    let registry = Scripted::start(image_script(
        "app",
        WASM,
        module,
        vec![Answer::ok(WASM, module)],
    ))
    .await;
    let error = pull(&registry, options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAComponent, "{error}");
}

#[tokio::test]
async fn the_legacy_layer_type_is_accepted() {
    let (bytes, legacy) = (
        component("legacy"),
        "application/vnd.module.wasm.content.layer.v1+wasm",
    );
    let registry = Scripted::start(image_script(
        "app",
        legacy,
        &bytes,
        vec![Answer::ok(legacy, bytes.clone())],
    ))
    .await;
    assert_eq!(pull(&registry, options()).await.unwrap().bytes, bytes);
}

#[tokio::test]
async fn what_is_too_large_is_not_downloaded() {
    let bytes = component("large");
    let registry = Scripted::start(image_script(
        "app",
        WASM,
        &bytes,
        vec![Answer::ok(WASM, bytes.clone())],
    ))
    .await;
    let error = pull(
        &registry,
        ImagesOptions {
            max_component_bytes: 100,
            ..options()
        },
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    assert_eq!(registry.asked(), 2, "the manifest and the config");
}

#[tokio::test]
async fn a_registry_that_hangs_is_left() {
    let bytes = component("hanging");
    let registry = Scripted::start(image_script("app", WASM, &bytes, Vec::new())).await;
    let quick = ImagesOptions {
        read_timeout: Duration::from_millis(200),
        attempts: 1,
        ..options()
    };
    let error = pull(&registry, quick).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let bounded = ImagesOptions {
        total_timeout: Duration::from_millis(200),
        ..options()
    };
    let error = pull(&registry, bounded).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_from_a_closed_port() {
    let (_dir, images) = images(ImagesOptions {
        attempts: 1,
        ..options()
    });
    let error = images
        .pull(
            &reference("registry.invalid/app:1"),
            PullPolicy::Always,
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dns, "{error}");
    let port = testbed::free_port().unwrap();
    let closed = reference(&format!("127.0.0.1:{port}/app:1"));
    let error = images
        .pull(&closed, PullPolicy::Always, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
}

#[tokio::test]
async fn plain_http_is_only_spoken_where_it_is_allowed() {
    let bytes = component("plain");
    let registry = Scripted::start(image_script(
        "app",
        WASM,
        &bytes,
        vec![Answer::ok(WASM, bytes.clone())],
    ))
    .await;
    // A name of this machine that is no loopback address by its spelling.
    let name = reference(&format!("0.0.0.0:{}/app:1", registry.addr.port()));
    let (_dir, strict) = images(options());
    let error = strict
        .pull(&name, PullPolicy::Always, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    let allowed = ImagesOptions {
        insecure_registries: vec!["0.0.0.0".to_owned()],
        ..options()
    };
    let (_dir, lenient) = images(allowed);
    assert_eq!(
        lenient
            .pull(&name, PullPolicy::Always, None)
            .await
            .unwrap()
            .bytes,
        bytes
    );
}
