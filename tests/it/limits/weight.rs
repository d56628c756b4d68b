//! The cost of a request grows with its length and with nothing else; a long one ends in time.
//!
//! Where a cost grew with the square of the length, these requests would outlast every timeout.

use std::fmt::Write;

use serde_json::{Value, json};

use super::is_refused;
use crate::http::described::{ENTITIES, document, view_document, with_entities};
use crate::sidecar::{Reply, Sidecar, Start, program};

const SCHEMA: &str = "
    entity Group in [Group];
    entity User;
    entity Doc in [Group] = { readers?: Set<User> };
    type Asked = { users?: Set<User>, records?: Set<{ n: Long }> };
    action read appliesTo { principal: User, resource: Doc, context: Asked };
";

const POLICY: &str = "@id(\"p/readers\")
permit (principal, action, resource)
when { context has users && context.users.contains(principal) };
@id(\"p/groups\")
permit (principal, action, resource in Group::\"top\");
";

/// Over one user, with bodies of 16 MiB.
fn library() -> Start {
    let entities = json!([{"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []}]);
    Start::new()
        .policies(SCHEMA, POLICY)
        .entities(&entities)
        .variable("PEPPOL_AUTHZ_LIMITS__BODY_BYTES", "16777216")
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "50s")
}

fn uid(kind: &str, id: &str) -> Value {
    json!({"type": kind, "id": id})
}

fn doc(readers: &[String], parents: &[Value]) -> Value {
    json!({"uid": uid("Doc", "d"), "attrs": {"readers": readers}, "parents": parents})
}

fn read(context: Value, entities: Vec<Value>) -> Value {
    json!({
        "principal": uid("User", "u"),
        "action": uid("Action", "read"),
        "resource": uid("Doc", "d"),
        "context": context,
        "entities": entities,
    })
}

fn users(number: usize) -> Vec<String> {
    (0..number).map(|n| format!("user-{n}")).collect()
}

#[test]
fn many_entities_in_a_context_take_their_time_each_once() {
    // A slow machine has time for them, and none for as many as there are pairs of them.
    let sidecar = library()
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "50s")
        .start();
    let question = read(json!({"users": users(300_000)}), vec![doc(&[], &[])]);
    let answer = sidecar.ask(&question);
    assert_eq!(answer["reasons"][0]["code"], "UNKNOWN_ENTITY");
    let question = read(json!({"users": ["u"]}), vec![doc(&users(300_000), &[])]);
    assert_eq!(sidecar.ask(&question)["decision"], "Allow");
}

#[test]
fn a_request_that_takes_too_long_is_answered_in_time_and_others_meanwhile() {
    let sidecar = library()
        .variable("PEPPOL_AUTHZ_SERVER__WORKERS", "1")
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "1s")
        .start();
    // To read this takes several seconds; to send it, nearly nothing.
    let mut long = String::from(
        r#"{"principal": "User::\"u\"", "action": "Action::\"read\"", "resource": "Doc::\"d\"", "context": {"records": [{"n": 0}"#,
    );
    for n in 1..1_000_000 {
        write!(long, ",{{\"n\":{n}}}").unwrap();
    }
    long.push_str("]}}");
    let short = read(json!({"users": ["u"]}), vec![doc(&[], &[])]);
    std::thread::scope(|scope| {
        let replies: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| sidecar.send("/v1/is_authorized", &[], long.as_bytes())))
            .collect();
        for _ in 0..50 {
            assert_eq!(sidecar.ask(&short)["decision"], "Allow");
        }
        for reply in replies {
            is_refused(&reply.join().unwrap(), 503, "TIMED_OUT");
        }
    });
}

#[test]
fn ancestors_of_described_entities_are_limited_in_all() {
    let sidecar = library().start();
    let group = |n: usize| uid("Group", &format!("g-{n}"));
    let ask = |groups: usize, far: usize| -> Reply {
        let mut described = vec![doc(&[], &[group(0)])];
        for n in 0..groups {
            let parents: Vec<Value> = match n + 1 == groups {
                false => vec![group(n + 1)],
                true => (0..far)
                    .map(|n| uid("Group", &format!("far-{n}")))
                    .collect(),
            };
            described.push(json!({"uid": group(n), "attrs": {}, "parents": parents}));
        }
        let question = read(json!({"users": ["u"]}), described);
        sidecar.post("/v1/is_authorized", &question)
    };
    assert_eq!(ask(90, 10).json()["decision"], "Allow");
    assert_eq!(ask(2, 2000).json()["decision"], "Allow");
    // Each of 90 entities would have thousands of ancestors.
    let refused = ask(90, 5000);
    is_refused(&refused, 400, "MALFORMED_QUESTION");
    assert!(refused.text.contains("ancestors"), "{}", refused.text);
}

fn evaluations(items: usize, id: &str) -> Value {
    json!({
        "subject": {"type": "user", "id": id},
        "action": {"name": "get_organisation"},
        "resource": {"type": "organisation", "id": "acme"},
        "evaluations": vec![json!({}); items],
    })
}

