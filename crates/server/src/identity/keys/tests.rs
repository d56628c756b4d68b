//! Which keys of a document are used.

use serde_json::json;

use super::*;

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A number of so many bits, as the modulus of a key.
fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] >>= 8 * bytes.len() - bits;
    encoded(&bytes)
}

fn rsa_key() -> Value {
    json!({"kty": "RSA", "kid": "r", "n": modulus(2048), "e": "AQAB"})
}

fn with(mut key: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        key[name] = value.clone();
    }
    key
}

fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::read(json!({"keys": keys}).to_string().as_bytes())
}

fn refused(key: Value) -> &'static str {
    match set(std::slice::from_ref(&key)) {
        Err(KeySetError::NoneUsable(reason)) => reason,
        Err(error) => panic!("{key}: {error}"),
        Ok(_) => panic!("{key} is taken"),
    }
}

fn kind(key: &VerifyingKey) -> &'static str {
    match key.public {
        PublicKey::Rsa(_) => "RSA",
        PublicKey::P256(_) => "P-256",
        PublicKey::P384(_) => "P-384",
        PublicKey::Ed25519(_) => "Ed25519",
    }
}

fn token<'a>(algorithm: Algorithm, kid: Option<&str>) -> Token<'a> {
    Token::unsigned(algorithm, kid.map(str::to_owned))
}

#[test]
fn only_public_keys_for_verifying_are_used() {
    for changes in [
        json!({}),
        json!({"use": "sig"}),
        json!({"key_ops": ["verify"]}),
        json!({"key_ops": ["sign", "verify"]}),
        json!({"alg": "RS256", "x5c": ["anything"], "other": {"a": 1}}),
    ] {
        let key = with(rsa_key(), &changes);
        assert!(set(&[key]).is_ok(), "{changes}");
    }
    for (changes, reason) in [
        (json!({"kty": "oct", "k": "AAAA"}), "symmetric"),
        (json!({"d": "AAAA"}), "private"),
        (json!({"use": "enc"}), "not for signatures"),
        (json!({"use": "SIG"}), "not for signatures"),
        (json!({"use": 1}), "not for signatures"),
        (json!({"use": null}), "not for signatures"),
        (json!({"key_ops": ["sign"]}), "not for verifying"),
        (json!({"key_ops": []}), "not for verifying"),
        (json!({"key_ops": "verify"}), "not for verifying"),
        (json!({"kid": 1}), "`kid`"),
        (json!({"alg": 1}), "`alg`"),
        (json!({"kty": "AKP"}), "unknown type"),
        (json!({"kty": 1}), "no type"),
        (json!({"n": null}), "missing"),
        (json!({"n": "++++"}), "base64url"),
        (json!({"e": "AQAB="}), "base64url"),
    ] {
        let found = refused(with(rsa_key(), &changes));
        assert!(found.contains(reason), "{changes}: {found}");
    }
}

#[test]
fn rsa_keys_are_neither_short_nor_endless() {
    for bits in [2048, 2049, 3072, 4096, 8192] {
        assert!(set(&[with(rsa_key(), &json!({"n": modulus(bits)}))]).is_ok());
    }
    for bits in [1, 512, 1024, 2047, 8193, 16384] {
        let found = refused(with(rsa_key(), &json!({"n": modulus(bits)})));
        assert!(found.contains("modulus"), "{bits}: {found}");
    }
    // Zeros in front make no key longer.
    let padded = encoded(&[vec![0; 128], vec![0xff; 128]].concat());
    assert!(refused(with(rsa_key(), &json!({"n": padded}))).contains("modulus"));
    assert!(refused(with(rsa_key(), &json!({"n": ""}))).contains("modulus"));
    for exponent in [&[1][..], &[0, 1], &[2], &[1, 0, 0], &[], &[1, 0, 0, 0, 1]] {
        let found = refused(with(rsa_key(), &json!({"e": encoded(exponent)})));
        assert!(found.contains("exponent"), "{exponent:?}: {found}");
    }
}

