//! The keys of a document that are used.

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

/// The only issuer of a set.
const ALONE: Signatory<'_> = Signatory {
    issuer: "https://one",
    tenant: None,
    is_sharing: false,
};

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

/// As editors on Windows write it.
#[test]
fn a_byte_order_mark_is_no_part_of_a_document() {
    let document = serde_json::to_string_pretty(&json!({"keys": [rsa_key()]})).unwrap();
    let document = format!("\u{feff}{}", document.replace('\n', "\r\n"));
    assert_eq!(KeySet::read(document.as_bytes()).unwrap().keys.len(), 1);
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
    let error = KeySet::read(document.as_bytes()).err().unwrap();
    assert!(matches!(error, KeySetError::NoneUsable(_)), "{error}");
    // Unknown keys do not hide known ones.
    let unknown = json!({"kty": "AKP", "kid": "pq", "pub": "AAAA"});
    assert_eq!(set(&[unknown, rsa_key()]).unwrap().len(), 1);
}

#[test]
fn a_key_is_the_one_that_is_named_and_fits() {
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": encoded(&[1; 32])});
    let bound = json!({"kid": "b", "alg": "RS512", "n": modulus(3072)});
    let bound = with(rsa_key(), &bound);
    let keys = set(&[rsa_key(), ed, bound]).unwrap();
    let chosen = |algorithm, kid| {
        keys.choose(&token(algorithm, kid), ALONE)
            .map(|keys| kind(keys[0]))
    };
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

/// The number of keys that a token of this kid may be signed with.
fn choices(keys: &[Value], algorithm: Algorithm, kid: Option<&str>) -> Result<usize, NoKey> {
    let keys = set(keys).unwrap();
    keys.choose(&token(algorithm, kid), ALONE)
        .map(|keys| keys.len())
}

#[test]
fn of_keys_with_one_kid_those_count_that_can_verify() {
    let of = |changes: Value| with(rsa_key(), &changes);
    let ec = json!({"kty": "EC", "crv": "P-256", "kid": "r", "x": encoded(&[1; 32]), "y": encoded(&[1; 32])});
    // One key, published once for each of its algorithms.
    let triple = ["RS256", "RS384", "RS512"].map(|name| of(json!({"alg": name})));
    for algorithm in [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512] {
        assert_eq!(choices(&triple, algorithm, Some("r")), Ok(1));
        assert_eq!(choices(&triple, algorithm, None), Ok(1));
    }
    for algorithm in [Algorithm::Ps256, Algorithm::Es256] {
        assert!(choices(&triple, algorithm, Some("r")).is_err());
    }
    let other = of(json!({"n": modulus(3072)}));
    let secret = json!({"kty": "oct", "kid": "r", "k": "AAAA"});
    for (keys, count) in [
        (vec![rsa_key(), rsa_key(), rsa_key()], 1),
        (vec![rsa_key(), ec], 1),
        (
            vec![of(json!({"use": "enc", "alg": "RSA-OAEP"})), rsa_key()],
            1,
        ),
        (vec![of(json!({"use": "enc"})), other.clone()], 1),
        (vec![of(json!({"key_ops": ["encrypt"]})), other.clone()], 1),
        (vec![secret.clone(), rsa_key()], 1),
        (vec![rsa_key(), secret.clone()], 1),
        (vec![rsa_key(), other.clone()], 2),
    ] {
        assert_eq!(choices(&keys, Algorithm::Rs256, Some("r")), Ok(count));
    }
    let unusable = NoKey::Refused("the key that it names is not usable");
    let keys = [secret, with(rsa_key(), &json!({"kid": "a"}))];
    assert_eq!(choices(&keys, Algorithm::Rs256, Some("r")), Err(unusable));
    // Nobody makes a sidecar try key after key.
    let many: Vec<_> = (0..5)
        .map(|i| of(json!({"n": modulus(2048 + i)})))
        .collect();
    let found = choices(&many, Algorithm::Rs256, Some("r"));
    assert!(matches!(found, Err(NoKey::Refused(_))), "{found:?}");
    assert_eq!(choices(&many[1..], Algorithm::Rs256, Some("r")), Ok(4));
}

#[test]
fn an_entry_that_cannot_be_read_spoils_itself_alone() {
    let good = rsa_key().to_string();
    let twice = good.replacen('{', "{\"kty\": \"RSA\", ", 1);
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for bad in [
        "1",
        "null",
        "[]",
        "\"x\"",
        "{}",
        &twice,
        &deep,
        "{\"kty\": 1, \"kid\": \"r\"}",
    ] {
        for document in [
            format!("{{\"keys\": [{bad}, {good}]}}"),
            format!("{{\"keys\": [{good}, {bad}], \"more\": {deep}}}"),
        ] {
            let keys =
                KeySet::read(document.as_bytes()).unwrap_or_else(|error| panic!("{bad}: {error}"));
            assert_eq!((keys.len(), keys.refused().len()), (1, 1), "{bad}");
            assert!(
                keys.choose(&token(Algorithm::Rs256, Some("r")), ALONE)
                    .is_ok()
            );
        }
    }
    for document in [format!("[[{good}]]"), format!("{{\"keys\": [{good}, }}")] {
        let error = KeySet::read(document.as_bytes()).err();
        assert_eq!(error, Some(KeySetError::Malformed), "{document}");
    }
}

#[test]
fn a_key_whose_private_part_is_published_is_used_under_no_name() {
    let private = with(rsa_key(), &json!({"kid": "p", "d": "AAAA"}));
    let other = with(rsa_key(), &json!({"kid": "a", "n": modulus(3072)}));
    let keys = [rsa_key(), private, other];
    for kid in ["r", "p"] {
        let found = choices(&keys, Algorithm::Rs256, Some(kid));
        assert!(matches!(found, Err(NoKey::Refused(_))), "{kid}: {found:?}");
    }
    assert_eq!(choices(&keys, Algorithm::Rs256, Some("a")), Ok(1));
    assert_eq!(choices(&keys, Algorithm::Rs256, None), Ok(1));
}

#[test]
fn a_key_is_its_owners() {
    let entra = "https://login.example/{tenantid}/v2.0";
    let keys = set(&[
        with(rsa_key(), &json!({"kid": "free"})),
        with(rsa_key(), &json!({"kid": "one", "issuer": "https://one"})),
        with(rsa_key(), &json!({"kid": "entra", "issuer": entra})),
    ])
    .unwrap();
    let is_taken = |kid, issuer, tenant, is_sharing| {
        let by = Signatory {
            issuer,
            tenant,
            is_sharing,
        };
        keys.choose(&token(Algorithm::Rs256, Some(kid)), by).is_ok()
    };
    let tenant = "https://login.example/t/v2.0";
    for (kid, issuer, named, is_sharing) in [
        ("free", "https://one", None, false),
        ("one", "https://one", None, false),
        ("one", "https://one", None, true),
        ("entra", tenant, Some("t"), true),
        ("entra", tenant, Some("t"), false),
    ] {
        assert!(is_taken(kid, issuer, named, is_sharing), "{kid} {issuer}");
    }
    for (kid, issuer, named, is_sharing) in [
        ("free", "https://one", None, true),
        ("one", "https://two", None, false),
        ("one", "https://two", None, true),
        ("entra", tenant, None, true),
        ("entra", tenant, Some("u"), true),
        ("entra", tenant, Some("{tenantid}"), false),
        ("entra", tenant, Some(""), false),
        (
            "entra",
            "https://login.example/{tenantid}/v2.0",
            Some("t"),
            false,
        ),
    ] {
        assert!(
            !is_taken(kid, issuer, named, is_sharing),
            "{kid} {issuer} {named:?}"
        );
    }
    assert!(refused(with(rsa_key(), &json!({"issuer": 1}))).contains("`issuer`"));
    assert!(refused(with(rsa_key(), &json!({"issuer": null}))).contains("`issuer`"));
    // Without a kid, only an issuer's own keys could be meant.
    let two = Signatory {
        issuer: "https://two",
        tenant: None,
        is_sharing: true,
    };
    assert!(keys.choose(&token(Algorithm::Rs256, None), two).is_err());
}
