//! The questions of a request may be answered by decisions that are kept, and then as they would be anew.

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use super::start;
use crate::connection::Connection;
use crate::decision_log::lines;
use crate::rules::rng::Rng;
use crate::samples::Samples;
use crate::sidecar::{Reply, Sidecar, Start};

const SETTINGS: &str = "[[gateway.header]]\nendpoint = \"envoy\"\nfrom = [\"127.0.0.1\"]\n\
                        name = \"X-User\"\ntype = \"User\"\n";
const ROUNDS: usize = 60;
/// Of a round, each of all requests.
const TURNS: usize = 2;

/// Requests whose questions are made of the path, of the body, and of what the store holds.
const REQUESTS: [(&str, &str, &str); 9] = [
    ("GET", "/orgs/acme", ""),
    ("GET", "/orgs/globex", ""),
    ("PUT", "/orgs/acme", r#"{"modeChangeRequest": "SHARED"}"#),
    ("GET", "/orgs/acme/members", ""),
    (
        "PUT",
        "/orgs/acme/members/mia",
        r#"{"memberRole": "orgadmin"}"#,
    ),
    ("DELETE", "/orgs/acme/members/mia", ""),
    ("POST", "/orgs/acme/leave", ""),
    ("GET", "/api/v1/user", ""),
    ("GET", "/nowhere", ""),
];

/// Writes that change the answers to some of them, and undo that.
const WRITES: [&str; 9] = [
    "DELETE FROM membership WHERE user_id = 'anna'",
    "INSERT OR IGNORE INTO membership VALUES ('anna', 'acme', 'orgadmin')",
    "INSERT OR IGNORE INTO membership VALUES ('anna', 'acme', 'orgmember')",
    "INSERT OR IGNORE INTO membership VALUES ('mia', 'acme', 'orgmember')",
    "DELETE FROM membership WHERE user_id = 'mia'",
    "UPDATE organisation SET mode = 'WHITELABEL' WHERE id = 'acme'",
    "UPDATE organisation SET mode = 'DEMO' WHERE id = 'acme'",
    "UPDATE registered_user SET email_verified = false WHERE id = 'anna'",
    "UPDATE registered_user SET email_verified = true WHERE id = 'anna'",
];

fn logging(start: Start) -> Start {
    let log = format!("file:{}", start.path("d.log").display());
    // Both hash by one key.
    let key = start.path("log.key");
    std::fs::write(&key, "k".repeat(32)).unwrap();
    start
        .with(&["--decision-log", &log, "--log-slice"])
        .variable("PEPPOL_AUTHZ_DECISION_LOG__KEY_FILE", key.to_str().unwrap())
}

fn asked(sidecar: &Sidecar, (method, target, body): (&str, &str, &str)) -> Reply {
    let mut connection = Connection::open_at(&sidecar.address);
    connection.write(format!(
        "{method} /authz/envoy{target} HTTP/1.1\r\nhost: a\r\nx-user: anna\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    connection.reply()
}

/// A reply without what is its own.
fn content(reply: &Reply) -> (u16, Vec<Option<String>>, Value) {
    let told = ["x-authz-code", "x-authz-resource", "x-authz-subject"];
    let told = told.map(|name| reply.header(name).map(str::to_owned));
    let mut body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    for own in ["decisionId", "requestId", "tenancyRevision"] {
        body[own] = Value::Null;
    }
    (reply.status, told.to_vec(), body)
}

fn recalled(sidecar: &Sidecar) -> f64 {
    Samples::of(sidecar).value("recalled_decisions_total", &[])
}

#[test]
fn an_equal_request_is_answered_by_decisions_that_are_kept() {
    let sidecar = start(SETTINGS).start();
    let request = REQUESTS[0];
    assert_eq!(asked(&sidecar, request).status, 200);
    assert_eq!(recalled(&sidecar), 0.0);
    let again = asked(&sidecar, request);
    assert_eq!((again.status, recalled(&sidecar)), (200, 1.0));
    // A kept decision is one of the policies: a native question is answered by it too.
    sidecar.ask(&json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": {"type": "Peppol::Organisation", "id": "acme"},
    }));
    assert_eq!(recalled(&sidecar), 2.0);
    let database = Database::open(sidecar.path("tenancy.db")).unwrap();
    database.execute(WRITES[0], []).unwrap();
    assert_eq!(asked(&sidecar, request).status, 403);
    assert_eq!(recalled(&sidecar), 2.0);
}

/// Answers, and the lines of a log with their slices.
#[test]
fn requests_are_answered_the_same_whatever_is_written_between() {
    let mut keeping = logging(start(SETTINGS)).start();
    let path = keeping.path("tenancy.db");
    let plain = start(SETTINGS)
        .with(&["--tenancy", &format!("sqlite:{}", path.display())])
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false");
    let mut plain = logging(plain).start();
    let database = Database::open(&path).unwrap();
    let wait = std::time::Duration::from_secs(20);
    database.busy_timeout(wait).unwrap();
    let mut rng = Rng::new(5);
    let (mut statuses, mut changed) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let write = WRITES[rng.below(WRITES.len())];
        database.execute(write, []).unwrap();
        for _ in 0..TURNS {
            let replies: Vec<_> = REQUESTS
                .iter()
                .map(|request| {
                    let [kept, anew] =
                        [&keeping, &plain].map(|sidecar| content(&asked(sidecar, *request)));
                    assert_eq!(kept, anew, "{round}: {request:?} after {write}");
                    kept.0
                })
                .collect();
            changed += usize::from(statuses != replies);
            statuses = replies;
        }
    }
    assert!(changed > ROUNDS / 10, "{changed}");
    assert!(recalled(&keeping) > ROUNDS as f64);
    let [kept, anew] = [&mut keeping, &mut plain].map(|sidecar| {
        // The log is whole then.
        sidecar.stop();
        lines(&sidecar.path("d.log"))
    });
    assert_eq!(kept.len(), anew.len());
    for (mut kept, mut anew) in kept.into_iter().zip(anew) {
        for own in ["id", "time", "latencyMicros"] {
            kept[own] = Value::Null;
            anew[own] = Value::Null;
        }
        assert_eq!(kept, anew);
    }
}
