use testbed::registry::{PASSWORD, Registry, USER};
use testbed::tls::Authority;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The status line of `GET /v2/`, in clear text.
async fn status(registry: &Registry, credentials: Option<&str>) -> String {
    let mut stream = tokio::net::TcpStream::connect(registry.address())
        .await
        .unwrap();
    let login = credentials
        .map(|basic| format!("Authorization: Basic {basic}\r\n"))
        .unwrap_or_default();
    let request = format!("GET /v2/ HTTP/1.0\r\nHost: registry\r\n{login}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn answers_in_clear_text_without_a_login() {
    let registry = Registry::start().await.unwrap();
    assert!(status(&registry, None).await.ends_with("200 OK"));
    assert_eq!(
        registry.image("a/b:1"),
        format!("{}/a/b:1", registry.address())
    );
}

#[tokio::test]
async fn asks_for_the_one_login() {
    use base64::Engine as _;
    let registry = Registry::options().authenticated().start().await.unwrap();
    let encode = |password: &str| {
        base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{password}"))
    };
    assert!(status(&registry, None).await.ends_with("401 Unauthorized"));
    assert!(
        status(&registry, Some(&encode("wrong")))
            .await
            .ends_with("401 Unauthorized")
    );
    assert!(
        status(&registry, Some(&encode(PASSWORD)))
            .await
            .ends_with("200 OK")
    );
}

#[tokio::test]
async fn speaks_only_tls_when_asked_to() {
    let registry = Registry::options().tls().start().await.unwrap();
    assert!(status(&registry, None).await.ends_with("400 Bad Request"));
    assert_ne!(
        registry.authority().certificate(),
        Authority::new("another").unwrap().certificate()
    );
    assert!(registry.ca_file().is_file());
}
