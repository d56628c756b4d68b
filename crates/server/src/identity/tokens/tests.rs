//! Tokens that are remembered, and how long.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::*;
use crate::config::{Config, Jwks};

/// A key of Ed25519 from a seed: how it signs, and its public part with a kid.
fn key(kid: &str, seed: u8) -> (Ed25519KeyPair, Value) {
    let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let x = URL_SAFE_NO_PAD.encode(key.public_key());
    (
        key,
        json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x}),
    )
}

fn token(key: &Ed25519KeyPair, kid: &str, expires: f64) -> String {
    token_with(key, kid, json!({"exp": expires}))
}

/// A good token that says this too.
fn token_with(key: &Ed25519KeyPair, kid: &str, more: Value) -> String {
    let part = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let header = part(json!({"alg": "EdDSA", "kid": kid}));
    let mut claims = json!({"iss": "i", "aud": "a", "sub": "anna"});
    claims
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let signed = format!("{header}.{}", part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn write(path: &Path, keys: &[&Value]) {
    std::fs::write(path, json!({"keys": keys}).to_string()).unwrap();
}

fn tokens(path: &Path) -> Tokens {
    Tokens::new(&Jwt {
        jwks: Some(Jwks::File(path.to_owned())),
        issuer: vec!["i".to_owned()],
        audience: vec!["a".to_owned()],
        min_refresh: Duration::ZERO,
        leeway: Duration::from_secs(30),
        max_stale: Duration::from_secs(3600),
        ..Config::defaults().unwrap().jwt
    })
    .unwrap()
}

fn later(now: TokenClock, seconds: u32) -> TokenClock {
    TokenClock {
        wall: now.wall + f64::from(seconds),
        moment: now.moment.plus(Duration::from_secs(seconds.into())),
    }
}

fn reason(result: Result<Arc<Verified>, TokenError>) -> &'static str {
    match result.unwrap_err() {
        TokenError::Invalid(refused) => refused.reason,
        TokenError::Unavailable(reason) | TokenError::NotIntrospected(reason) => reason,
    }
}

#[tokio::test]
async fn a_token_that_is_kept_expires_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    let (key, public) = key("k", 1);
    write(&path, &[&public]);
    let tokens = tokens(&path);
    let now = TokenClock::read();
    let token = token(&key, "k", (now.wall + 60.0).floor());
    let first = tokens.verify_at(&token, now).await.unwrap();
    let second = tokens.verify_at(&token, later(now, 85)).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second), "it was verified again");
    assert_eq!(
        reason(tokens.verify_at(&token, later(now, 91)).await),
        "it has expired"
    );
    // The clock was put back: it counts again, as it would have without being kept.
    let third = tokens.verify_at(&token, now).await.unwrap();
    assert!(Arc::ptr_eq(&first, &third));
    assert_eq!(first.designation.value, "anna");
    assert_eq!(
        format!("{first:?} {tokens:?}"),
        "Verified { .. } Tokens { .. }"
    );
}

#[tokio::test]
async fn a_token_that_is_kept_goes_with_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    let ((old, old_public), (new, new_public)) = (key("old", 1), key("new", 2));
    write(&path, &[&old_public]);
    let tokens = tokens(&path);
    let now = TokenClock::read();
    let [old, new] =
        [(&old, "old"), (&new, "new")].map(|(key, kid)| token(key, kid, now.wall + 600.0));
    let first = tokens.verify(&old).await.unwrap();
    // A look that finds the same keys loses nothing.
    assert!(reason(tokens.verify(&new).await).contains("unknown"));
    assert!(Arc::ptr_eq(&first, &tokens.verify(&old).await.unwrap()));

    write(&path, &[&old_public, &new_public]);
    tokens.verify(&new).await.unwrap();
    tokens.verify(&old).await.unwrap();

    write(&path, &[&new_public]);
    tokens.issuers.keyrings[0].look_for_token().await;
    assert!(reason(tokens.verify(&old).await).contains("unknown"));
    tokens.verify(&new).await.unwrap();
}

#[tokio::test]
async fn the_same_kid_with_another_key_makes_old_tokens_invalid() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    let ((old, old_public), (_, new_public)) = (key("k", 1), key("k", 2));
    write(&path, &[&old_public]);
    let tokens = tokens(&path);
    let token = token(&old, "k", TokenClock::read().wall + 600.0);
    tokens.verify(&token).await.unwrap();
    write(&path, &[&new_public]);
    tokens.issuers.keyrings[0].look_for_token().await;
    assert!(reason(tokens.verify(&token).await).contains("signature"));
}

#[tokio::test]
async fn keys_that_are_too_old_are_used_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    let (key, public) = key("k", 1);
    write(&path, &[&public]);
    let tokens = tokens(&path);
    let now = TokenClock::read();
    let token = token(&key, "k", now.wall + 1_000_000.0);
    tokens.verify_at(&token, now).await.unwrap();
    let since = tokens.health().last_success.unwrap();

    std::fs::remove_file(&path).unwrap();
    tokens.verify_at(&token, later(now, 3599)).await.unwrap();
    let stale = tokens.verify_at(&token, later(now, 3602)).await;
    assert!(
        matches!(stale, Err(TokenError::Unavailable(_))),
        "{stale:?}"
    );
    let health = tokens.health();
    assert_eq!((health.keys, health.failures), (1, 1));
    assert_eq!(health.last_success, Some(since));

    // A document that is none is an outage as well.
    std::fs::write(&path, "{}").unwrap();
    let stale = tokens.verify_at(&token, later(now, 3602)).await;
    assert!(
        matches!(stale, Err(TokenError::Unavailable(_))),
        "{stale:?}"
    );
}

#[tokio::test]
async fn what_is_kept_is_bounded_by_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    let (key, public) = key("k", 1);
    write(&path, &[&public]);
    let tokens = tokens(&path);
    let expires = TokenClock::read().wall + 600.0;
    let filling = "x".repeat(11 << 10);
    let kept = || {
        tokens.kept.run_pending_tasks();
        (tokens.kept.entry_count(), tokens.kept.weighted_size())
    };
    let mut sent = 0;
    for i in 0..1500 {
        let more = json!({"exp": expires, "i": i, "filling": filling});
        let token = token_with(&key, "k", more);
        tokens.verify(&token).await.unwrap();
        sent += u64::try_from(token.len()).unwrap();
        if i == 99 {
            let (count, bytes) = kept();
            assert_eq!(count, 100);
            // The claims are kept, in which three bytes are four letters of the token.
            assert!(bytes >= sent * 3 / 4, "{bytes} of {sent}");
        }
    }
    assert!(sent > KEPT);
    let (count, bytes) = kept();
    assert!(count < 1500 && bytes <= KEPT, "{count}, {bytes}");
    assert!(bytes > KEPT - (64 << 10), "{bytes}");
}
