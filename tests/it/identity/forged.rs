//! Tokens that somebody without the key has made, or that are none.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use peppol_authz_server::config::Jwt;
use ring::hmac;

use super::signer::{encoded, openssl};
use super::*;

#[tokio::test]
async fn a_public_key_is_no_secret_and_no_signature_is_none() {
    let server = server();
    let tokens = tokens(&server);
    let claims = claims().to_string();
    let public = SIGNERS.rsa.private().with_file_name("public");
    let mut secrets = Vec::new();
    for form in ["DER", "PEM"] {
        let (private, public) = (SIGNERS.rsa.private(), public.display());
        openssl(&format!(
            "pkey|-in|{}|-pubout|-outform|{form}|-out|{public}",
            private.display()
        ));
        secrets.push(std::fs::read(SIGNERS.rsa.private().with_file_name("public")).unwrap());
    }
    secrets.push(
        SIGNERS.rsa.published["n"]
            .as_str()
            .unwrap()
            .as_bytes()
            .to_vec(),
    );
    secrets.push(Vec::new());
    for secret in secrets {
        for (name, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
            let header = json!({"alg": name, "kid": "rsa"}).to_string();
            let signed = format!("{}.{}", encoded(header), encoded(&claims));
            let key = hmac::Key::new(algorithm, &secret);
            let mac = encoded(hmac::sign(&key, signed.as_bytes()));
            let reason = invalid(tokens.verify(&format!("{signed}.{mac}")).await);
            assert!(reason.contains("not allowed"), "{reason}");
        }
    }
    for name in ["none", "None", "NONE", "nOnE", "", "RS", "RS256 ", "rs256"] {
        for header in [json!({"alg": name}), json!({"alg": name, "kid": "rsa"})] {
            let header = header.to_string();
            let unsigned = format!("{}.{}.", encoded(&header), encoded(&claims));
            let reason = invalid(tokens.verify(&unsigned).await);
            assert!(reason.contains("not allowed"), "{name}: {reason}");
            let signed = SIGNERS.rsa.sign(&header, &claims);
            assert!(invalid(tokens.verify(&signed).await).contains("not allowed"));
        }
    }
    for header in [
        json!({}),
        json!({"alg": null}),
        json!({"alg": ["RS256"]}),
        json!({"alg": 1}),
    ] {
        let signed = SIGNERS.rsa.sign(&header.to_string(), &claims);
        let reason = invalid(tokens.verify(&signed).await);
        assert!(reason.contains("how it is signed"), "{reason}");
    }
}

#[tokio::test]
async fn a_key_signs_only_as_it_can_and_as_it_is_meant_to() {
    let server = server();
    server.publish(&[
        SIGNERS.rsa.published_with(&json!({"alg": "RS256"})),
        SIGNERS.p256.published.clone(),
        SIGNERS.ed.published_with(&json!({"alg": "ES256"})),
        SIGNERS.p384.published_with(&json!({"use": "enc"})),
    ]);
    let tokens = tokens(&server);
    tokens
        .verify(&SIGNERS.rsa.token("RS256", &claims()))
        .await
        .unwrap();
    for (kid, algorithm, signer, words) in [
        ("rsa", "ES256", &SIGNERS.p256, "does not fit"),
        ("p256", "RS256", &SIGNERS.rsa, "does not fit"),
        ("rsa", "EdDSA", &SIGNERS.ed, "does not fit"),
        ("p256", "ES384", &SIGNERS.p384, "does not fit"),
        ("rsa", "RS384", &SIGNERS.rsa, "does not fit"),
        ("rsa", "PS256", &SIGNERS.rsa, "does not fit"),
        ("ed", "EdDSA", &SIGNERS.ed, "does not fit"),
        ("p384", "ES384", &SIGNERS.p384, "not usable"),
    ] {
        let header = json!({"alg": algorithm, "kid": kid}).to_string();
        let token = signer.sign(&header, &claims().to_string());
        let reason = invalid(tokens.verify(&token).await);
        assert!(reason.contains(words), "{kid} {algorithm}: {reason}");
    }
}

