use std::net::SocketAddr;

use host::http::{HttpBinding, RouteError, RouteGuard};
use protocol::WorkloadPorts;

use super::{
    client::{get, raw},
    fake::{Front, Handler, eventually, front, front_with, within},
};

fn own_port(front: &Front, workload: &str, address: SocketAddr) -> Result<RouteGuard, RouteError> {
    let binding = HttpBinding {
        hostnames: Vec::new(),
        address: Some(address),
    };
    front
        .routes
        .register(Handler::named(workload).share(), binding)
}

fn every_interface() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], testbed::free_port().unwrap()))
}

#[tokio::test]
async fn replicas_of_one_owner_share_a_port_for_any_host() {
    within(async {
        let front = front();
        let asked = every_interface();
        let first = own_port(&front, "default/web-0", asked).unwrap();
        let second = own_port(&front, "default/web-1", asked).unwrap();
        let address = first.address().unwrap();
        assert_eq!(
            address,
            SocketAddr::from(([127, 0, 0, 1], asked.port())),
            "only loopback by default"
        );
        assert_eq!(second.address(), Some(address));
        let mut seen = std::collections::BTreeSet::new();
        for host in ["anything.example", "localhost:1", "127.0.0.1", "x"] {
            let reply = get(address, host).await;
            assert_eq!(reply.status, 200);
            seen.insert(reply.body);
        }
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert_eq!(raw(address, b"GET / HTTP/1.0\r\n\r\n").await.status, 200);
        drop(first);
        assert_eq!(get(address, "x").await.body, "default/web-1");
        drop(second);
        testbed::wait::until(
            std::time::Duration::from_secs(30),
            "the port to be free",
            || async { std::net::TcpListener::bind(address).map(drop) },
        )
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_port_has_one_owner() {
    within(async {
        let front = front();
        let asked = every_interface();
        let _held = own_port(&front, "default/web-0", asked).unwrap();
        for other in ["default/shop-0", "other/web-0"] {
            let error = own_port(&front, other, asked).unwrap_err();
            assert!(matches!(&error, RouteError::PortTaken { holder, .. } if holder.contains("default/web")), "{error}");
        }
        let foreign = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let error = own_port(&front, "default/web-1", foreign.local_addr().unwrap()).unwrap_err();
        assert!(matches!(error, RouteError::PortTaken { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_refused_port_registers_no_name_and_a_refused_name_opens_no_port() {
    within(async {
        let front = front_with(|options| options.workload_ports = WorkloadPorts::none());
        let binding = HttpBinding {
            hostnames: vec!["a.example".to_owned()],
            address: Some(every_interface()),
        };
        let error = front
            .routes
            .register(Handler::named("default/a-0").share(), binding)
            .unwrap_err();
        assert!(
            matches!(&error, RouteError::PortNotAllowed { allowed, .. } if allowed == "none"),
            "{error}"
        );
        assert_eq!(get(front.address, "a.example").await.status, 404);

        let front = super::fake::front();
        let _held = front
            .serve(Handler::named("red/a-0"), &["a.example"])
            .unwrap();
        let asked = every_interface();
        let binding = HttpBinding {
            hostnames: vec!["a.example".to_owned()],
            address: Some(asked),
        };
        assert!(
            front
                .routes
                .register(Handler::named("blue/a-0").share(), binding)
                .is_err()
        );
        std::net::TcpListener::bind(asked).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_listener_can_be_opened_from_another_runtime() {
    within(async {
        let front = front();
        let asked = every_interface();
        let routes = std::sync::Arc::clone(&front.routes);
        let guard = std::thread::spawn(move || {
            let binding = HttpBinding {
                hostnames: vec!["b.example".to_owned()],
                address: Some(asked),
            };
            routes
                .register(Handler::named("default/web-0").share(), binding)
                .unwrap()
        })
        .join()
        .unwrap();
        assert_eq!(get(guard.address().unwrap(), "x").await.status, 200);
        assert_eq!(get(front.address, "b.example").await.status, 200);
        drop(guard);
        eventually("the connection count to settle", || {
            front.metrics().contains("http_connections 0")
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_host_without_an_address_answers_own_ports_only() {
    within(async {
        let mut options = super::fake::options();
        options.address = None;
        let metrics = host::http::HttpMetrics::register(
            &mut prometheus_client::registry::Registry::default(),
        );
        let ingress = host::http::Ingress::start(options, metrics).unwrap();
        assert_eq!(ingress.address(), None);
        let named = HttpBinding {
            hostnames: vec!["a.example".to_owned()],
            address: None,
        };
        let error = ingress
            .routes()
            .register(Handler::named("default/a-0").share(), named)
            .unwrap_err();
        assert!(error.to_string().contains("--http-addr"), "{error}");
        let own = HttpBinding {
            hostnames: Vec::new(),
            address: Some(every_interface()),
        };
        let guard = ingress
            .routes()
            .register(Handler::named("default/a-0").share(), own)
            .unwrap();
        assert_eq!(get(guard.address().unwrap(), "x").await.status, 200);
    })
    .await;
}
