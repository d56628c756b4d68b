//! A calendar that jumps an hour either way: tokens, keys and certificates are judged by it; nothing that is kept
//! in memory becomes younger or older, and nothing is lost.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::fake_clock::{FakeClock, HOUR};
use super::{State, answered, done};
use crate::connection::ALLOWED;
use crate::decision_log::lines;
use crate::eventually::until;
use crate::gateway::tokens::Key;
use crate::gateway::{OF_ACME, ask};
use crate::identity::key_server::KeyServer;
use crate::sidecar::{Sidecar, Start};
use crate::tls::{Authority, HTTP1, connect, is_refused, with_tls};

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.unwrap().as_secs()).unwrap()
}

/// The status for a bearer.
fn sent(sidecar: &Sidecar, credential: &str) -> u16 {
    let bearer = format!("Bearer {credential}");
    let headers = [OF_ACME[0], OF_ACME[1], ("authorization", &bearer)];
    ask(&sidecar.address, "/authz/nginx", &headers).status
}

fn configured(settings: &str) -> Start {
    let start = Start::quickstart();
    let path = start.path("config.toml");
    std::fs::write(&path, settings).unwrap();
    start.with(&["--config", path.to_str().unwrap()])
}

/// Good for half an hour, before and after.
#[test]
fn tokens_and_keys_are_judged_by_it() {
    let (key, clock) = (Key::new(), FakeClock::new());
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("jwks.json");
    std::fs::write(&keys, key.set().to_string()).unwrap();
    let (from, until) = (now() - HOUR / 2, now() + HOUR / 2);
    let claims = json!({"iss": "https://i.example/", "aud": "peppol", "sub": "anna"});
    let mut dated = claims.clone();
    (dated["iat"], dated["exp"]) = (json!(from), json!(until));
    let token = key.token(&dated);
    let static_key = "k".repeat(40);
    let hash = {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(&static_key);
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let sidecar = clock
        .of(configured(&format!(
            "[jwt]\njwks = '{}'\nissuer = 'https://i.example/'\naudience = 'peppol'\n\
             [[api_keys.key]]\nname = 'k'\nhash = 'sha256:{hash}'\nclaims = {{ sub = 'anna', nbf = {from}, exp = {until} }}\n",
            keys.display()
        )))
        .start();
    // At once, both ways, and back.
    for (calendar, status) in [
        (0, 200),
        (HOUR, 401),
        (0, 200),
        (-HOUR, 401),
        (0, 200),
        (HOUR, 401),
    ] {
        clock.is(calendar, 0);
        assert_eq!(sent(&sidecar, &token), status, "token, {calendar}");
        assert_eq!(sent(&sidecar, &static_key), status, "key, {calendar}");
    }
    let record = sidecar.wait_for_log(
        "the clock of this machine was set: tokens, keys and certificates are judged by it",
    );
    assert_eq!(record["seconds"].as_f64().unwrap().abs() as i64 % HOUR, 0);
    // The keys are those of before: no age of theirs has changed by more than an hour.
    assert_eq!(sidecar.get("/readyz").status, 200);
}

/// An answer about a token is remembered for a minute, and not for an hour.
#[test]
fn an_answer_about_a_token_is_too_old_after_it() {
    let server = KeyServer::start();
    let says = |active: bool| {
        let answer = json!({"active": active, "sub": "anna", "aud": ["peppol"]});
        server.answer("200 OK", answer.to_string().as_bytes());
    };
    says(true);
    let (clock, directory) = (FakeClock::new(), tempfile::tempdir().unwrap());
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let sidecar = clock
        .of(configured(&format!(
            "[introspection]\nendpoint = '{}'\nclient_id = 'sidecar'\nclient_secret_file = '{}'\naudience = 'peppol'\n",
            server.url(),
            secret.display()
        )))
        .start();
    for (calendar, slept) in [(HOUR, 0), (HOUR, HOUR)] {
        says(true);
        assert_eq!(sent(&sidecar, "opaque"), 200);
        // It was revoked while the machine slept.
        says(false);
        assert_eq!(sent(&sidecar, "opaque"), 200);
        clock.is(calendar, slept);
        assert_eq!(sent(&sidecar, "opaque"), 401);
        clock.is(calendar + HOUR, slept);
    }
}

/// Certificates of two days, from now on.
#[test]
fn certificates_of_clients_are_judged_by_it() {
    let (ours, clock) = (Authority::new(), FakeClock::new());
    let server = ours.sign("server", "IP:127.0.0.1");
    let start = with_tls(Start::quickstart(), &server)
        .variable(
            "PEPPOL_AUTHZ_TLS__CLIENT_CA",
            ours.certificate().to_str().unwrap(),
        )
        .variable("PEPPOL_AUTHZ_TLS__CLIENT_CERTIFICATE", "required");
    let sidecar = clock.of(start).start();
    let known = ours.sign("client", "URI:spiffe://example.org/gateway");
    let client = || ours.client(Some(&known), HTTP1);
    let mut kept = connect(&sidecar, client());
    kept.is_served();
    for (calendar, is_valid) in [(HOUR, true), (-HOUR, false), (72 * HOUR, false), (0, true)] {
        clock.is(calendar, 0);
        assert_eq!(is_refused(&sidecar, client()), !is_valid, "{calendar}");
    }
    kept.is_served();
}

/// Lines go on, each once, in files that are whole.
#[test]
fn no_line_of_the_decision_log_is_lost() {
    let clock = FakeClock::new();
    let start = Start::quickstart();
    let log = start.path("d.log");
    let start = start.with(&["--decision-log", &format!("file:{}", log.display())]);
    let mut sidecar = clock.of(start).start();
    let question: Value = serde_json::from_str(ALLOWED).unwrap();
    let mut answered = Vec::new();
    for calendar in [0, HOUR, -HOUR, 0] {
        clock.is(calendar, 0);
        for _ in 0..3 {
            answered.push(sidecar.ask(&question)["decisionId"].clone());
        }
    }
    sidecar.stop();
    let logged: Vec<Value> = lines(&log).iter().map(|line| line["id"].clone()).collect();
    assert_eq!(logged, answered);
}

/// Files that were written by another calendar are read, and their changes are seen.
#[test]
fn changed_files_are_taken_over() {
    let clock = FakeClock::new();
    let start = Start::quickstart();
    let policies = start.path("policies");
    let written = |text: &str| {
        std::fs::create_dir_all(&policies).unwrap();
        std::fs::write(policies.join("p.cedar"), text).unwrap();
    };
    let [permit, forbid] = ["permit", "forbid"]
        .map(|effect| format!("@id(\"all\")\n{effect} (principal, action, resource);\n"));
    written(&permit);
    let start = start
        .with(&["--policies", policies.to_str().unwrap()])
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "20ms");
    let sidecar = clock.of(start).start();
    let question: Value = serde_json::from_str(ALLOWED).unwrap();
    let decided = || sidecar.ask(&question)["decision"].clone();
    for calendar in [HOUR, -HOUR, 0] {
        clock.is(calendar, 0);
        written(&forbid);
        until("the change is in force", || decided() == "Deny");
        written(&permit);
        until("it is taken back", || decided() == "Allow");
    }
}

/// The next question knows a revoked right in SQLite, whatever the calendar says.
#[test]
fn the_store_is_as_new_as_ever() {
    let clock = FakeClock::new();
    let start = Start::new();
    let file = start.path("a.ndjson");
    let source = format!("sqlite:{}", start.path("tenancy.db").display());
    let import = |state: State| {
        std::fs::write(&file, state.documents(0)).unwrap();
        done(&["import", "--tenancy", &source, file.to_str().unwrap()]);
    };
    import(State::First);
    let sidecar = clock.of(start.with(&["--tenancy", &source])).start();
    let mut state = State::First;
    for calendar in [HOUR, 0, -HOUR, 0] {
        assert_eq!(answered(&sidecar), Ok(state));
        clock.is(calendar, 0);
        assert_eq!(answered(&sidecar), Ok(state));
        state = state.other();
        import(state);
        assert_eq!(answered(&sidecar), Ok(state));
    }
}
