//! A setting of memory is kept: what the process takes more is about what the setting allows.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::samples::Samples;
use crate::sidecar::{Sidecar, Start};

const MEBIBYTE: usize = 1 << 20;

/// The memory for entities.
const CACHE: usize = 48 * MEBIBYTE;

/// Questions in one batch.
const BATCH: usize = 1000;

/// How often the first batches are asked before the memory is looked at.
const WARM: usize = 20;

/// The memory of the process that is in use, in bytes.
fn resident(sidecar: &Sidecar) -> usize {
    let path = format!("/proc/{}/status", sidecar.pid());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<usize>().unwrap() << 10
}

/// The memory that entities and decisions take by the program's own account, in bytes.
fn counted(sidecar: &Sidecar) -> usize {
    let samples = Samples::of(sidecar);
    let bytes = ["cache_bytes", "kept_decision_bytes"].map(|name| samples.value(name, &[]));
    bytes.iter().sum::<f64>() as usize
}

/// Asks about other principals until the memory is full, and half as many again.
fn fill(sidecar: &Sidecar, principal: impl Fn(usize) -> Value) {
    let ask = |batch: usize| {
        let requests = (0..BATCH).map(|n| {
            json!({
                "principal": principal(batch * BATCH + n),
                "action": {"type": "Peppol::Action", "id": "getOrganisation"},
                "resource": {"type": "Peppol::Organisation", "id": "acme"},
            })
        });
        let requests: Vec<Value> = requests.collect();
        let reply = sidecar.post("/v1/batch_is_authorized", &json!({"requests": requests}));
        assert_eq!(reply.status, 200, "{}", reply.text);
    };
    // The allocator keeps the memory that batches are read and answered in: the same ones, again and again,
    // take that alone.
    for _ in 0..WARM {
        (0..3).for_each(ask);
    }
    let (before, counted_before) = (resident(sidecar), counted(sidecar));
    let mut batches = 3;
    let mut full = None;
    while full.is_none_or(|full| batches < full + full / 2) {
        ask(batches);
        batches += 1;
        if full.is_none() && counted(sidecar) > CACHE * 7 / 8 {
            full = Some(batches);
        }
        assert!(
            batches < 2000,
            "{} is not the cache's size",
            counted(sidecar)
        );
    }
    let (taken, counted) = (
        resident(sidecar).saturating_sub(before),
        counted(sidecar) - counted_before,
    );
    assert!(counted <= CACHE, "{counted}");
    assert!(
        taken < counted + counted / 2 + 8 * MEBIBYTE,
        "{} MiB taken, {} MiB counted",
        taken / MEBIBYTE,
        counted / MEBIBYTE
    );
}

/// With an allocator that keeps little: freed memory goes back at once, and one thread frees it.
fn exact(start: Start) -> Start {
    start
        .variable("PEPPOL_AUTHZ_SERVER__WORKERS", "1")
        .variable("MIMALLOC_PURGE_DELAY", "0")
}

/// With so many bytes for entities, and for decisions.
fn small(start: Start, entities: usize, decisions: usize) -> Sidecar {
    exact(start)
        .variable("PEPPOL_AUTHZ_CACHE__BYTES", &entities.to_string())
        .variable("PEPPOL_AUTHZ_CACHE__DECISION_BYTES", &decisions.to_string())
        .start()
}

#[test]
fn entities_that_are_not_there_take_what_they_may() {
    let sidecar = small(Start::quickstart(), CACHE, 0);
    fill(
        &sidecar,
        |n| json!({"type": "Peppol::User", "id": format!("nobody-of-that-name-{n}")}),
    );
}

#[test]
fn decisions_take_what_they_may() {
    let sidecar = small(Start::quickstart(), MEBIBYTE, CACHE - MEBIBYTE);
    fill(
        &sidecar,
        |n| json!({"type": "Peppol::User", "id": format!("nobody-of-that-name-{n}")}),
    );
}

#[test]
fn entities_that_are_there_take_what_they_may() {
    let organisation = json!({
        "type": "ORGANISATION", "id": "acme", "organisationMode": "SHARED",
        "legalIdentifierCode": "SE_ORGNR", "legalIdentifier": "556123-4567",
        "modeChangeRequest": null, "contacts": [],
    });
    let mut documents = vec![organisation];
    for n in 0..20_000 {
        documents.push(json!({
            "type": "USER", "id": format!("user-{n}"), "email": format!("u-{n}@a.example"),
            "emailVerified": true, "superadmin": false,
        }));
    }
    let sidecar = small(Start::new().documents(&documents), CACHE, 0);
    fill(
        &sidecar,
        |n| json!({"type": "Peppol::User", "id": format!("user-{}", n % 20_000)}),
    );
}

/// Clients choose a part of their tokens: here arrays of numbers, each of which takes many times its
/// length.
#[test]
fn verified_tokens_take_what_they_may() {
    const TOKENS: usize = 16 * MEBIBYTE;
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let encoded = |text: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(text);
    let x = encoded(key.public_key().as_ref());
    let public = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x});
    let start = Start::quickstart();
    let keys = start.path("jwks.json");
    std::fs::write(&keys, json!({"keys": [public]}).to_string()).unwrap();
    let sidecar = exact(start)
        .variable("PEPPOL_AUTHZ_JWT__JWKS", keys.to_str().unwrap())
        .variable("PEPPOL_AUTHZ_JWT__ISSUER", "i")
        .variable("PEPPOL_AUTHZ_JWT__AUDIENCE", "a")
        .start();
    let mut connection = Connection::open(&sidecar);
    let mut ask = |n: usize| {
        let filling = vec![1; 5000];
        let header = json!({"alg": "EdDSA", "kid": "k"}).to_string();
        let claims = json!({
            "iss": "i", "aud": "a", "sub": "anna", "exp": 4_000_000_000_u64, "n": n,
            "filling": filling,
        });
        let signed = [header, claims.to_string()].map(|part| encoded(part.as_bytes()));
        let signed = signed.join(".");
        let token = format!("{signed}.{}", encoded(key.sign(signed.as_bytes()).as_ref()));
        connection.write(format!(
            "GET /authz/nginx HTTP/1.1\r\nhost: a\r\nx-original-method: GET\r\n\
             x-original-uri: /orgs/acme\r\nauthorization: Bearer {token}\r\n\r\n"
        ));
        assert_eq!(connection.reply().status, 200);
    };
    (0..20).for_each(&mut ask);
    let before = resident(&sidecar);
    (20..1200).for_each(&mut ask);
    let taken = resident(&sidecar).saturating_sub(before);
    // The allocator keeps what it needs to read and check a token.
    let most = 2 * TOKENS + 32 * MEBIBYTE;
    assert!(taken < most, "{} MiB taken", taken / MEBIBYTE);
}
