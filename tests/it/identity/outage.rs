//! A server of keys that is down, or answers with something else.

use super::*;
use crate::eventually::until;

/// A server that was fine, and what has verified a token by it.
async fn before() -> (KeyServer, Tokens, String) {
    let server = server();
    let tokens = tokens(&server);
    let token = SIGNERS.ed.token("EdDSA", &claims());
    tokens.verify(&token).await.unwrap();
    (server, tokens, token)
}

/// Makes it look.
async fn look(tokens: &Tokens) {
    let header = r#"{"alg": "EdDSA", "kid": "nobody's"}"#;
    let token = SIGNERS.ed.sign(header, &claims().to_string());
    assert!(invalid(tokens.verify(&token).await).contains("unknown"));
}

#[tokio::test]
async fn the_last_good_keys_stay_in_use() {
    let (server, tokens, token) = before().await;
    let good = json!({"keys": SIGNERS.published()}).to_string();
    let evil = Signer::new("ed", "ED25519");
    let theirs = json!({"keys": [evil.published]}).to_string();
    let elsewhere = KeyServer::start();
    elsewhere.answer("200 OK", theirs.as_bytes());
    let oversize = format!("{}{}", theirs, " ".repeat(1 << 20));
    let redirect = format!("302 Found\r\nLocation: {}", elsewhere.url());
    let only_secret = json!({"keys": [{"kty": "oct", "kid": "ed", "k": "AAAA"}]}).to_string();
    let mut failures = 0;
    for (head, body) in [
        ("200 OK", ""),
        ("200 OK", "<html>maintenance</html>"),
        ("200 OK", "{}"),
        ("200 OK", r#"{"keys": []}"#),
        ("200 OK", r#"{"keys": {"ed": 1}}"#),
        ("200 OK", &only_secret),
        ("200 OK", good.split_at(good.len() / 2).0),
        ("200 OK", &oversize),
        ("204 No Content", ""),
        ("404 Not Found", &theirs),
        ("500 Internal Server Error", &theirs),
        ("201 Created", &theirs),
        (&redirect, ""),
        (
            &redirect.replace("302 Found", "308 Permanent Redirect"),
            &theirs,
        ),
    ] {
        server.answer(head, body.as_bytes());
        look(&tokens).await;
        failures += 1;
        assert_eq!(tokens.health().failures, failures, "{head} {body:.50}");
        tokens.verify(&token).await.unwrap();
        let fresh = SIGNERS
            .p256
            .token("ES256", &claims_with(&json!({"jti": failures})));
        tokens.verify(&fresh).await.unwrap();
        invalid(tokens.verify(&evil.token("EdDSA", &claims())).await);
    }
    assert_eq!(elsewhere.asked(), 0);
    for raw in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{\"keys\": [",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        server.answer_raw(raw);
        look(&tokens).await;
        failures += 1;
        assert_eq!(tokens.health().failures, failures);
        tokens.verify(&token).await.unwrap();
    }
    assert_eq!(tokens.readiness(), Ok(()));
    server.publish(std::slice::from_ref(&evil.published));
    look(&tokens).await;
    assert_eq!(tokens.health().failures, failures);
    invalid(tokens.verify(&token).await);
    tokens
        .verify(&evil.token("EdDSA", &claims()))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_endless_answer_and_none_at_all_are_outages() {
    let server = server();
    let settings = Jwt {
        timeout: Duration::from_secs(2),
        ..settings(&server.url())
    };
    let tokens = Tokens::new(&settings).unwrap();
    let token = SIGNERS.ed.token("EdDSA", &claims());
    tokens.verify(&token).await.unwrap();
    // Without a length, and longer than is read.
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    server.answer_raw(format!("{head}{}", " ".repeat(2 << 20)).as_bytes());
    look(&tokens).await;
    assert_eq!(tokens.health().failures, 1);
    server.hold();
    look(&tokens).await;
    assert_eq!(tokens.health().failures, 2);
    tokens.verify(&token).await.unwrap();
    server.release();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_lasts_makes_tokens_unavailable() {
    let server = server();
    let settings = Jwt {
        max_stale: Duration::from_millis(500),
        ..settings(&server.url())
    };
    let tokens = Tokens::new(&settings).unwrap();
    let token = SIGNERS.ed.token("EdDSA", &claims());
    tokens.verify(&token).await.unwrap();
    server.fail();
    let runtime = tokio::runtime::Handle::current();
    let verify = || runtime.block_on(tokens.verify(&token));
    tokio::task::block_in_place(|| until("no token is valid", || verify().is_err()));
    let result = tokens.verify(&token).await;
    assert!(is_unavailable(&result), "{result:?}");
    let readiness = tokens.readiness().unwrap_err();
    assert!(readiness.contains("could not be looked at"), "{readiness}");
    assert!(tokens.health().last_success.is_some());
    // A text that is no token at all is still invalid.
    invalid(tokens.verify("anna").await);

    server.publish(&SIGNERS.published());
    tokens.verify(&token).await.unwrap();
}

#[tokio::test]
async fn without_keys_nothing_is_taken() {
    let server = KeyServer::start();
    let tokens = tokens(&server);
    assert!(tokens.readiness().unwrap_err().contains("no keys"));
    let token = SIGNERS.ed.token("EdDSA", &claims());
    assert!(is_unavailable(&tokens.verify(&token).await));
    let health = tokens.health();
    assert_eq!(
        (health.keys, health.last_success, health.failures),
        (0, None, 1)
    );
    let settings = Jwt {
        jwks: None,
        ..settings(&server.url())
    };
    assert!(Tokens::new(&settings).is_err());
}
