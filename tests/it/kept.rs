//! A decision that was made before is given again only where it would be the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use rusqlite::{Connection, types::Value as Sql};
use serde_json::{Value, json};

use crate::decision_log::lines;
use crate::eventually::until;
use crate::rules::question::Question;
use crate::rules::rng::Rng;
use crate::rules::tenancy::Tenancy;
use crate::samples::Samples;
use crate::sidecar::{Sidecar, Start, program};

const ROUNDS: usize = 25;
const QUESTIONS: usize = 150;

/// The tables whose rows are taken away.
const TABLES: [&str; 7] = [
    "membership",
    "party_authorization",
    "sub_account_legal_entity",
    "participant",
    "access_point",
    "document",
    "invitation",
];

fn recalled(sidecar: &Sidecar) -> f64 {
    Samples::of(sidecar).value("recalled_decisions_total", &[])
}

fn anna(action: &str) -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": format!("Peppol::Action::\"{action}\""),
        "resource": "Peppol::Organisation::\"acme\"",
    })
}

/// An answer without what is its own.
fn content(mut answer: Value) -> Value {
    answer["decisionId"] = Value::Null;
    answer
}

#[test]
fn an_equal_question_has_an_equal_answer_of_its_own() {
    let sidecar = Start::quickstart().start();
    let first = sidecar.ask(&anna("getOrganisation"));
    let second = sidecar.ask(&anna("getOrganisation"));
    assert_ne!(first["decisionId"], second["decisionId"]);
    assert_eq!(content(first), content(second));
    assert_eq!(recalled(&sidecar), 1.0);
    // In a batch, too.
    let requests = [anna("getOrganisation"), anna("updateOrganisation")];
    let batch = json!({"requests": requests});
    sidecar.post("/v1/batch_is_authorized", &batch);
    assert_eq!(recalled(&sidecar), 2.0);
    // Another context is another question.
    for mode in ["SHARED", "WHITELABEL", "SHARED"] {
        let mut question = anna("requestModeChange");
        question["context"] = json!({"requestedMode": mode});
        sidecar.ask(&question);
    }
    assert_eq!(recalled(&sidecar), 3.0);
    let decided = Samples::of(&sidecar).sum("decisions_total");
    assert_eq!(decided, 7.0);
}

