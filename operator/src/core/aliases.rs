//! Host names under which a workload answers when it stands behind a Service.

use std::collections::BTreeMap;

/// Configuration key with further names, separated by commas.
pub const KEY: &str = "host-aliases";

/// The four names by which the cluster's clients reach a Service.
pub fn of_service(service: &str, namespace: &str) -> [String; 4] {
    [
        service.to_owned(),
        format!("{service}.{namespace}"),
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}.svc.cluster.local"),
    ]
}

/// Whether an interface takes HTTP requests: WASI 0.2's or 0.3's handler.
pub fn takes_requests(interfaces: &[String]) -> bool {
    interfaces
        .iter()
        .any(|i| i == "incoming-handler" || i == "handler")
}

/// Adds the Service's names to those that the user declared; each once, the Service's first.
pub fn inject(config: &mut BTreeMap<String, String>, service: &str, namespace: &str) {
    let mut names: Vec<String> = of_service(service, namespace).into();
    for declared in config
        .get(KEY)
        .map_or("", String::as_str)
        .split(',')
        .map(str::trim)
    {
        if !declared.is_empty() && !names.iter().any(|n| n == declared) {
            names.push(declared.to_owned());
        }
    }
    config.insert(KEY.to_owned(), names.join(","));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_names_join_declared_ones() {
        let mut config = BTreeMap::from([(KEY.to_owned(), "shop.example, web.prod".to_owned())]);
        inject(&mut config, "web", "prod");
        assert_eq!(
            config[KEY],
            "web,web.prod,web.prod.svc,web.prod.svc.cluster.local,shop.example"
        );
        let once = config.clone();
        inject(&mut config, "web", "prod");
        assert_eq!(config, once);
    }
}
