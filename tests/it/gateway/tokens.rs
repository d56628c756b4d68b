//! Bearer tokens, from a key in a file to the answer.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{as_nginx, is_denied, is_subject, of_acme, start};
use crate::http::unhex;

/// An RSA key, made anew.
pub(crate) struct Key {
    directory: tempfile::TempDir,
}

impl Key {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        openssl(&["genrsa", "-out", path.to_str().unwrap(), "2048"], b"");
        Self { directory }
    }

    fn path(&self) -> String {
        self.directory.path().join("key.pem").display().to_string()
    }

    /// The set that this key alone is in.
    pub(crate) fn set(&self) -> Value {
        let modulus = openssl(&["rsa", "-in", &self.path(), "-noout", "-modulus"], b"");
        let modulus = String::from_utf8(modulus).unwrap();
        let digits = modulus.trim().strip_prefix("Modulus=").unwrap();
        let modulus = URL_SAFE_NO_PAD.encode(unhex(digits));
        json!({"keys": [{"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": modulus, "e": "AQAB"}]})
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": "1"});
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = openssl(
            &["dgst", "-sha256", "-sign", &self.path(), "-binary"],
            signed.as_bytes(),
        );
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{arguments:?}");
    done.stdout
}

/// Claims of a token that is good for an hour from `since` seconds ago.
pub(super) fn claims(more: &Value, since: u64) -> Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        - since;
    let mut claims = json!({"iss": "https://login.example.com/", "aud": "peppol", "iat": now, "exp": now + 3600});
    let more = more.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(more);
    claims
}

pub(super) fn settings(set: &Path) -> String {
    format!(
        "[jwt]\njwks = \"{}\"\nissuer = [\"https://login.example.com/\"]\naudience = [\"peppol\"]\n\
         [[jwt.principal]]\ntype = \"SubAccount\"\nclaim = \"email\"\nattribute = \"email\"\n\
         when = {{ account_type = \"sub-account\" }}\n\
         [[jwt.principal]]\ntype = \"User\"\nclaim = \"sub\"\n",
        set.display()
    )
}

#[test]
fn a_token_says_who_asks_and_is_doubted() {
    let key = Key::new();
    let set = key.directory.path().join("set.json");
    std::fs::write(&set, key.set().to_string()).unwrap();
    let header = "[[gateway.header]]\nendpoint = \"nginx\"\nfrom = [\"127.0.0.1\"]\n\
                  name = \"X-User\"\ntype = \"User\"\n";
    let sidecar = start(&(settings(&set) + header)).start();
    let sent = |token: &str| {
        let token = format!("Bearer {token}");
        of_acme(&sidecar, &[("authorization", &token)])
    };
    let anna = key.token(&claims(&json!({"sub": "anna", "organisation": "acme"}), 0));
    is_subject(&sent(&anna), "anna");
    let metrics = sidecar.get("/metrics").text;
    assert!(
        metrics.contains("\npeppol_authz_token_keys 1\n"),
        "{metrics}"
    );
    is_subject(
        &of_acme(&sidecar, &[("authorization", &format!("bEARER  {anna}"))]),
        "anna",
    );
    let mia = key.token(&claims(&json!({"sub": "mia"}), 0));
    is_denied(&sent(&mia), 403, "NOT_PERMITTED");
    // Another's signature, another signature, none, a key of somebody else, and one that is over.
    let (head, _) = anna.rsplit_once('.').unwrap();
    let (_, tail) = mia.rsplit_once('.').unwrap();
    let stranger = Key::new().token(&claims(&json!({"sub": "anna"}), 0));
    let over = key.token(&claims(&json!({"sub": "anna"}), 7200));
    let elsewhere = key.token(&claims(&json!({"sub": "anna", "aud": "other"}), 0));
    for token in [
        format!("{head}.{tail}"),
        format!("{head}."),
        head.to_owned(),
        stranger,
        over,
        elsewhere,
    ] {
        let reply = sent(&token);
        is_denied(&reply, 401, "TOKEN_INVALID");
        let challenge = "Bearer realm=\"peppol-authz\", error=\"invalid_token\"";
        assert_eq!(reply.header("www-authenticate"), Some(challenge));
        // Nothing else is looked at then.
        let both = [
            ("authorization", &*format!("Bearer {token}")),
            ("x-user", "anna"),
        ];
        is_denied(&of_acme(&sidecar, &both), 401, "TOKEN_INVALID");
        assert!(!reply.text.contains("anna"), "{}", reply.text);
    }
    // A claim says in which organisation; who the header names has no claims.
    let list =
        |headers: &[(&str, &str)]| as_nginx(&sidecar.address, "GET", "/legal-entities", headers);
    let token = format!("Bearer {anna}");
    is_denied(&list(&[("x-user", "anna")]), 403, "REQUEST_MALFORMED");
    let reply = list(&[("authorization", &token)]);
    assert_ne!(
        reply.header("x-authz-code"),
        Some("REQUEST_MALFORMED"),
        "{reply:?}"
    );
    let sub = json!({"sub": "anna", "account_type": "sub-account", "email": "ghost@acme.example", "email_verified": true});
    let sub = format!("Bearer {}", key.token(&claims(&sub, 0)));
    is_denied(
        &of_acme(&sidecar, &[("authorization", &sub)]),
        403,
        "UNKNOWN_PRINCIPAL",
    );
    let unverified =
        json!({"sub": "anna", "account_type": "sub-account", "email": "ghost@acme.example"});
    let bound = json!({"sub": "anna", "cnf": {"jkt": "abc"}});
    for wrong in [unverified, bound] {
        let token = key.token(&claims(&wrong, 0));
        is_denied(&sent(&token), 401, "TOKEN_INVALID");
    }
}

