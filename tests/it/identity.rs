//! Bearer tokens: a real server of keys, real keys, and tokens of all kinds.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use peppol_authz_server::config::{Algorithm, Config, Jwks, Jwt};
use peppol_authz_server::identity::{TokenError, Tokens, Verified};
use serde_json::{Value, json};

use key_server::KeyServer;
use signer::Signer;

mod claimed;
mod forged;
mod issuers;
pub(crate) mod key_server;
mod keys_change;
mod outage;
mod providers;
mod signer;
mod tls;

pub(crate) const ISSUER: &str = "https://login.example.com/";
pub(crate) const AUDIENCE: &str = "peppol";

/// Keys of every kind; making them takes a while.
struct Signers {
    rsa: Signer,
    p256: Signer,
    p384: Signer,
    ed: Signer,
}

static SIGNERS: LazyLock<Signers> = LazyLock::new(|| Signers {
    rsa: Signer::new("rsa", "RSA|-pkeyopt|rsa_keygen_bits:2048"),
    p256: Signer::new("p256", "EC|-pkeyopt|ec_paramgen_curve:P-256"),
    p384: Signer::new("p384", "EC|-pkeyopt|ec_paramgen_curve:P-384"),
    ed: Signer::new("ed", "ED25519"),
});

impl Signers {
    /// Their public parts.
    fn published(&self) -> Vec<Value> {
        let all = [&self.rsa, &self.p256, &self.p384, &self.ed];
        all.map(|signer| signer.published.clone()).to_vec()
    }
}

/// A server that has published the keys of all [`SIGNERS`].
fn server() -> KeyServer {
    let server = KeyServer::start();
    server.publish(&SIGNERS.published());
    server
}

/// Where an unknown key is looked for each time, and nothing is taken before it is time.
fn settings(jwks: &str) -> Jwt {
    Jwt {
        jwks: Some(Jwks::try_from(jwks.to_owned()).unwrap()),
        issuer: vec![ISSUER.to_owned()],
        audience: vec!["other".to_owned(), AUDIENCE.to_owned()],
        algorithms: Algorithm::ALL.to_vec(),
        min_refresh: Duration::ZERO,
        timeout: Duration::from_secs(10),
        ..Config::defaults().unwrap().jwt
    }
}

fn tokens(server: &KeyServer) -> Tokens {
    Tokens::new(&settings(&server.url())).unwrap()
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// The claims of a good token.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "anna",
        "iat": now() - 1, "nbf": now() - 1, "exp": now() + 600,
    })
}

/// The claims of a good token with some of them changed; null takes one away.
fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// Why a token is not taken: the token itself, not that keys are missing.
fn invalid(result: Result<Arc<Verified>, TokenError>) -> &'static str {
    match result {
        Err(TokenError::Invalid(refused)) => refused.reason,
        other => panic!("{other:?}"),
    }
}

fn is_unavailable(result: &Result<Arc<Verified>, TokenError>) -> bool {
    matches!(result, Err(TokenError::Unavailable(_)))
}

#[tokio::test]
async fn a_token_of_every_algorithm_is_taken_and_remembered() {
    let server = server();
    let tokens = tokens(&server);
    let of_rsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    let others = [
        ("ES256", &SIGNERS.p256),
        ("ES384", &SIGNERS.p384),
        ("EdDSA", &SIGNERS.ed),
    ];
    let all = of_rsa
        .map(|name| (name, &SIGNERS.rsa))
        .into_iter()
        .chain(others);
    for (algorithm, signer) in all {
        let token = signer.token(algorithm, &claims());
        let first = tokens.verify(&token).await.unwrap();
        assert_eq!(first.designation.kind, "User", "{algorithm}");
        assert_eq!(first.designation.value, "anna");
        assert_eq!(first.designation.attribute, None);
        assert_eq!(first.claims["iss"], ISSUER);
        let second = tokens.verify(&token).await.unwrap();
        assert!(Arc::ptr_eq(&first, &second), "{algorithm}");
    }
    assert_eq!(server.asked(), 1);
    let health = tokens.health();
    assert_eq!((health.keys, health.failures), (4, 0));
    assert!(health.last_success.is_some());
    assert_eq!(tokens.readiness(), Ok(()));
}

#[tokio::test]
async fn what_is_not_in_the_list_of_algorithms_is_refused() {
    let server = server();
    let tokens = Tokens::new(&Jwt {
        algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
        ..settings(&server.url())
    })
    .unwrap();
    for (algorithm, signer) in [("RS256", &SIGNERS.rsa), ("ES256", &SIGNERS.p256)] {
        let token = signer.token(algorithm, &claims());
        tokens.verify(&token).await.unwrap();
    }
    for (algorithm, signer) in [
        ("RS384", &SIGNERS.rsa),
        ("PS256", &SIGNERS.rsa),
        ("ES384", &SIGNERS.p384),
        ("EdDSA", &SIGNERS.ed),
    ] {
        let token = signer.token(algorithm, &claims());
        let reason = invalid(tokens.verify(&token).await);
        assert!(reason.contains("not allowed"), "{algorithm}: {reason}");
    }
}

#[tokio::test]
async fn keys_may_come_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    let tokens = Tokens::new(&settings(path.to_str().unwrap())).unwrap();
    let token = SIGNERS.ed.token("EdDSA", &claims());
    assert!(is_unavailable(&tokens.verify(&token).await));
    assert!(tokens.readiness().is_err());
    std::fs::write(&path, json!({"keys": SIGNERS.published()}).to_string()).unwrap();
    tokens.verify(&token).await.unwrap();
    assert_eq!(tokens.readiness(), Ok(()));
    // Neither a directory nor a pipe, which would be waited for.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let tokens = Tokens::new(&settings(path.to_str().unwrap())).unwrap();
    assert!(is_unavailable(&tokens.verify(&token).await));
}