#[tokio::test]
async fn a_signature_is_of_this_text_by_this_key() {
    let server = server();
    let tokens = tokens(&server);
    let verify = async |token: &str| invalid(tokens.verify(token).await);
    let other = Signer::new("rsa", "RSA|-pkeyopt|rsa_keygen_bits:2048");
    assert!(
        verify(&other.token("RS256", &claims()))
            .await
            .contains("signature")
    );

    for (algorithm, signer) in [
        ("RS256", &SIGNERS.rsa),
        ("PS256", &SIGNERS.rsa),
        ("ES256", &SIGNERS.p256),
        ("EdDSA", &SIGNERS.ed),
    ] {
        let token = signer.token(algorithm, &claims());
        let parts: Vec<&str> = token.split('.').collect();
        let root = encoded(claims_with(&json!({"sub": "root"})).to_string());
        let changed = format!("{}.{root}.{}", parts[0], parts[2]);
        assert!(verify(&changed).await.contains("signature"), "{algorithm}");
        let header = encoded(json!({"alg": algorithm, "kid": signer.kid}).to_string());
        let changed = format!("{header}.{}.{}", parts[1], parts[2]);
        assert!(verify(&changed).await.contains("signature"), "{algorithm}");
        for signature in ["", "AAAA", &encoded([0; 64]), &encoded([0; 256])] {
            let changed = format!("{}.{}.{signature}", parts[0], parts[1]);
            assert!(verify(&changed).await.contains("signature"), "{algorithm}");
        }
        tokens.verify(&token).await.unwrap();
    }
    // PKCS #1 under the name of PSS, and the reverse.
    for (named, made) in [("PS256", "RS256"), ("RS256", "PS256")] {
        let [named, made] =
            [named, made].map(|name| json!({"alg": name, "kid": "rsa"}).to_string());
        let signed = format!("{}.{}", encoded(&named), encoded(claims().to_string()));
        let token = format!("{signed}.{}", SIGNERS.rsa.signature(&made, &signed));
        assert!(verify(&token).await.contains("signature"));
    }
}

#[tokio::test]
async fn a_key_that_a_token_brings_along_is_not_looked_at() {
    let server = server();
    let theirs = KeyServer::start();
    let other = Signer::new("other", "ED25519");
    theirs.publish(std::slice::from_ref(&other.published));
    let tokens = tokens(&server);
    for extra in [
        json!({"jwk": other.published}),
        json!({"jku": theirs.url()}),
        json!({"jwk": other.published, "kid": "ed"}),
        json!({"jku": theirs.url(), "kid": "ed"}),
        json!({"x5u": theirs.url(), "kid": "other"}),
        json!({"kid": "../../other"}),
    ] {
        let mut header = extra.clone();
        header["alg"] = json!("EdDSA");
        let token = other.sign(&header.to_string(), &claims().to_string());
        invalid(tokens.verify(&token).await);
    }
    assert_eq!(theirs.asked(), 0);
}

#[tokio::test]
async fn a_short_key_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    openssl(&format!(
        "genpkey|-algorithm|RSA|-pkeyopt|rsa_keygen_bits:1024|-out|{}",
        path("key")
    ));
    let output = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        done.stdout
    };
    let modulus = output(&["rsa", "-in", &path("key"), "-modulus", "-noout"]);
    let modulus = String::from_utf8(modulus).unwrap();
    let hex = modulus.trim().strip_prefix("Modulus=").unwrap();
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap())
        .collect();
    let short = json!({"kty": "RSA", "kid": "short", "n": encoded(&bytes), "e": "AQAB"});

    let header = encoded(json!({"alg": "RS256", "kid": "short"}).to_string());
    let signed = format!("{header}.{}", encoded(claims().to_string()));
    std::fs::write(path("signed"), &signed).unwrap();
    let signature = output(&["dgst", "-sha256", "-sign", &path("key"), &path("signed")]);
    let token = format!("{signed}.{}", encoded(signature));

    let server = KeyServer::start();
    server.publish(&[short.clone(), SIGNERS.ed.published.clone()]);
    let tokens = tokens(&server);
    assert!(invalid(tokens.verify(&token).await).contains("not usable"));
    server.publish(&[short]);
    let alone = Tokens::new(&settings(&server.url())).unwrap();
    assert!(is_unavailable(&alone.verify(&token).await));
}