#[test]
fn defaults_count_for_each_evaluation_that_takes_them() {
    let start = Start::quickstart();
    let log = start.path("d.log");
    let to = format!("file:{}", log.display());
    let mut sidecar = start.with(&["--decision-log", &to]).start();
    let long = "x".repeat(1_000_000);
    let ask = |body: &Value| sidecar.post("/access/v1/evaluations", body);
    is_refused(&ask(&evaluations(1000, &long)), 413, "BATCH_TOO_LARGE");
    // Also where the default is one that nobody reads.
    let mut unread = evaluations(1000, "anna");
    unread["context"] = json!({"unread": long});
    is_refused(&ask(&unread), 413, "BATCH_TOO_LARGE");
    let few = ask(&evaluations(3, &long)).json();
    for result in few["evaluations"].as_array().unwrap() {
        assert_eq!(result["decision"], false);
    }
    let many = ask(&evaluations(1000, "anna")).json();
    assert_eq!(many["evaluations"].as_array().unwrap().len(), 1000);
    assert_eq!(many["evaluations"][999]["decision"], true);
    sidecar.stop();
    let logged = std::fs::metadata(log).unwrap().len();
    assert!(logged < 2 << 20, "{logged}");
}

/// Puts an id into a question.
type Change = fn(&mut Value, &str);

/// With ids of at most 64 bytes, whether each entrance takes one of that length and refuses a longer
/// one.
#[test]
fn an_id_that_is_too_long_is_refused_at_every_entrance() {
    let sidecar = with_entities(ENTITIES)
        .variable("PEPPOL_AUTHZ_LIMITS__ID_BYTES", "64")
        .start();
    let (fits, long) = ("x".repeat(64), "x".repeat(65));
    let native = |change: Change, id: &str| {
        let mut question = view_document();
        question["entities"] = json!([document("d-0")]);
        change(&mut question, id);
        sidecar.post("/v1/is_authorized", &question)
    };
    let changes: [Change; 4] = [
        |question, id| question["principal"] = json!({"type": "Peppol::User", "id": id}),
        |question, id| question["resource"] = format!("Peppol::Document::\"{id}\"").into(),
        |question, id| question["entities"][0]["uid"]["id"] = id.into(),
        |question, id| {
            let of = json!({"__entity": {"type": "Peppol::LegalEntity", "id": id}});
            question["entities"][0]["attrs"]["legalEntity"] = of;
        },
    ];
    for change in changes {
        let (taken, refused) = (native(change, &fits), native(change, &long));
        assert!(!taken.text.contains("bytes"), "{}", taken.text);
        is_refused(&refused, 400, "MALFORMED_QUESTION");
        assert!(refused.text.contains("64 bytes"), "{}", refused.text);
    }
    let evaluation = |subject: Value, action: &str| {
        let resource = json!({"type": "document", "id": "d-0"});
        let body = json!({"subject": subject, "action": {"name": action}, "resource": resource});
        let answer = sidecar.post("/access/v1/evaluation", &body).json();
        assert_eq!(answer["decision"], false, "{answer}");
        answer.to_string().contains("64 bytes")
    };
    for (kind, id, action, is_refused) in [
        ("user", &*fits, "view_document", false),
        ("user", &*long, "view_document", true),
        (&*long, "u", "view_document", true),
        ("user", "u", &*long, true),
    ] {
        let subject = json!({"type": kind, "id": id});
        assert_eq!(
            evaluation(subject, action),
            is_refused,
            "{kind} {id} {action}"
        );
    }
    let search = json!({
        "principal": {"type": "Peppol::User"},
        "action": "Peppol::Action::\"viewDocument\"",
        "resource": {"type": "Peppol::Document", "id": long},
    });
    is_refused(
        &sidecar.post("/v1/search", &search),
        400,
        "MALFORMED_SEARCH",
    );
}

#[test]
fn an_id_that_is_too_long_is_not_stored() {
    let directory = tempfile::tempdir().unwrap();
    let import = |id: &str| {
        let documents = directory.path().join("tenancy.ndjson");
        let user = json!({
            "type": "USER", "id": id, "email": "a@a.example", "emailVerified": true,
            "superadmin": false,
        });
        std::fs::write(&documents, user.to_string()).unwrap();
        let tenancy = format!("sqlite:{}", directory.path().join("t.db").display());
        program()
            .args(["import", "--tenancy", &tenancy])
            .arg(documents)
            .output()
            .unwrap()
    };
    assert!(import(&"x".repeat(1024)).status.success());
    let refused = import(&"x".repeat(1025));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("`id`: is longer than the 1024 bytes"),
        "{said}"
    );
}

/// An error repeats a short part of a request.
#[test]
fn an_error_is_short_however_long_the_name_that_is_wrong() {
    let sidecar: Sidecar = Start::quickstart().start();
    let mut question = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    });
    question["x".repeat(500_000)] = json!(1);
    let reply = sidecar.post("/v1/is_authorized", &question);
    is_refused(&reply, 400, "MALFORMED_QUESTION");
    assert!(reply.text.len() < 1000, "{}", reply.text.len());
}
