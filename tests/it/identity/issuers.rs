//! Several issuers: a key is its issuer's, and verifies no token of another.

use peppol_authz_server::config::JwtIssuer;

use super::*;

const OTHER: &str = "https://other.example.com/";

/// An issuer with keys of its own, whose tokens name users.
fn issuer(name: &str, jwks: &str) -> JwtIssuer {
    let user = json!({"type": "User", "claim": "sub"});
    let entry = json!({"issuer": name, "jwks": jwks, "audience": [AUDIENCE], "principal": [user]});
    serde_json::from_value(entry).unwrap()
}

/// With these issuers and no other.
fn of(issuers: Vec<JwtIssuer>) -> Tokens {
    let settings = Jwt {
        jwks: None,
        issuer: Vec::new(),
        issuers,
        ..settings("unused")
    };
    Tokens::new(&settings).unwrap()
}

/// A token by the key of somebody, in the name of somebody.
fn by(signer: &Signer, algorithm: &str, issuer: &str) -> String {
    signer.token(algorithm, &claims_with(&json!({"iss": issuer})))
}

#[tokio::test]
async fn a_key_of_one_issuer_signs_nothing_for_another() {
    let (ours, theirs) = (KeyServer::start(), KeyServer::start());
    // The same kid, so that it is not the name that keeps them apart.
    let other = Signer::new("ed", "ED25519");
    ours.publish(&[SIGNERS.ed.published.clone(), SIGNERS.rsa.published.clone()]);
    theirs.publish(&[other.published.clone(), SIGNERS.p256.published.clone()]);
    let tokens = of(vec![
        issuer(ISSUER, &ours.url()),
        issuer(OTHER, &theirs.url()),
    ]);
    for token in [
        by(&SIGNERS.ed, "EdDSA", ISSUER),
        by(&SIGNERS.rsa, "RS256", ISSUER),
        by(&other, "EdDSA", OTHER),
        by(&SIGNERS.p256, "ES256", OTHER),
    ] {
        for _ in 0..2 {
            tokens.verify(&token).await.unwrap();
        }
    }
    for (token, words) in [
        (by(&other, "EdDSA", ISSUER), "signature"),
        (by(&SIGNERS.ed, "EdDSA", OTHER), "signature"),
        (by(&SIGNERS.p256, "ES256", ISSUER), "unknown"),
        (by(&SIGNERS.rsa, "RS256", OTHER), "unknown"),
        (
            by(&SIGNERS.rsa, "RS256", "https://third.example.com/"),
            "issuer",
        ),
    ] {
        assert!(
            invalid(tokens.verify(&token).await).contains(words),
            "{words}"
        );
    }
    assert_eq!(tokens.health().keys, 4);
}

