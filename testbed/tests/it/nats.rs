use std::time::Duration;

use testbed::nats::NatsServer;
use testbed::wait;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_message_travels_and_the_port_survives_an_outage() {
    let mut server = NatsServer::start().await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    client.publish("subject", "payload".into()).await.unwrap();
    client.flush().await.unwrap();
    server.stop();
    wait::until(SOON, "a refused connection", || async {
        match async_nats::connect(server.url()).await {
            Ok(_) => Err("connected"),
            Err(_) => Ok(()),
        }
    })
    .await
    .unwrap();
    server.start_again().await.unwrap();
    async_nats::connect(server.url()).await.unwrap();
}

#[tokio::test]
async fn jetstream_stores() {
    let server = NatsServer::options().jetstream().start().await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    let stored = wait::within(SOON, "storing", async {
        let jetstream = async_nats::jetstream::new(client);
        let bucket = async_nats::jetstream::kv::Config {
            bucket: "b".to_owned(),
            ..Default::default()
        };
        let bucket = jetstream.create_key_value(bucket).await.unwrap();
        bucket.put("key", "value".into()).await.unwrap();
        bucket.get("key").await.unwrap().unwrap()
    })
    .await
    .unwrap();
    assert_eq!(stored, "value");
}

#[tokio::test]
async fn only_the_right_user_gets_in() {
    let server = NatsServer::options()
        .user("operator", "secret")
        .start()
        .await
        .unwrap();
    let refused = async_nats::connect(server.url()).await.unwrap_err();
    assert!(refused.to_string().contains("authorization"), "{refused}");
    let options =
        async_nats::ConnectOptions::with_user_and_password("operator".into(), "secret".into());
    options.connect(server.url()).await.unwrap();
}

#[tokio::test]
async fn client_certificates_are_asked_for() {
    let server = NatsServer::options()
        .client_certificates()
        .start()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let identity = server.authority().client("host", &[]).unwrap();
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate, &identity.certificate).unwrap();
    std::fs::write(&key, &identity.key).unwrap();
    let options = || async_nats::ConnectOptions::new().add_root_certificates(server.ca_file());
    assert!(options().connect(server.url()).await.is_err());
    options()
        .add_client_certificate(certificate, key)
        .connect(server.url())
        .await
        .unwrap();
}
