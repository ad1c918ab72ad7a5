//! Host interfaces served by plugins, and imports nobody serves.

use super::support::{Bed, component, get, interface, map, spec};

#[tokio::test]
async fn configuration_is_the_interfaces_overlaid_with_the_components() {
    let bed = Bed::new();
    let mut config = component("config");
    config.resources.config = map(&[("b", "component"), ("c", "component")]);
    let mut spec = spec(vec![config]);
    spec.host_interfaces.push(interface(
        "wasi:config",
        "store",
        &[("a", "interface"), ("b", "interface")],
    ));
    let workload = bed.start(&spec, &["http-config"]).await;
    assert_eq!(get(&workload, "/a").await.unwrap().1, "interface\n");
    assert_eq!(get(&workload, "/b").await.unwrap().1, "component\n");
    assert_eq!(get(&workload, "/d").await.unwrap().0, 404);
}

#[tokio::test]
async fn an_undeclared_import_is_named() {
    let bed = Bed::new();
    let error = bed
        .try_start(&spec(vec![component("config")]), &["http-config"])
        .await
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(
        text.contains("`config` imports `wasi:config/store@0.2.0-rc.1`"),
        "{text}"
    );
    assert!(text.contains("hostInterfaces"), "{text}");
}

#[tokio::test]
async fn log_messages_are_accepted_at_every_level() {
    let bed = Bed::new();
    let mut spec = spec(vec![component("logger")]);
    spec.host_interfaces
        .push(interface("wasi:logging", "logging", &[]));
    let workload = bed.start(&spec, &["http-logger"]).await;
    assert_eq!(get(&workload, "/").await.unwrap().0, 200);
}
