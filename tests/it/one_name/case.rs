//! Letter case of addresses: only letters of ASCII become letters of ASCII.

use serde_json::{Value, json};

use super::{about, organisations, user};
use crate::postgres::server::SHARED;
use crate::sidecar::{Sidecar, Start};

/// Kelvin's sign, a dotted capital I, a long s, and letters of full width.
const OTHERS: [(&str, &str); 4] = [
    ("mike@x.example", "mi\u{212a}e@x.example"),
    ("ida@x.example", "\u{130}da@x.example"),
    ("sam@x.example", "\u{17f}am@x.example"),
    ("max@x.example", "\u{ff2d}ax@x.example"),
];

fn documents() -> Vec<Value> {
    let mut documents = organisations();
    documents.push(json!({"type": "LEGAL_ENTITY", "id": "le", "organisationId": "globex"}));
    for (i, (email, _)) in OTHERS.into_iter().enumerate() {
        let mut user = user(&format!("u{i}"));
        user["email"] = json!(email);
        documents.push(user);
    }
    let mut jorg = user("jörg");
    jorg["email"] = json!("JÖRG@x.example");
    documents.push(jorg);
    documents
}

fn is_registered(sidecar: &Sidecar, email: &str) -> bool {
    let mut question = about("gina", "createSubAccount", "LegalEntity", "le");
    question["context"] = json!({"email": email});
    let reply = sidecar.post("/v1/is_authorized", &question);
    // Letters that normalizing makes one of ASCII are in no address that may be new.
    if email.contains(['\u{212a}', '\u{17f}', '\u{ff2d}']) {
        assert_eq!(reply.status, 400, "{}", reply.text);
        return false;
    }
    match reply.json()["reasons"][0]["code"].as_str() {
        Some("EMAIL_ALREADY_REGISTERED") => true,
        None => false,
        other => panic!("{email}: {other:?}"),
    }
}

fn holds(start: Start) {
    let sidecar = start.documents(&documents()).start();
    for (email, other) in OTHERS {
        assert!(is_registered(&sidecar, email), "{email}");
        assert!(
            is_registered(&sidecar, &email.to_ascii_uppercase()),
            "{email}"
        );
        assert!(!is_registered(&sidecar, other), "{other}");
    }
    for email in ["jörg@x.example", "JÖRG@X.EXAMPLE"] {
        assert!(is_registered(&sidecar, email), "{email}");
    }
}

#[test]
fn no_other_letter_becomes_one_of_ascii() {
    holds(Start::new());
}

#[test]
fn no_other_letter_becomes_one_of_ascii_on_postgres() {
    let database = SHARED.database();
    holds(Start::new().with(&["--tenancy", &database.url()]));
}

/// A header that names who asks: the address of another is not mike's.
#[test]
fn nobody_is_taken_for_somebody_by_a_letter_like_theirs() {
    let mut documents = documents();
    documents.push(super::role("u0", "globex", "orgadmin"));
    let start = Start::new().documents(&documents);
    let path = start.path("config.toml");
    let header = "[gateway]\nheader = [{endpoint = \"traefik\", from = [\"127.0.0.1\"], name = \"X-Email\", \
                  type = \"User\", attribute = \"email\"}]\n";
    std::fs::write(&path, header).unwrap();
    let sidecar = start.with(&["--config", path.to_str().unwrap()]).start();
    let named = |value: &str| {
        let headers = [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/orgs/globex"),
            ("x-email", value),
        ];
        sidecar.send("/authz/traefik", &headers, b"").status
    };
    assert_eq!(
        (named("MIKE@x.example"), named("mi\u{212a}e@x.example")),
        (200, 403)
    );
}
