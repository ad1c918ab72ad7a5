//! Which port of a host stands for which port of a Service. kube-proxy joins the two by the Service port's name, so
//! that `targetPort` is free to say what is meant: a number that a Workload listens at, or `http`.

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::EndpointPort;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeSet;

/// Where a host takes requests for a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listeners {
    /// The listener that routes by host name; absent when the host has none or no Workload there answers names.
    pub named: Option<i32>,
    /// Ports of the Workloads' own.
    pub own: BTreeSet<i32>,
}

impl Listeners {
    /// Whether there is any.
    pub fn any(&self) -> bool {
        self.named.is_some() || !self.own.is_empty()
    }

    /// Those of both.
    pub fn merge(&mut self, other: &Self) {
        self.named = self.named.or(other.named);
        self.own.extend(&other.own);
    }

    fn main(&self) -> Option<i32> {
        self.named.or_else(|| self.own.first().copied())
    }

    fn numbered(&self, number: i32) -> Option<i32> {
        (self.own.contains(&number) || self.named == Some(number)).then_some(number)
    }
}

/// The ports of an endpoint, under the names of the Service's ports; `None` when the Service declares ports and none
/// of them means one of these listeners. A Service without ports (a headless one) gets the reference's `http`.
pub fn of(service: &Service, listeners: &Listeners) -> Option<Vec<EndpointPort>> {
    let declared: Vec<&ServicePort> = service
        .spec
        .iter()
        .flat_map(|s| s.ports.iter().flatten())
        .filter(|p| p.protocol.as_deref().unwrap_or("TCP") == "TCP")
        .collect();
    if declared.is_empty() {
        return listeners.main().map(|port| vec![plain(port)]);
    }
    let mut found: Vec<EndpointPort> = declared
        .iter()
        .filter_map(|p| Some(under(p, meant(p, listeners)?)))
        .collect();
    if found.is_empty()
        && let ([only], Some(port)) = (declared.as_slice(), listeners.main())
    {
        found.push(under(only, port));
    }
    (!found.is_empty()).then_some(found)
}

/// What the reference writes for every Service.
pub fn plain(port: i32) -> EndpointPort {
    EndpointPort {
        name: Some("http".into()),
        port: Some(port),
        protocol: Some("TCP".into()),
        app_protocol: None,
    }
}

fn under(declared: &ServicePort, port: i32) -> EndpointPort {
    EndpointPort {
        name: Some(declared.name.clone().unwrap_or_default()),
        port: Some(port),
        protocol: Some("TCP".into()),
        app_protocol: declared.app_protocol.clone(),
    }
}

fn meant(declared: &ServicePort, listeners: &Listeners) -> Option<i32> {
    let by_number = match &declared.target_port {
        Some(IntOrString::Int(number)) => listeners.numbered(*number),
        Some(IntOrString::String(_)) => None,
        None => listeners.numbered(declared.port),
    };
    by_number.or_else(|| speaks_http(declared).then(|| listeners.main()).flatten())
}

fn speaks_http(port: &ServicePort) -> bool {
    let http = |name: &str| name == "http" || name.starts_with("http-");
    let named = port.name.as_deref().is_some_and(http);
    let targeted = matches!(&port.target_port, Some(IntOrString::String(name)) if http(name));
    let declared = port.app_protocol.as_deref().is_some_and(|p| {
        ["http", "kubernetes.io/h2c", "kubernetes.io/ws"]
            .iter()
            .any(|known| p.eq_ignore_ascii_case(known))
    });
    named || targeted || declared || (port.name.is_none() && port.port == 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(
        ports: &serde_json::Value,
        named: Option<i32>,
        own: &[i32],
    ) -> Option<Vec<(String, i32)>> {
        let service: Service =
            serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": {"ports": ports}}))
                .unwrap();
        let listeners = Listeners {
            named,
            own: own.iter().copied().collect(),
        };
        of(&service, &listeners).map(|all| {
            all.into_iter()
                .map(|p| (p.name.unwrap(), p.port.unwrap()))
                .collect()
        })
    }

    fn one(name: &str, port: i32) -> Vec<(String, i32)> {
        vec![(name.to_owned(), port)]
    }

    #[test]
    fn a_port_is_meant_by_its_name_its_target_or_its_protocol() {
        let metrics = json!({"name": "metrics", "port": 9090, "targetPort": 9090});
        for meant in [
            json!({"name": "http", "port": 80}),
            json!({"name": "http-web", "port": 80}),
            json!({"name": "web", "port": 80, "targetPort": "http"}),
            json!({"name": "web", "port": 80, "targetPort": 8000}),
            json!({"name": "web", "port": 80, "appProtocol": "HTTP"}),
            json!({"name": "web", "port": 80, "appProtocol": "kubernetes.io/h2c"}),
        ] {
            let name = meant["name"].as_str().unwrap();
            assert_eq!(
                found(&json!([meant, metrics]), Some(8000), &[]),
                Some(one(name, 8000)),
                "{meant}"
            );
        }
        assert_eq!(
            found(
                &json!([{"name": "grpc", "port": 1}, metrics]),
                Some(8000),
                &[]
            ),
            None
        );
    }

    #[test]
    fn the_only_port_is_meant_whatever_it_is_called_and_none_is_called_http() {
        assert_eq!(
            found(&json!([{"port": 80}]), Some(8000), &[]),
            Some(one("", 8000))
        );
        assert_eq!(
            found(&json!([{"name": "x", "port": 7}]), Some(8000), &[]),
            Some(one("x", 8000))
        );
        assert_eq!(found(&json!([]), Some(8000), &[]), Some(one("http", 8000)));
        assert_eq!(
            found(
                &json!([{"name": "dns", "port": 53, "protocol": "UDP"}]),
                Some(8000),
                &[]
            ),
            Some(one("http", 8000))
        );
        assert_eq!(found(&json!([{"port": 80}]), None, &[]), None);
    }

    #[test]
    fn a_port_of_the_workload_s_own_is_meant_by_its_number() {
        let ports =
            json!([{"name": "web", "port": 80, "targetPort": 8080}, {"name": "http", "port": 81}]);
        assert_eq!(
            found(&ports, Some(8000), &[8080]),
            Some(vec![("web".to_owned(), 8080), ("http".to_owned(), 8000)])
        );
        assert_eq!(
            found(
                &json!([{"name": "http", "port": 80, "targetPort": 80}]),
                None,
                &[8080]
            ),
            Some(one("http", 8080))
        );
    }
}
