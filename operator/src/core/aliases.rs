//! Host names under which a workload answers: those it declares, and those of the Service it stands behind.

use std::collections::BTreeMap;

/// Configuration key with the host name.
pub const HOST: &str = "host";
/// Configuration key with further names, separated by commas.
pub const KEY: &str = "host-aliases";

/// The four names by which the cluster's clients reach a Service.
pub fn of_service(service: &str, namespace: &str, cluster_domain: &str) -> [String; 4] {
    [
        service.to_owned(),
        format!("{service}.{namespace}"),
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}.svc.{cluster_domain}"),
    ]
}

/// Names that a configuration declares.
pub fn listed(config: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    [HOST, KEY]
        .into_iter()
        .filter_map(|key| config.get(key))
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Takes names out of a configuration; a key that holds none any more goes.
pub fn remove(config: &mut BTreeMap<String, String>, refused: impl Fn(&str) -> bool) {
    for key in [HOST, KEY] {
        let Some(list) = config.get_mut(key) else {
            continue;
        };
        let all = || list.split(',').map(str::trim);
        if !all().any(&refused) {
            continue;
        }
        let kept: Vec<&str> = all().filter(|n| !n.is_empty() && !refused(n)).collect();
        let kept = kept.join(",");
        if kept.is_empty() {
            config.remove(key);
        } else {
            *list = kept;
        }
    }
}

/// Makes the first alias the host where there is none: hosts of the reference insist on one.
pub fn complete(config: &mut BTreeMap<String, String>) {
    if !config.contains_key(HOST) {
        let first = listed(config).next().map(ToOwned::to_owned);
        config.extend(first.map(|name| (HOST.to_owned(), name)));
    }
}

/// Adds the Service's names to those that the user declared; each once, the Service's last. Where none is declared as
/// `host`, which hosts of the reference insist on, the Service's longest becomes it.
pub fn inject(config: &mut BTreeMap<String, String>, service: &[String]) {
    let mut names: Vec<&str> = config
        .get(KEY)
        .map_or("", String::as_str)
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    for name in service {
        if !names.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            names.push(name);
        }
    }
    let names = names.join(",");
    config.insert(KEY.to_owned(), names);
    if config.get(HOST).is_none_or(|host| host.trim().is_empty())
        && let Some(longest) = service.last()
    {
        config.insert(HOST.to_owned(), longest.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn service_names_join_declared_ones() {
        let names = of_service("web", "prod", "cluster.local");
        let mut held = config(&[(HOST, "a.example"), (KEY, "shop.example, Web.prod")]);
        inject(&mut held, &names);
        assert_eq!(
            held[KEY],
            "shop.example,Web.prod,web,web.prod.svc,web.prod.svc.cluster.local"
        );
        let once = held.clone();
        inject(&mut held, &names);
        assert_eq!(held, once);
    }

    #[test]
    fn a_service_is_name_enough() {
        let mut held = config(&[]);
        inject(&mut held, &of_service("web", "prod", "corp.internal"));
        assert_eq!(held[HOST], "web.prod.svc.corp.internal");
    }

    #[test]
    fn names_are_taken_out_and_empty_keys_with_them() {
        let mut held = config(&[(HOST, "a"), (KEY, "b, a ,c"), ("other", "a")]);
        remove(&mut held, |n| n == "a");
        assert_eq!(held, config(&[(KEY, "b,c"), ("other", "a")]));
        complete(&mut held);
        assert_eq!(held, config(&[(HOST, "b"), (KEY, "b,c"), ("other", "a")]));
        assert_eq!(listed(&held).collect::<Vec<_>>(), ["b", "b", "c"]);
        remove(&mut held, |n| n == "b" || n == "c");
        assert_eq!(held, config(&[("other", "a")]));
        let mut untouched = config(&[(HOST, "h"), (KEY, "b , c")]);
        remove(&mut untouched, |n| n == "a");
        assert_eq!(untouched, config(&[(HOST, "h"), (KEY, "b , c")]));
    }
}