#[tokio::test]
async fn a_set_that_issuers_share_says_which_key_is_whose() {
    let server = KeyServer::start();
    let shared = Jwt {
        issuer: vec![ISSUER.to_owned(), OTHER.to_owned()],
        ..settings(&server.url())
    };
    // Nobody knows whose they are, so they are nobody's.
    server.publish(&SIGNERS.published());
    let tokens = Tokens::new(&shared).unwrap();
    for name in [ISSUER, OTHER] {
        for (signer, algorithm) in [(&SIGNERS.ed, "EdDSA"), (&SIGNERS.rsa, "RS256")] {
            let reason = invalid(tokens.verify(&by(signer, algorithm, name)).await);
            assert!(reason.contains("not its issuer's own"), "{reason}");
        }
        let nameless = claims_with(&json!({"iss": name})).to_string();
        let nameless = SIGNERS.ed.sign(r#"{"alg": "EdDSA"}"#, &nameless);
        assert!(invalid(tokens.verify(&nameless).await).contains("none fits"));
    }
    server.publish(&[
        SIGNERS.ed.published_with(&json!({"issuer": ISSUER})),
        SIGNERS.p256.published_with(&json!({"issuer": OTHER})),
        SIGNERS.rsa.published.clone(),
    ]);
    let tokens = Tokens::new(&shared).unwrap();
    tokens
        .verify(&by(&SIGNERS.ed, "EdDSA", ISSUER))
        .await
        .unwrap();
    tokens
        .verify(&by(&SIGNERS.p256, "ES256", OTHER))
        .await
        .unwrap();
    for token in [
        by(&SIGNERS.ed, "EdDSA", OTHER),
        by(&SIGNERS.p256, "ES256", ISSUER),
        by(&SIGNERS.rsa, "RS256", ISSUER),
        by(&SIGNERS.rsa, "RS256", OTHER),
    ] {
        let reason = invalid(tokens.verify(&token).await);
        assert!(reason.contains("not its issuer's own"), "{reason}");
    }
}

#[tokio::test]
async fn a_key_of_a_tenant_signs_nothing_for_another() {
    let name = |tenant: &str| format!("https://login.example/{tenant}/v2.0");
    let server = KeyServer::start();
    server.publish(&[
        SIGNERS
            .rsa
            .published_with(&json!({"issuer": name("{tenantid}")})),
        SIGNERS
            .ed
            .published_with(&json!({"issuer": name("guests")})),
    ]);
    let token = |signer: &Signer, algorithm: &str, tenant: &str, tid: Value| {
        signer.token(
            algorithm,
            &claims_with(&json!({"iss": name(tenant), "tid": tid})),
        )
    };
    let several = Tokens::new(&Jwt {
        issuer: vec![name("a"), name("b"), name("guests")],
        ..settings(&server.url())
    })
    .unwrap();
    let alone = of(vec![issuer(&name("a"), &server.url())]);
    for tokens in [&several, &alone] {
        let good = token(&SIGNERS.rsa, "RS256", "a", json!("a"));
        tokens.verify(&good).await.unwrap();
        for (tenant, tid) in [
            ("a", json!("b")),
            ("a", json!(null)),
            ("a", json!("{tenantid}")),
            ("a", json!(["a"])),
            ("c", json!("c")),
            ("{tenantid}", json!("{tenantid}")),
        ] {
            let token = token(&SIGNERS.rsa, "RS256", tenant, tid.clone());
            invalid(tokens.verify(&token).await);
        }
        let guests = token(&SIGNERS.ed, "EdDSA", "a", json!("a"));
        invalid(tokens.verify(&guests).await);
    }
    let guest = token(&SIGNERS.ed, "EdDSA", "guests", json!("guests"));
    several.verify(&guest).await.unwrap();
    invalid(alone.verify(&guest).await);
}

#[tokio::test]
async fn what_an_issuer_needs_is_its_own() {
    let server = server();
    let narrow = JwtIssuer {
        algorithms: vec![Algorithm::EdDsa],
        types: vec!["application/Special+JWT".to_owned()],
        audience: vec!["narrow".to_owned()],
        principal: serde_json::from_value(json!([{"type": "Robot", "claim": "/client/id"}]))
            .unwrap(),
        require: serde_json::from_value(json!({"token_use": "access"})).unwrap(),
        ..issuer(OTHER, &server.url())
    };
    // Two entries may say that they have the same keys, which are looked at once.
    let tokens = of(vec![issuer(ISSUER, &server.url()), narrow]);
    tokens
        .verify(&by(&SIGNERS.ed, "EdDSA", ISSUER))
        .await
        .unwrap();
    let good = json!({
        "iss": OTHER, "aud": "narrow", "client": {"id": "r2"}, "token_use": "access", "sub": null,
    });
    let token = |signer: &Signer, typ: &str, algorithm: &str, changes: Value| {
        let mut claims = claims_with(&good);
        claims
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let header = json!({"alg": algorithm, "typ": typ, "kid": signer.kid});
        signer.sign(&header.to_string(), &claims.to_string())
    };
    let special = token(&SIGNERS.ed, "special+jwt", "EdDSA", json!({}));
    let found = tokens.verify(&special).await.unwrap();
    assert_eq!(
        (&*found.designation.kind, &*found.designation.value),
        ("Robot", "r2")
    );
    for (typ, signer, algorithm, changes, words) in [
        ("JWT", &SIGNERS.ed, "EdDSA", json!({}), "type"),
        ("at+jwt", &SIGNERS.ed, "EdDSA", json!({}), "type"),
        (
            "special+jwt",
            &SIGNERS.p256,
            "ES256",
            json!({}),
            "not allowed",
        ),
        (
            "special+jwt",
            &SIGNERS.ed,
            "EdDSA",
            json!({"aud": AUDIENCE}),
            "audience",
        ),
        (
            "special+jwt",
            &SIGNERS.ed,
            "EdDSA",
            json!({"token_use": "id"}),
            "require",
        ),
        (
            "special+jwt",
            &SIGNERS.ed,
            "EdDSA",
            json!({"client": {}, "sub": "x"}),
            "missing",
        ),
        (
            "special+jwt",
            &SIGNERS.ed,
            "EdDSA",
            json!({"iss": ISSUER}),
            "type",
        ),
    ] {
        let token = token(signer, typ, algorithm, changes);
        let reason = invalid(tokens.verify(&token).await);
        assert!(reason.contains(words), "{words}: {reason}");
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn an_issuer_that_is_down_takes_no_other_with_it() {
    let (up, down) = (server(), KeyServer::start());
    let tokens = of(vec![issuer(ISSUER, &up.url()), issuer(OTHER, &down.url())]);
    assert!(tokens.readiness().is_err());
    tokens
        .verify(&by(&SIGNERS.ed, "EdDSA", ISSUER))
        .await
        .unwrap();
    assert!(is_unavailable(
        &tokens.verify(&by(&SIGNERS.ed, "EdDSA", OTHER)).await
    ));
    assert_eq!(tokens.readiness(), Ok(()));
    let health = tokens.health();
    assert_eq!(
        (health.keys, health.last_success, health.failures),
        (4, None, 1)
    );
}