#[test]
fn points_have_the_length_of_their_curve() {
    let point = |kty: &str, crv: &str, length: usize| {
        let half = encoded(&vec![1; length]);
        json!({"kty": kty, "crv": crv, "x": half, "y": half})
    };
    for (kty, crv, length) in [
        ("EC", "P-256", 32),
        ("EC", "P-384", 48),
        ("OKP", "Ed25519", 32),
    ] {
        assert!(set(&[point(kty, crv, length)]).is_ok(), "{crv}");
        for other in [0, 31, 33, 47, 49] {
            let found = refused(point(kty, crv, other));
            assert!(found.contains("length of its curve"), "{crv}: {found}");
        }
    }
    for (kty, crv, length) in [
        ("EC", "P-521", 66),
        ("EC", "secp256k1", 32),
        ("EC", "Ed25519", 32),
        ("OKP", "P-256", 32),
        ("OKP", "X25519", 32),
        ("OKP", "Ed448", 57),
    ] {
        assert!(refused(point(kty, crv, length)).contains("unknown type"));
    }
}

#[test]
fn a_document_is_a_set_of_keys_or_nothing() {
    for text in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"keys\": {}}",
        "{\"keys\": [1]}",
        "<html></html>",
        "{\"keys\": [], \"keys\": []}",
        "{\"keys\": []} x",
    ] {
        let error = KeySet::read(text.as_bytes()).err();
        assert_eq!(error, Some(KeySetError::Malformed), "{text}");
    }
    assert_eq!(set(&[]).err(), Some(KeySetError::Empty));
    let doubled = rsa_key()
        .to_string()
        .replacen('{', "{\"kty\": \"oct\", ", 1);
    let document = format!("{{\"keys\": [{doubled}]}}");
    let error = KeySet::read(document.as_bytes()).err();
    assert_eq!(error, Some(KeySetError::Malformed));
    // Unknown keys do not hide known ones.
    let unknown = json!({"kty": "AKP", "kid": "pq", "pub": "AAAA"});
    assert_eq!(set(&[unknown, rsa_key()]).unwrap().len(), 1);
}

#[test]
fn a_key_is_the_one_that_is_named_and_fits() {
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": encoded(&[1; 32])});
    let bound = with(rsa_key(), &json!({"kid": "b", "alg": "RS512"}));
    let keys = set(&[rsa_key(), ed, bound]).unwrap();
    let chosen = |algorithm, kid| keys.choose(&token(algorithm, kid)).map(kind);
    for algorithm in [Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps384] {
        assert_eq!(chosen(algorithm, Some("r")), Ok("RSA"));
    }
    assert_eq!(chosen(Algorithm::EdDsa, Some("e")), Ok("Ed25519"));
    assert_eq!(chosen(Algorithm::Rs512, Some("b")), Ok("RSA"));
    for kid in ["x", "", "R", "r "] {
        assert_eq!(chosen(Algorithm::Rs256, Some(kid)), Err(NoKey::Unknown));
    }
    for (algorithm, kid) in [
        (Algorithm::Es256, "r"),
        (Algorithm::EdDsa, "r"),
        (Algorithm::Rs256, "e"),
        (Algorithm::Rs256, "b"),
        (Algorithm::Ps512, "b"),
    ] {
        let found = chosen(algorithm, Some(kid));
        assert!(matches!(found, Err(NoKey::Refused(_))), "{kid}: {found:?}");
    }
    // Without a name, where no other could be meant.
    assert_eq!(chosen(Algorithm::EdDsa, None), Ok("Ed25519"));
    assert_eq!(chosen(Algorithm::Rs256, None), Ok("RSA"));
    let several = chosen(Algorithm::Rs512, None);
    assert_eq!(
        several,
        Err(NoKey::Refused("it names no key, and several fit"))
    );
    let none = chosen(Algorithm::Es256, None);
    assert_eq!(none, Err(NoKey::Refused("it names no key, and none fits")));
}

#[test]
fn a_kid_that_two_keys_have_is_nobodys() {
    let other = with(rsa_key(), &json!({"n": modulus(3072)}));
    let secret = json!({"kty": "oct", "kid": "r", "k": "AAAA"});
    for keys in [
        [rsa_key(), other, with(rsa_key(), &json!({"kid": "a"}))],
        [
            secret.clone(),
            rsa_key(),
            with(rsa_key(), &json!({"kid": "a"})),
        ],
        [
            rsa_key(),
            secret.clone(),
            with(rsa_key(), &json!({"kid": "a"})),
        ],
        [rsa_key(), rsa_key(), rsa_key()],
    ] {
        let keys = set(&keys).unwrap();
        let found = keys.choose(&token(Algorithm::Rs256, Some("r")));
        let expected = NoKey::Refused("the key that it names is not usable");
        assert_eq!(found.err(), Some(expected));
    }
}