#[test]
fn keys_that_are_not_there_are_a_503_and_unready() {
    let start = start("");
    let set = start.path("set.json");
    std::fs::write(start.path("config.toml"), settings(&set)).unwrap();
    let sidecar = start.start();
    let key = Key::new();
    let token = format!("Bearer {}", key.token(&claims(&json!({"sub": "anna"}), 0)));
    let reply = of_acme(&sidecar, &[("authorization", &token)]);
    is_denied(&reply, 503, "KEYS_UNAVAILABLE");
    assert_eq!(reply.header("retry-after"), Some("1"));
    let ready = sidecar.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(
        ready.json()["missing"][0]
            .as_str()
            .unwrap()
            .starts_with("keys: "),
        "{}",
        ready.text
    );
    let metrics = sidecar.get("/metrics").text;
    assert!(
        metrics.contains("\npeppol_authz_token_keys 0\n"),
        "{metrics}"
    );
    assert!(!metrics.contains("\npeppol_authz_token_keys_failures_total 0\n"));
    // A request that needs no token is answered.
    is_denied(&of_acme(&sidecar, &[]), 401, "TOKEN_MISSING");
    let public = as_nginx(
        &sidecar.address,
        "GET",
        "/iso6523-actorid-upis::0007:1",
        &[("authorization", &token)],
    );
    is_subject(&public, "");
}

#[test]
fn a_refused_token_is_counted_and_logged_by_reason_without_its_contents() {
    let key = Key::new();
    let set = key.directory.path().join("set.json");
    let mut published = key.set();
    let keys = published["keys"].as_array_mut().unwrap();
    keys.push(json!({"kty": "RSA", "kid": "for encryption", "use": "enc"}));
    std::fs::write(&set, published.to_string()).unwrap();
    let mut sidecar = start(&settings(&set)).start();
    let sent = |token: &str| {
        let token = format!("Bearer {token}");
        is_denied(
            &of_acme(&sidecar, &[("authorization", &token)]),
            401,
            "TOKEN_INVALID",
        );
    };
    let of = |more: Value| key.token(&claims(&more, 0));
    let secret = json!({"sub": "anna@secret.example", "exp": 1, "ip": "192.0.2.7"});
    for _ in 0..20 {
        sent(&of(secret.clone()));
    }
    sent(&of(
        json!({"sub": "anna@secret.example", "iss": "https://secret.example"}),
    ));
    // The maker of a token chooses the name of its key.
    let good = of(json!({"sub": "anna"}));
    let (_, rest) = good.split_once('.').unwrap();
    for kid in [
        "anna@secret.example",
        "https://secret.example",
        "eyJ.secret",
    ] {
        let header = json!({"alg": "RS256", "kid": kid}).to_string();
        sent(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header)));
    }
    sent("anna@secret".replace('@', ".").as_str());
    sent("a,b");
    let metrics = sidecar.get("/metrics").text;
    for sample in [
        "tokens_refused_total{reason=\"it has expired\"} 20",
        "tokens_refused_total{reason=\"its issuer is not one of the settings\"} 1",
        "tokens_refused_total{reason=\"the key that it names is unknown\"} 3",
        "tokens_refused_total{reason=\"it has not the three parts of a signed token\"} 1",
        "tokens_refused_total{reason=\"its `Authorization` header has not the form of one bearer token\"} 1",
        "token_keys 1",
        "token_keys_refused 1",
    ] {
        assert!(
            metrics.contains(&format!("\npeppol_authz_{sample}\n")),
            "{sample}: {metrics}"
        );
    }
    let log = sidecar.stop();
    let text = serde_json::to_string(&log).unwrap();
    let line = |record: &&Value| record["message"] == "a token is refused";
    let refused: Vec<_> = log.iter().filter(line).collect();
    let expired = |record: &&&Value| record["reason"] == "it has expired";
    let expired: Vec<_> = refused.iter().filter(expired).collect();
    assert!(!expired.is_empty() && expired.len() < 20, "{refused:?}");
    for record in expired {
        assert_eq!(record["level"], "INFO");
        assert_eq!(record["issuer"], "https://login.example.com/");
        assert_eq!(record["kid"], "1");
    }
    assert!(refused.len() >= 4, "{refused:?}");
    assert!(text.contains("for encryption") && text.contains("it is not for signatures"));
    for word in ["secret", "192.0.2.7", "127.0.0.1:", "eyJ"] {
        let told = refused
            .iter()
            .any(|record| record.to_string().contains(word));
        assert!(!told, "{word}: {refused:?}");
    }
}

#[test]
fn a_token_of_thirty_kilobytes_passes_and_one_that_is_too_long_does_not() {
    let key = Key::new();
    let set = key.directory.path().join("set.json");
    std::fs::write(&set, key.set().to_string()).unwrap();
    let sidecar = start(&settings(&set)).start();
    let sent = |bytes: usize| {
        let claims = claims(&json!({"sub": "anna", "groups": "g".repeat(bytes)}), 0);
        let token = format!("Bearer {}", key.token(&claims));
        of_acme(&sidecar, &[("authorization", &token)])
    };
    is_subject(&sent(22_500), "anna");
    is_denied(&sent(24_600), 401, "TOKEN_INVALID");
}