#[tokio::test]
async fn a_header_is_read_strictly() {
    let server = server();
    let tokens = tokens(&server);
    let verify = async |header: &str| {
        let token = SIGNERS.ed.sign(header, &claims().to_string());
        tokens.verify(&token).await
    };
    for typ in [
        "JWT",
        "jwt",
        "at+jwt",
        "AT+JWT",
        "application/jwt",
        "application/at+JWT",
    ] {
        let header = json!({"alg": "EdDSA", "kid": "ed", "typ": typ});
        verify(&header.to_string()).await.unwrap();
    }
    verify(r#"{"alg": "EdDSA", "kid": "ed", "x": [1]}"#)
        .await
        .unwrap();
    // There is one key for this algorithm.
    verify(r#"{"alg": "EdDSA"}"#).await.unwrap();
    for (more, words) in [
        (r#""kid": "ed", "typ": "dpop+jwt""#, "type"),
        (r#""kid": "ed", "typ": "logout+jwt""#, "type"),
        (r#""kid": "ed", "typ": "JOSE""#, "type"),
        (
            r#""kid": "ed", "typ": "application/application/jwt""#,
            "type",
        ),
        (r#""kid": "ed", "typ": """#, "type"),
        (r#""kid": "ed", "typ": null"#, "type"),
        (r#""kid": "ed", "typ": ["JWT"]"#, "type"),
        (r#""kid": "ed", "crit": []"#, "critical"),
        (r#""kid": "ed", "crit": ["exp"], "exp": 1"#, "critical"),
        (r#""kid": "ed", "crit": ["b64"], "b64": false"#, "critical"),
        (r#""kid": "ed", "crit": null"#, "critical"),
        (r#""kid": "ed", "cty": "JWT""#, "another token"),
        (r#""kid": "ed", "cty": "application/jwt""#, "another token"),
        (r#""kid": 1"#, "not a string"),
        (r#""kid": null"#, "not a string"),
        (r#""kid": ["ed"]"#, "not a string"),
        (r#""kid": "ED""#, "unknown"),
        (r#""kid": "rsa", "kid": "ed""#, "header"),
        (r#""alg": "EdDSA", "kid": "ed""#, "header"),
        (r#""kid": "ed""#, "header"),
    ] {
        let end = if more == r#""kid": "ed""# {
            "} {}"
        } else {
            "}"
        };
        let reason = invalid(verify(&format!(r#"{{"alg": "EdDSA", {more}{end}"#)).await);
        assert!(reason.contains(words), "{more}: {reason}");
    }
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for header in [
        "",
        "[]",
        "\"EdDSA\"",
        "null",
        "{",
        "\u{feff}{}",
        deep.as_str(),
    ] {
        let reason = invalid(verify(header).await);
        assert!(reason.contains("header"), "{reason}");
    }
}

#[tokio::test]
async fn claims_are_read_strictly() {
    let server = server();
    let tokens = tokens(&server);
    let good = claims().to_string();
    let doubled = [
        good.replacen('{', r#"{"sub": "root", "#, 1),
        good.replacen('{', r#"{"s\u0075b": "root", "#, 1),
        good.replacen('{', r#"{"nested": {"a": 1, "a": 2}, "#, 1),
    ];
    let others = ["", "[]", "null", "\"sub\"", "{", "{} {}", "anna"].map(str::to_owned);
    for text in doubled.into_iter().chain(others) {
        let token = SIGNERS.ed.sign(r#"{"alg": "EdDSA", "kid": "ed"}"#, &text);
        let reason = invalid(tokens.verify(&token).await);
        assert!(reason.contains("claims are not"), "{text}: {reason}");
    }
    let latin = b"{\"sub\": \"\xe5sa\"}";
    let signed = format!("{}.{}", encoded(r#"{"alg": "EdDSA"}"#), encoded(latin));
    let signature = SIGNERS.ed.signature(r#"{"alg": "EdDSA"}"#, &signed);
    let reason = invalid(tokens.verify(&format!("{signed}.{signature}")).await);
    assert!(reason.contains("claims are not"), "{reason}");
}

#[tokio::test]
async fn the_form_is_that_of_a_signed_token_and_no_other() {
    let server = server();
    let tokens = tokens(&server);
    let token = SIGNERS.ed.token("EdDSA", &claims());
    tokens.verify(&token).await.unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, body, signature] = parts[..] else {
        panic!("{token}")
    };
    let jwe = encoded(r#"{"alg": "RSA-OAEP-256", "enc": "A256GCM"}"#);
    for text in [
        String::new(),
        ".".to_owned(),
        "anna".to_owned(),
        format!("{header}.{body}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{jwe}.AAAA.AAAA.AAAA.AAAA"),
    ] {
        let reason = invalid(tokens.verify(&text).await);
        assert!(reason.contains("three parts"), "{text}: {reason}");
    }
    let padded = |part: &str| {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part)
            .unwrap();
        URL_SAFE.encode(bytes)
    };
    let spaced = |part: &str| format!(" {part}");
    for text in [
        "..".to_owned(),
        format!(".{body}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}.{body}."),
        format!("Bearer {token}"),
        format!("{header}.{body}.{}", padded(signature)),
        format!("{header}.{body}.{}", spaced(signature)),
        format!("{header}.{}.{signature}", spaced(body)),
        format!("{}.{body}.{signature}", spaced(header)),
        format!("{header}.{body}.{signature}\n"),
        format!("{header}.{body}.{signature}A"),
        format!("{header}.{body}.+{}", signature.get(1..).unwrap()),
        format!("{header}.{body}.{}\u{e5}", signature.get(2..).unwrap()),
    ] {
        invalid(tokens.verify(&text).await);
    }
    // 64 bytes leave four bits over, which have to be zero: there is one spelling.
    let last = signature.chars().last().unwrap();
    for other in ('A'..='Z').filter(|other| *other != last) {
        let changed = format!(
            "{header}.{body}.{}{other}",
            signature.get(..signature.len() - 1).unwrap()
        );
        invalid(tokens.verify(&changed).await);
    }
}

#[tokio::test]
async fn a_token_is_no_longer_than_is_set() {
    let server = server();
    let tokens = Tokens::new(&Jwt {
        max_bytes: 16 * 1024,
        ..settings(&server.url())
    })
    .unwrap();
    let of_length = |filler: usize| {
        let claims = claims_with(&json!({"filler": "a".repeat(filler)}));
        SIGNERS.ed.token("EdDSA", &claims)
    };
    let room = 16 * 1024 - of_length(0).len();
    let longest = of_length(room / 4 * 3 - 3);
    assert!(longest.len() <= 16 * 1024);
    tokens.verify(&longest).await.unwrap();
    let longer = of_length(room / 4 * 3 + 3);
    assert!(longer.len() > 16 * 1024);
    assert_eq!(invalid(tokens.verify(&longer).await), "it is too long");
    let huge = ".".repeat(1 << 24);
    assert_eq!(invalid(tokens.verify(&huge).await), "it is too long");
}

#[tokio::test]
async fn what_a_token_holds_is_in_no_error() {
    let server = server();
    let tokens = Tokens::new(&Jwt {
        algorithms: vec![peppol_authz_server::config::Algorithm::EdDsa],
        ..settings(&server.url())
    })
    .unwrap();
    let secret = "hunter2";
    for token in [
        secret.to_owned(),
        SIGNERS.ed.sign(&json!({"alg": secret}).to_string(), secret),
        SIGNERS
            .ed
            .sign(&json!({"alg": "EdDSA", "kid": secret}).to_string(), secret),
        SIGNERS.ed.sign(r#"{"alg": "EdDSA"}"#, secret),
        SIGNERS
            .ed
            .token("EdDSA", &claims_with(&json!({"iss": secret}))),
        SIGNERS
            .ed
            .token("EdDSA", &claims_with(&json!({"aud": secret}))),
        SIGNERS
            .ed
            .token("EdDSA", &claims_with(&json!({"exp": secret}))),
    ] {
        let error = tokens.verify(&token).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}