/// The same question as a native one and as an evaluation.
fn both(
    principal: &str,
    action: &str,
    resource: &str,
    context: &Value,
) -> [(&'static str, Value); 2] {
    let (kind, id) = principal.split_once(' ').unwrap();
    let (of, name) = resource.split_once(' ').unwrap();
    [
        (
            "/v1/is_authorized",
            json!({
                "principal": {"type": format!("Peppol::{kind}"), "id": id},
                "action": {"type": "Peppol::Action", "id": action},
                "resource": {"type": format!("Peppol::{of}"), "id": name},
                "context": context,
            }),
        ),
        (
            "/access/v1/evaluation",
            json!({
                "subject": {"type": kind, "id": id},
                "action": {"name": action},
                "resource": {"type": of, "id": name},
                "context": context,
            }),
        ),
    ]
}

/// The text of an answer, without what is its own.
fn own_less(sidecar: &Sidecar, (path, question): &(&str, Value)) -> String {
    let reply = sidecar.post(path, question);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = reply.json();
    let id = [&answer["decisionId"], &answer["context"]["id"]];
    let mut text = reply.text;
    for own in id.into_iter().chain([&answer["tenancyRevision"]]) {
        if let Some(own) = own.as_str() {
            text = text.replace(own, "OWN");
        }
    }
    text
}

#[test]
fn the_text_of_an_answer_is_the_same_whether_it_is_kept_or_not() {
    for reveal in ["admin", "user", "nothing"] {
        let start = |bytes: &str| {
            let start = Start::quickstart().variable("PEPPOL_AUTHZ_AUTHZEN__REVEAL", reveal);
            start
                .variable("PEPPOL_AUTHZ_CACHE__DECISION_BYTES", bytes)
                .start()
        };
        let (keeping, plain) = (start("16777216"), start("0"));
        let asked = [
            (
                "User anna",
                "getOrganisation",
                "Organisation acme",
                json!({}),
            ),
            // A denial with a message.
            (
                "User anna",
                "uploadCertificate",
                "Organisation acme",
                json!({}),
            ),
            // A permit with an obligation.
            ("User anna", "listDocuments", "Organisation acme", json!({})),
            (
                "User nobody",
                "getOrganisation",
                "Organisation acme",
                json!({}),
            ),
            (
                "User root",
                "requestModeChange",
                "Organisation acme",
                json!({"requestedMode": "SHARED"}),
            ),
        ];
        for (principal, action, resource, context) in asked {
            for question in both(principal, action, resource, &context) {
                let fresh = own_less(&plain, &question);
                for _ in 0..3 {
                    assert_eq!(own_less(&keeping, &question), fresh);
                }
                // The same in other words is read anew, and means the same.
                let (path, mut question) = question;
                question["context"] = match context == json!({}) {
                    true => Value::Null,
                    false => context.clone(),
                };
                assert_eq!(own_less(&keeping, &(path, question)), fresh);
            }
        }
        assert!(recalled(&keeping) >= 30.0);
        assert_eq!(recalled(&plain), 0.0);
    }
}

/// Options count each time that a text is sent.
#[test]
fn a_text_with_options_is_read_each_time() {
    let start = Start::quickstart().variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all");
    let start = start.variable("PEPPOL_AUTHZ_FRESHNESS__WAIT", "10ms");
    let sidecar = start.start();
    let ask = |member: &str, value: Value| {
        let mut question = anna("getOrganisation");
        question[member] = value;
        sidecar.post("/v1/is_authorized", &question)
    };
    let revision = ask("explain", json!(false)).json()["tenancyRevision"].clone();
    let (history, number) = revision.as_str().unwrap().split_once('-').unwrap();
    let number = number.split('.').next().unwrap().parse::<u64>().unwrap();
    let later = format!("{history}-{}", number + 1000);
    let described =
        json!([{"uid": {"type": "Peppol::User", "id": "anna"}, "attrs": {}, "parents": []}]);
    for _ in 0..3 {
        assert!(ask("explain", json!(true)).json()["explanation"].is_object());
        let reply = ask("atLeast", json!(later));
        assert_ne!(reply.status, 200, "{}", reply.text);
        let reply = ask("entities", described.clone());
        assert_eq!(
            reply.json()["code"],
            "ENTITY_OF_SERVED_TYPE",
            "{}",
            reply.text
        );
    }
}

/// A text means what the schema in force says that it means.
#[test]
fn a_text_is_read_anew_by_another_schema() {
    let schema = |context: &str| {
        format!(
            "entity User; action read appliesTo {{ principal: User, resource: User, context: {{ {context} }} }};"
        )
    };
    let start = Start::new()
        .policies(
            &schema(""),
            "@id(\"p\") permit (principal, action, resource);",
        )
        .entities(&json!([{"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []}]));
    let file = start.path("test.cedarschema");
    let sidecar = start.start();
    let text =
        br#"{"principal":"User::\"u\"","action":"Action::\"read\"","resource":"User::\"u\""}"#;
    let status = || sidecar.send("/v1/is_authorized", &[], text).status;
    assert_eq!([status(), status()], [200, 200]);
    assert_eq!(recalled(&sidecar), 1.0);
    std::fs::write(&file, schema("why: String")).unwrap();
    crate::eventually::until("the schema is taken", || status() == 400);
    assert_eq!(status(), 400);
}

#[test]
fn a_decision_is_made_anew_where_it_is_to_be_explained() {
    let start = Start::quickstart().variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all");
    let sidecar = start.start();
    let mut question = anna("getOrganisation");
    sidecar.ask(&question);
    question["explain"] = json!(true);
    let answer = sidecar.ask(&question);
    assert!(answer["explanation"].is_object(), "{answer}");
    assert_eq!(recalled(&sidecar), 0.0);
}

#[test]
fn nothing_is_given_again_where_nothing_is_kept() {
    for variable in ["CACHE__ENABLED=false", "CACHE__DECISION_BYTES=0"] {
        let (name, value) = variable.split_once('=').unwrap();
        let start = Start::quickstart().variable(&format!("PEPPOL_AUTHZ_{name}"), value);
        let sidecar = start.start();
        for _ in 0..3 {
            sidecar.ask(&anna("getOrganisation"));
        }
        assert_eq!(recalled(&sidecar), 0.0, "{variable}");
    }
}

/// Other policies are another state: nothing of the one before is given again.
#[test]
fn other_policies_decide_anew() {
    let start = Start::quickstart();
    let policies = start.path("policies");
    std::fs::create_dir(&policies).unwrap();
    let file = policies.join("all.cedar");
    std::fs::write(&file, "permit (principal, action, resource);\n").unwrap();
    let sidecar = start
        .with(&["--policies", policies.to_str().unwrap()])
        .start();
    for _ in 0..2 {
        assert_eq!(sidecar.ask(&anna("getOrganisation"))["decision"], "Allow");
    }
    std::fs::write(&file, "forbid (principal, action, resource);\n").unwrap();
    crate::eventually::until("the change is taken", || {
        Samples::of(&sidecar).value("reloads_total", &[("result", "taken")]) > 1.0
    });
    assert_eq!(sidecar.ask(&anna("getOrganisation"))["decision"], "Deny");
    assert_eq!(recalled(&sidecar), 1.0);
}

/// Takes a row out of a table, if there is one that nothing else needs.
fn take_row(database: &Connection, rng: &mut Rng) {
    let table = rng.pick(TABLES);
    let keys = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
    let mut keys = database.prepare(keys).unwrap();
    let keys = keys.query_map([table], |row| row.get::<_, String>(0));
    let keys: Vec<String> = keys.unwrap().map(Result::unwrap).collect();
    let count = format!("SELECT count(*) FROM {table}");
    let count: i64 = database.query_row(&count, [], |row| row.get(0)).unwrap();
    let count = usize::try_from(count).unwrap();
    if count == 0 {
        return;
    }
    let row = format!(
        "SELECT {} FROM {table} LIMIT 1 OFFSET {}",
        keys.join(", "),
        rng.below(count)
    );
    let row: Vec<Sql> = database
        .query_row(&row, [], |row| {
            (0..keys.len()).map(|place| row.get(place)).collect()
        })
        .unwrap();
    let row_is = keys.iter().map(|key| format!("{key} = ?"));
    let row_is: Vec<String> = row_is.collect();
    let delete = format!("DELETE FROM {table} WHERE {}", row_is.join(" AND "));
    // Other rows may refer to it.
    let _ = database.execute(&delete, rusqlite::params_from_iter(row));
}

/// Imports some documents, if they fit what is there.
fn import(path: &Path, documents: &[Value], rng: &mut Rng) {
    let chosen = (0..6).map(|_| documents[rng.below(documents.len())].to_string());
    let lines: Vec<String> = chosen.collect();
    let file = path.with_extension("ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let source = format!("sqlite:{}", path.display());
    let mut import = program();
    import.args(["import", "--tenancy", &source]).arg(&file);
    let ended = import.stdout(Stdio::null()).stderr(Stdio::null()).status();
    ended.unwrap();
}

#[test]
fn it_is_the_same_decision_whatever_is_written_between() {
    are_the_same(11, |start| start);
}

/// The observers receive the same, too: the lines of a log with their slices, and what a shadow counts.
#[test]
fn observers_receive_the_same_whatever_is_written_between() {
    let observed = |start: Start| {
        let shadow = start.path("shadow");
        crate::shadow::policies(&shadow, crate::shadow::CLOSED);
        let log = format!("file:{}", start.path("d.log").display());
        // Both hash by one key.
        let key = start.path("log.key");
        std::fs::write(&key, "k".repeat(32)).unwrap();
        let arguments = ["--decision-log", &log, "--log-slice", "--shadow"];
        start
            .with(&arguments)
            .with(&[shadow.to_str().unwrap()])
            .variable("PEPPOL_AUTHZ_DECISION_LOG__KEY_FILE", key.to_str().unwrap())
            .variable("PEPPOL_AUTHZ_SHADOW__CAPACITY", "100000")
    };
    let [keeping, plain] = are_the_same(12, observed);
    let asked = ROUNDS * (QUESTIONS + 1);
    let counts = [&keeping, &plain].map(|sidecar| {
        until("all has been looked at", || {
            lines(&sidecar.path("d.log")).len() == asked
                && ["agreed", "disagreed"]
                    .map(|result| judged(sidecar, result))
                    .iter()
                    .sum::<f64>()
                    >= asked as f64
        });
        ["agreed", "disagreed"].map(|result| judged(sidecar, result))
    });
    assert_eq!(counts[0], counts[1]);
    assert!(counts[0].iter().all(|count| *count > 50.0), "{counts:?}");
    let [kept, anew] = [keeping, plain].map(|sidecar| lines(&sidecar.path("d.log")));
    for (mut kept, mut anew) in kept.into_iter().zip(anew) {
        for own in ["id", "time", "latencyMicros"] {
            kept[own] = Value::Null;
            anew[own] = Value::Null;
        }
        assert_eq!(kept, anew);
    }
}

fn judged(sidecar: &Sidecar, result: &str) -> f64 {
    Samples::of(sidecar).value("shadow_decisions_total", &[("result", result)])
}

/// One sidecar keeps decisions, another decides each question from the database. Between rounds of
/// the same questions, rows come, change and go.
fn are_the_same(seed: u64, with: impl Fn(Start) -> Start) -> [Sidecar; 2] {
    let mut rng = Rng::new(seed);
    let tenancy = Tenancy::random(&mut rng, 4);
    let others: Vec<Value> = (0..4)
        .flat_map(|_| Tenancy::random(&mut rng, 4).documents())
        .collect();
    let keeping = with(Start::new().documents(&tenancy.documents())).start();
    let path = keeping.path("tenancy.db");
    let source = format!("sqlite:{}", path.display());
    let plain = Start::new()
        .with(&["--tenancy", &source])
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false");
    let plain = with(plain).start();
    let database = Connection::open(&path).unwrap();
    database.pragma_update(None, "foreign_keys", true).unwrap();
    database
        .busy_timeout(std::time::Duration::from_secs(20))
        .unwrap();
    let questions = (0..QUESTIONS).map(|_| Question::random(&mut rng, &tenancy));
    let questions: Vec<Value> = questions
        .collect::<Vec<_>>()
        .iter()
        .map(|question| question.to_json(&mut rng))
        .collect();
    let mut last: BTreeMap<usize, String> = BTreeMap::new();
    let mut changed = 0;
    for round in 0..ROUNDS {
        for _ in 0..rng.below(4) {
            take_row(&database, &mut rng);
        }
        if round % 3 == 1 {
            import(&path, &others, &mut rng);
        }
        let batch = json!({"requests": questions});
        let [kept, anew] = [&keeping, &plain].map(|sidecar| {
            let reply = sidecar.post("/v1/batch_is_authorized", &batch);
            assert_eq!(reply.status, 200, "{}", reply.text);
            let json = reply.json();
            let results = json["results"].as_array().unwrap().clone();
            results.into_iter().map(content).collect::<Vec<_>>()
        });
        for (number, (kept, anew)) in kept.iter().zip(&anew).enumerate() {
            assert_eq!(kept, anew, "round {round}: {}", questions[number]);
            let said = kept["decision"].to_string() + &kept["reasons"].to_string();
            let before = last.insert(number, said.clone());
            changed += usize::from(before.is_some_and(|before| before != said));
        }
        // One by one as well.
        let alone = rng.below(QUESTIONS);
        for sidecar in [&keeping, &plain] {
            assert_eq!(content(sidecar.ask(&questions[alone])), anew[alone]);
        }
    }
    assert!(changed > 20, "{changed} answers changed");
    let asked = (ROUNDS * QUESTIONS) as f64;
    let recalled = recalled(&keeping);
    assert!(recalled > asked / 4.0 && recalled < asked, "{recalled}");
    [keeping, plain]
}
