use std::sync::atomic::Ordering;

use host::net::{AddressPolicy, EgressError, EgressOptions};
use http::Request;

use super::fake::{Names, Server, client, config, fetch, policy};
use crate::http::fake::{full, within};

#[tokio::test]
async fn only_listed_hosts_are_asked() {
    within(async {
        let server = Server::describing().await;
        let names = Names::new(&[("api.example", &[&["127.0.0.1"]]), ("evil.example", &[&["127.0.0.1"]])]);
        let client = client(config(), &names);
        let allowed = policy(&["api.example"]);
        let answer = fetch(&client, &allowed, &server.url("API.example")).await.unwrap();
        assert_eq!(answer, format!("HTTP/1.1 api.example:{} /path?q=1", server.address.port()));
        let denied = fetch(&client, &allowed, &server.url("evil.example")).await.unwrap_err();
        assert!(matches!(&denied, EgressError::HostDenied { target } if target.contains("evil.example")), "{denied}");
        assert!(matches!(fetch(&client, &policy(&[]), &server.url("api.example")).await, Err(EgressError::HostDenied { .. })));
        assert_eq!(names.asked.load(Ordering::SeqCst), 1, "a refused name is not even resolved");
    })
    .await;
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_after_resolution() {
    within(async {
        let server = Server::describing().await;
        for (address, range) in [
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("169.254.169.254", "cloud metadata"),
            ("169.254.1.1", "link-local"),
            ("10.0.0.1", "private"),
            ("fd00:ec2::254", "cloud metadata"),
            ("0.0.0.0", "unspecified"),
        ] {
            let names = Names::new(&[("rebind.example", &[&[address]])]);
            let mut strict = config();
            strict.addresses = AddressPolicy::default();
            let denied = fetch(
                &client(strict, &names),
                &policy(&["*"]),
                &server.url("rebind.example"),
            )
            .await
            .unwrap_err();
            assert!(
                matches!(&denied, EgressError::AddressDenied { range: own, .. } if *own == range),
                "{address}: {denied}"
            );
        }
        assert_eq!(server.seen(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_address_written_in_an_odd_way_is_still_that_address() {
    within(async {
        let server = Server::describing().await;
        let mut strict = config();
        strict.addresses = AddressPolicy::default();
        let client = client(strict, &Names::new(&[]));
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f000001",
            "2130706433",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            let denied = fetch(&client, &policy(&["*"]), &server.url(host))
                .await
                .unwrap_err();
            assert!(
                matches!(
                    denied,
                    EgressError::AddressDenied {
                        range: "loopback",
                        ..
                    }
                ),
                "{host}: {denied}"
            );
        }
        assert_eq!(server.seen(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_checked_is_what_is_dialled() {
    within(async {
        let server = Server::describing().await;
        // First a reachable address, then a forbidden one: a second look-up would be the attack.
        let names = Names::new(&[("rebind.example", &[&["127.0.0.1"], &["169.254.169.254"]])]);
        let client = client(config(), &names);
        fetch(&client, &policy(&["*"]), &server.url("rebind.example"))
            .await
            .unwrap();
        assert_eq!((names.asked.load(Ordering::SeqCst), server.seen()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn of_several_addresses_only_the_permitted_are_tried() {
    within(async {
        let server = Server::describing().await;
        let names = Names::new(&[(
            "mixed.example",
            &[&["169.254.169.254", "10.0.0.1", "127.0.0.1"]],
        )]);
        fetch(
            &client(config(), &names),
            &policy(&["*"]),
            &server.url("mixed.example"),
        )
        .await
        .unwrap();
        assert_eq!(server.seen(), 1);
    })
    .await;
}

#[tokio::test]
async fn names_without_an_address_and_closed_ports_have_their_own_errors() {
    within(async {
        let client = client(
            config(),
            &Names::new(&[("empty.example", &[&[]]), ("up.example", &[&["127.0.0.1"]])]),
        );
        let all = policy(&["*"]);
        for name in ["missing.example", "empty.example"] {
            let error = fetch(&client, &all, &format!("http://{name}/"))
                .await
                .unwrap_err();
            assert!(
                matches!(&error, EgressError::Dns { host, .. } if host == name),
                "{error}"
            );
        }
        let port = testbed::free_port().unwrap();
        let error = fetch(&client, &all, &format!("http://up.example:{port}/"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, EgressError::ConnectionRefused { .. }),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_guest_cannot_name_another_host_or_a_user() {
    within(async {
        let server = Server::describing().await;
        let client = client(config(), &Names::new(&[("api.example", &[&["127.0.0.1"]])]));
        let allowed = policy(&["api.example"]);
        let request = Request::builder()
            .uri(server.url("api.example"))
            .header("host", "internal.example")
            .header("connection", "x-secret")
            .header("x-secret", "hop")
            .body(full(""))
            .unwrap();
        let response = client
            .send(&allowed, request, EgressOptions::default())
            .await
            .unwrap();
        let text = http_body_util::BodyExt::collect(response.into_body())
            .await
            .unwrap()
            .to_bytes();
        assert!(text.starts_with(b"HTTP/1.1 api.example:"), "{text:?}");
        let error = fetch(&client, &allowed, "http://api.example@evil.example/")
            .await
            .unwrap_err();
        assert!(matches!(error, EgressError::InvalidRequest(_)), "{error}");
    })
    .await;
}
