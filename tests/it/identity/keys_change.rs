//! Keys that change, and how often they are looked at.

use super::*;

#[tokio::test]
async fn a_new_key_is_found_and_one_that_is_gone_is_gone() {
    let server = KeyServer::start();
    server.publish(std::slice::from_ref(&SIGNERS.ed.published));
    let tokens = tokens(&server);
    let [old, new, newest] = [
        ("EdDSA", &SIGNERS.ed),
        ("ES256", &SIGNERS.p256),
        ("RS256", &SIGNERS.rsa),
    ]
    .map(|(algorithm, signer)| signer.token(algorithm, &claims()));
    tokens.verify(&old).await.unwrap();
    assert!(invalid(tokens.verify(&new).await).contains("unknown"));
    assert_eq!(server.asked(), 2);

    server.publish(&[SIGNERS.ed.published.clone(), SIGNERS.p256.published.clone()]);
    tokens.verify(&new).await.unwrap();
    tokens.verify(&old).await.unwrap();
    assert_eq!(server.asked(), 3);

    server.publish(&[
        SIGNERS.p256.published.clone(),
        SIGNERS.rsa.published.clone(),
    ]);
    tokens.verify(&newest).await.unwrap();
    assert!(invalid(tokens.verify(&old).await).contains("unknown"));
    tokens.verify(&new).await.unwrap();
}

#[tokio::test]
async fn a_key_is_exchanged_under_its_kid() {
    let server = server();
    let tokens = tokens(&server);
    let token = SIGNERS.ed.token("EdDSA", &claims());
    tokens.verify(&token).await.unwrap();
    let other = Signer::new("ed", "ED25519");
    server.publish(&[SIGNERS.p256.published.clone(), other.published.clone()]);
    // A key that is unknown makes it look.
    let stranger = other.sign(r#"{"alg": "EdDSA", "kid": "x"}"#, &claims().to_string());
    invalid(tokens.verify(&stranger).await);
    assert!(invalid(tokens.verify(&token).await).contains("signature"));
    let token = other.token("EdDSA", &claims());
    tokens.verify(&token).await.unwrap();
}

#[tokio::test]
async fn a_kid_of_two_keys_names_both_and_no_kid_one_of_one() {
    let server = KeyServer::start();
    let other = Signer::new("ed", "ED25519");
    server.publish(&[
        SIGNERS.ed.published.clone(),
        other.published.clone(),
        SIGNERS.p256.published.clone(),
    ]);
    let tokens = tokens(&server);
    for signer in [&SIGNERS.ed, &other] {
        let token = signer.token("EdDSA", &claims());
        tokens.verify(&token).await.unwrap();
        let nameless = signer.sign(r#"{"alg": "EdDSA"}"#, &claims().to_string());
        let reason = invalid(tokens.verify(&nameless).await);
        assert!(reason.contains("several fit"), "{reason}");
    }
    let stranger = Signer::new("ed", "ED25519").token("EdDSA", &claims());
    assert!(invalid(tokens.verify(&stranger).await).contains("signature"));
    let nameless = SIGNERS
        .p256
        .sign(r#"{"alg": "ES256"}"#, &claims().to_string());
    tokens.verify(&nameless).await.unwrap();
    let nameless = SIGNERS
        .rsa
        .sign(r#"{"alg": "RS256"}"#, &claims().to_string());
    assert!(invalid(tokens.verify(&nameless).await).contains("none fits"));
    assert_eq!(server.asked(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_waits_for_one_look() {
    let server = server();
    server.publish(std::slice::from_ref(&SIGNERS.p256.published));
    let tokens = Arc::new(tokens(&server));
    let known = SIGNERS.p256.token("ES256", &claims());
    tokens.verify(&known).await.unwrap();
    server.publish(&SIGNERS.published());
    server.hold();
    let ask = |id: usize| {
        let tokens = Arc::clone(&tokens);
        let token = SIGNERS.ed.token("EdDSA", &claims_with(&json!({"jti": id})));
        tokio::spawn(async move { tokens.verify(&token).await })
    };
    let first = ask(0);
    tokio::task::block_in_place(|| server.wait_until_asked(2));
    let crowd: Vec<_> = (1..50).map(ask).collect();
    // One that is given up breaks nothing off.
    first.abort();
    // Tokens by keys that are there wait for nobody.
    tokens.verify(&known).await.unwrap();
    let fresh = SIGNERS
        .p256
        .token("ES256", &claims_with(&json!({"jti": "x"})));
    tokens.verify(&fresh).await.unwrap();
    assert_eq!(server.asked(), 2);
    server.release();
    for one in crowd {
        one.await.unwrap().unwrap();
    }
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn many_bad_tokens_are_not_many_looks() {
    let server = server();
    let settings = Jwt {
        min_refresh: Duration::from_secs(3600),
        ..settings(&server.url())
    };
    let tokens = Tokens::new(&settings).unwrap();
    let stranger = Signer::new("stranger", "ED25519");
    for id in 0..100 {
        let header = json!({"alg": "EdDSA", "kid": format!("k{id}")}).to_string();
        let token = stranger.sign(&header, &claims().to_string());
        assert!(invalid(tokens.verify(&token).await).contains("unknown"));
    }
    assert_eq!(server.asked(), 1);
    tokens
        .verify(&SIGNERS.ed.token("EdDSA", &claims()))
        .await
        .unwrap();

    // The same where there are no keys at all.
    let down = KeyServer::start();
    let jwks = Some(Jwks::try_from(down.url()).unwrap());
    let tokens = Tokens::new(&Jwt { jwks, ..settings }).unwrap();
    for id in 0..100 {
        let token = stranger.token("EdDSA", &claims_with(&json!({"jti": id})));
        assert!(is_unavailable(&tokens.verify(&token).await));
    }
    assert_eq!(down.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_followed_without_a_token_that_wants_them() {
    let server = KeyServer::start();
    let settings = Jwt {
        refresh: Duration::from_millis(10),
        min_refresh: Duration::from_secs(3600),
        ..settings(&server.url())
    };
    let tokens = Arc::new(Tokens::new(&settings).unwrap());
    let follower = Arc::clone(&tokens);
    let following = tokio::spawn(async move { follower.follow(&std::sync::Arc::default()).await });
    tokio::task::block_in_place(|| server.wait_until_asked(3));
    assert!(tokens.readiness().unwrap_err().contains("no keys"));
    let old = SIGNERS.ed.token("EdDSA", &claims());
    assert!(is_unavailable(&tokens.verify(&old).await));

    let published = |keys: &[Value]| {
        server.publish(keys);
        // The look that is under way, and one that begins after it.
        let asked = server.asked() + 2;
        tokio::task::block_in_place(|| server.wait_until_asked(asked));
    };
    published(std::slice::from_ref(&SIGNERS.ed.published));
    assert_eq!(tokens.readiness(), Ok(()));
    tokens.verify(&old).await.unwrap();
    assert!(tokens.health().failures >= 2);

    published(std::slice::from_ref(&SIGNERS.p256.published));
    assert!(invalid(tokens.verify(&old).await).contains("unknown"));
    tokens
        .verify(&SIGNERS.p256.token("ES256", &claims()))
        .await
        .unwrap();
    following.abort();
}
