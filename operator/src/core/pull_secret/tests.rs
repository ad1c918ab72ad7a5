use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

fn keyring(configs: &[Value]) -> Keyring {
    let mut keyring = Keyring::default();
    for config in configs {
        let text = config.to_string().into_bytes();
        let data = BTreeMap::from([(".dockerconfigjson".to_owned(), ByteString(text))]);
        keyring.add(&data).unwrap();
    }
    keyring
}

fn user(image: &str, configs: &[Value]) -> Option<String> {
    keyring(configs).find(image).unwrap().map(|l| l.username)
}

fn entry(name: &str) -> Value {
    json!({"username": name, "password": "p"})
}

#[test]
fn the_most_specific_entry_that_matches_wins() {
    let config = json!({"auths": {
        "registry.example": entry("all"),
        "registry.example/team": entry("team"),
        "*.internal.example:5000": entry("wild"),
        "eu.internal.example:5000": entry("literal"),
        "https://ghcr.example/v2/": entry("api"),
        "https://index.docker.io/v1/": entry("hub"),
    }});
    for (image, expected) in [
        ("registry.example/other/app:1", Some("all")),
        ("registry.example/team/app:1", Some("team")),
        ("registry.example/teammate/app", Some("all")),
        ("registry.example/team", Some("team")),
        ("us.internal.example:5000/app@sha256:00", Some("wild")),
        ("eu.internal.example:5000/app", Some("literal")),
        ("eu.internal.example/app", None),
        ("a.b.internal.example:5000/app", None),
        ("Ghcr.example/app", Some("api")),
        ("nginx", Some("hub")),
        ("user/app:1", Some("hub")),
        ("ghcr.io/x/y:1", None),
    ] {
        let found = user(image, std::slice::from_ref(&config));
        assert_eq!(found.as_deref(), expected, "{image}");
    }
}

#[test]
fn several_secrets_are_one_keyring_and_the_first_of_equals_is_used() {
    let first = json!({"auths": {"r.example": entry("first"), "a.example": {}}});
    let second = json!({"auths": {"r.example": entry("second"), "r.example/x": entry("x"), "a.example": entry("a")}});
    let both = [first, second];
    assert_eq!(user("r.example/y", &both).as_deref(), Some("first"));
    assert_eq!(user("r.example/x/y", &both).as_deref(), Some("x"));
    // An entry that holds nothing hides nothing.
    assert_eq!(user("a.example/y", &both).as_deref(), Some("a"));
}

#[test]
fn auth_is_decoded_and_emptiness_sends_nothing() {
    let config =
        json!({"auths": {"r.example": {"auth": STANDARD.encode("u:p:q")}, "e.example": {}}});
    let ring = keyring(&[config]);
    let login = ring.find("r.example/a").unwrap().unwrap();
    assert_eq!(
        (login.username.as_str(), login.password.as_str()),
        ("u", "p:q")
    );
    assert_eq!(ring.find("e.example/a"), Ok(None));
    assert!(!format!("{login:?}").contains('q'));
}

#[test]
fn tokens_are_kept() {
    let config = json!({"auths": {
        "i.example": {"username": "me", "identitytoken": "refresh"},
        "n.example": {"identitytoken": "refresh"},
        "r.example": {"auth": STANDARD.encode("u:p"), "registrytoken": "bearer"},
    }});
    let ring = keyring(&[config]);
    let identity = ring.find("i.example/a").unwrap().unwrap();
    assert_eq!(
        (identity.username.as_str(), identity.password.as_str()),
        ("me", "refresh")
    );
    assert_eq!(
        ring.find("n.example/a").unwrap().unwrap().username,
        "<token>"
    );
    let token = ring.find("r.example/a").unwrap().unwrap();
    assert_eq!(token.registry_token.as_deref(), Some("bearer"));
    assert!(token.password.is_empty());
}

#[test]
fn both_formats_are_read_and_nonsense_is_refused_by_name() {
    let mut ring = Keyring::default();
    let old = json!({"r.example": entry("old")}).to_string().into_bytes();
    ring.add(&BTreeMap::from([(
        ".dockercfg".to_owned(),
        ByteString(old),
    )]))
    .unwrap();
    assert_eq!(ring.find("r.example/a").unwrap().unwrap().username, "old");

    let nonsense = BTreeMap::from([(
        ".dockerconfigjson".to_owned(),
        ByteString(b"user:pass".to_vec()),
    )]);
    assert_eq!(ring.add(&nonsense), Err(PullSecretError::NotDockerConfig));
    assert_eq!(
        ring.add(&BTreeMap::new()),
        Err(PullSecretError::NotDockerConfig)
    );
    let config = json!({"auths": {"b.example": {"auth": "!"}}});
    assert_eq!(
        keyring(&[config]).find("b.example/a"),
        Err(PullSecretError::BadAuth)
    );
}
