//! A log that takes no more: what happens to answers then is a setting.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use peppol_authz_server::identity::hash_of_api_key;
use serde_json::{Value, json};

use super::{are_exactly, get_acme, ids, sample, setting};
use crate::eventually::until;
use crate::samples::Samples;
use crate::sidecar::{Reply, Sidecar, Start};

/// Asks of one kind that fill any pipe, and what waits before it.
const MANY: usize = 2000;

/// Writes to a pipe that nobody reads yet.
fn piped(when_full: &str) -> Sidecar {
    piped_by(when_full, "3", "1000000")
}

fn piped_by(when_full: &str, capacity: &str, bytes: &str) -> Sidecar {
    piped_over(Start::quickstart(), when_full, capacity, bytes)
}

fn piped_over(start: Start, when_full: &str, capacity: &str, bytes: &str) -> Sidecar {
    let path = start.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let to = format!("file:{}", path.display());
    let start = start.with(&["--decision-log", &to, "--log-slice"]);
    let start = setting(start, "WHEN_FULL", when_full);
    let start = setting(start, "QUEUE_BYTES", bytes);
    let start = setting(start, "CAPACITY", capacity);
    hurried(start, when_full).start()
}

/// Where answers wait for the log, their time is over soon. The others are answered at once, however long
/// that takes.
fn hurried(start: Start, when_full: &str) -> Start {
    match when_full {
        "wait" => start.variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "300ms"),
        _ => start,
    }
}

/// Reads all that is written from now on, until the program has ended.
fn read(path: &Path) -> JoinHandle<Vec<Value>> {
    let path = path.to_owned();
    std::thread::spawn(move || {
        let mut text = String::new();
        std::fs::File::open(path)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    })
}

fn ask(sidecar: &Sidecar) -> Reply {
    sidecar.post("/v1/is_authorized", &get_acme())
}

/// Asks until nothing is decided any more: one answer alone may only have come in between. Returns
/// what was decided before.
#[track_caller]
fn ask_until_full(sidecar: &Sidecar) -> (Vec<String>, Reply) {
    let (mut decided, mut in_a_row) = (Vec::new(), 0);
    for _ in 0..MANY {
        let reply = ask(sidecar);
        match reply.status {
            200 => {
                decided.push(reply.json()["decisionId"].as_str().unwrap().to_owned());
                in_a_row = 0;
            }
            _ => in_a_row += 1,
        }
        if in_a_row == 3 {
            return (decided, reply);
        }
    }
    panic!("it takes all");
}

/// Each answered question has a line, and no other has one, once the pipe is read.
#[track_caller]
fn holds_back(mut sidecar: Sidecar) {
    let (mut answered, refused) = ask_until_full(&sidecar);
    assert!(answered.len() > 3);
    // The first ones that wait are late.
    let code = refused.json()["code"].clone();
    let known = [json!("TIMED_OUT"), json!("DECISION_NOT_LOGGED")];
    assert!(refused.status == 503 && known.contains(&code), "{code}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(!refused.text.contains("Allow"));
    // A pipe that nobody has read for a while is one that cannot be written. The queue may have been full for a
    // moment alone, as the thread that writes had no turn: then there is more to ask.
    until("it is not ready", || {
        let reply = ask(&sidecar);
        if reply.status == 200 {
            answered.push(reply.json()["decisionId"].as_str().unwrap().to_owned());
        }
        sidecar.get("/readyz").status == 503
    });
    let ready = sidecar.get("/readyz").json();
    let missing = ready["missing"][0].as_str().unwrap();
    assert!(missing.starts_with("decision log: "), "{missing}");
    let refused = ask(&sidecar).json();
    assert_eq!(refused["code"], "DECISION_NOT_LOGGED", "{refused}");
    let lines = read(&sidecar.path("pipe"));
    until("it is ready again", || sidecar.get("/readyz").status == 200);
    until("it answers again", || {
        let reply = ask(&sidecar);
        if reply.status == 200 {
            answered.push(reply.json()["decisionId"].as_str().unwrap().to_owned());
        }
        reply.status == 200
    });
    assert_eq!(sample(&sidecar, "decision_log_dropped_total"), 0);
    sidecar.stop();
    are_exactly(&ids(&lines.join().unwrap()), &answered);
}

#[test]
fn an_answer_waits_for_room_and_then_is_none() {
    holds_back(piped("wait"));
}

#[test]
fn an_answer_is_refused() {
    holds_back(piped("refuse"));
}

/// Few lines may be heavy: the queue is full by their bytes too.
#[test]
fn what_waits_is_bounded_by_its_bytes() {
    for when_full in ["wait", "refuse"] {
        holds_back(piped_by(when_full, "1000000", "65536"));
    }
    let mut sidecar = piped_by("drop", "1000000", "65536");
    let mut asked = 0;
    while sample(&sidecar, "decision_log_dropped_total") == 0 {
        assert_eq!(ask(&sidecar).status, 200);
        asked += 1;
        assert!(asked < MANY);
    }
    let lines = read(&sidecar.path("pipe"));
    sidecar.stop();
    let dropped = asked - lines.join().unwrap().len();
    assert!(dropped > 0 && dropped < asked, "{dropped} of {asked}");
}

/// One that is heavier than all the room is written as any other.
#[test]
fn a_line_that_is_heavier_than_the_room_has_it_alone() {
    for when_full in ["wait", "refuse"] {
        let contacts = (0..1000).map(|n| json!({"contactType": format!("C{n}")}));
        let documents = [
            json!({
                "type": "ORGANISATION", "id": "acme", "organisationMode": "SHARED",
                "legalIdentifierCode": "SE_ORGNR", "legalIdentifier": "556123-4567",
                "modeChangeRequest": null, "contacts": contacts.collect::<Vec<_>>(),
            }),
            json!({
                "type": "USER", "id": "anna", "email": "anna@acme.example",
                "emailVerified": true, "superadmin": false,
            }),
        ];
        let start = super::to_file(Start::new().documents(&documents));
        let start = setting(start, "WHEN_FULL", when_full);
        let sidecar = setting(start, "QUEUE_BYTES", "65536").start();
        for lines in 1..4 {
            let reply = ask(&sidecar);
            assert_eq!(reply.status, 200, "{}", reply.text);
            until("all lines are written", || {
                sample(&sidecar, "decision_log_lines_total") == lines
            });
        }
        assert_eq!(super::ended(sidecar).len(), 3);
    }
}

/// A refused decision is in no count, and no other observer sees it.
#[test]
fn what_is_refused_is_not_counted_as_given() {
    let start = Start::quickstart();
    let directory = start.path("logs");
    std::fs::create_dir(&directory).unwrap();
    let to = format!("file:{}", directory.join("d.log").display());
    let policies = crate::sidecar::project("policies").display().to_string();
    let start = start.with(&["--decision-log", &to, "--shadow", &policies]);
    let sidecar = setting(start, "WHEN_FULL", "refuse").start();
    let counted = || Samples::of(&sidecar);
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(ask(&sidecar).status, 200);
    until("writes fail", || is_failing(&sidecar));
    let evaluation = json!({
        "subject": {"type": "User", "id": "anna"},
        "action": {"name": "get_organisation"},
        "resource": {"type": "Organisation", "id": "acme"},
    });
    for _ in 0..5 {
        assert_eq!(ask(&sidecar).status, 503);
        let reply = sidecar.post("/access/v1/evaluation", &evaluation);
        assert_eq!(reply.status, 503, "{}", reply.text);
    }
    assert_eq!(counted().sum("decisions_total"), 1.0);
    std::fs::create_dir(&directory).unwrap();
    until("writes succeed", || !is_failing(&sidecar));
    assert_eq!(ask(&sidecar).status, 200);
    assert_eq!(counted().sum("decisions_total"), 2.0);
    // Observers get decisions in order: one that has the last has all.
    until("the shadow has decided", || {
        counted().sum("shadow_decisions_total") >= 2.0
    });
    assert_eq!(counted().sum("shadow_decisions_total"), 2.0);
}

/// One that waits gets its answer as soon as there is room.
#[test]
fn what_waits_goes_on_when_there_is_room() {
    let mut sidecar = piped("wait");
    let (mut answered, _) = ask_until_full(&sidecar);
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| ask(&sidecar))).collect();
        let lines = read(&sidecar.path("pipe"));
        for reply in asked {
            let reply = reply.join().unwrap();
            if reply.status == 200 {
                answered.push(reply.json()["decisionId"].as_str().unwrap().to_owned());
            }
        }
        until("all lines are written", || {
            sample(&sidecar, "decision_log_lines_total") == answered.len() as u64
        });
        sidecar.signal("TERM");
        are_exactly(&ids(&lines.join().unwrap()), &answered);
    });
    sidecar.ended();
}

#[test]
fn lines_are_dropped_and_counted() {
    let mut sidecar = piped("drop");
    let mut answered = Vec::new();
    while sample(&sidecar, "decision_log_dropped_total") < 5 {
        answered.push(sidecar.ask(&get_acme())["decisionId"].clone());
        assert!(answered.len() < MANY);
    }
    // It answers all the same, and says that lines are lost.
    let warns = || {
        let ready = sidecar.get("/readyz");
        assert_eq!(ready.status, 200, "{}", ready.text);
        ready.text.contains("answers leave without a line")
    };
    until("readiness warns", warns);
    let dropped = sample(&sidecar, "decision_log_dropped_total");
    let lines = read(&sidecar.path("pipe"));
    let kept = answered.len() as u64 - dropped;
    until("the kept lines are written", || {
        sample(&sidecar, "decision_log_lines_total") == kept
    });
    answered.push(sidecar.ask(&get_acme())["decisionId"].clone());
    assert_eq!(sample(&sidecar, "decision_log_dropped_total"), dropped);
    let log = sidecar.stop();
    let lines = lines.join().unwrap();
    assert_eq!(lines.len() as u64, kept + 1);
    assert!(lines.iter().all(|line| answered.contains(&line["id"])));
    // It is said once each time it begins and once each time it ends: a slow write fills so short a
    // queue too.
    let said = log
        .iter()
        .filter_map(|record| match record["message"].as_str() {
            Some("the decision log is full, decisions are dropped") => Some("full"),
            Some("the decision log takes decisions again") => Some("room"),
            _ => None,
        });
    let said: Vec<_> = said.collect();
    assert!(said.len() >= 2, "{said:?}");
    assert!(
        said.chunks(2).all(|pair| pair == ["full", "room"]),
        "{said:?}"
    );
}

/// A disk that is full, for good.
fn to_full(when_full: &str) -> Sidecar {
    let start = Start::quickstart().with(&["--decision-log", "file:/dev/full"]);
    let start = setting(start, "WHEN_FULL", when_full);
    setting(start, "CAPACITY", "1")
        .variable("PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT", "0s")
        // Nobody waits for a file that cannot be written.
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "1h")
        .start()
}

fn is_failing(sidecar: &Sidecar) -> bool {
    sample(sidecar, "decision_log_failing") == 1
}

#[test]
fn nothing_is_allowed_while_the_log_cannot_be_written() {
    let code = "DECISION_NOT_LOGGED";
    for when_full in ["wait", "refuse"] {
        let mut sidecar = to_full(when_full);
        assert_eq!(sidecar.get("/readyz").status, 200);
        // By this one it is found out.
        ask(&sidecar);
        until("writes fail", || is_failing(&sidecar));
        let ready = sidecar.get("/readyz");
        assert_eq!(ready.status, 503, "{}", ready.text);
        let missing = ready.json()["missing"][0].clone();
        assert!(
            missing.as_str().unwrap().starts_with("decision log: "),
            "{missing}"
        );
        for _ in 0..3 {
            let reply = ask(&sidecar);
            assert_eq!((reply.status, &reply.json()["code"]), (503, &json!(code)));
        }
        let batch = sidecar.post(
            "/v1/batch_is_authorized",
            &json!({"requests": [get_acme(), {}]}),
        );
        assert_eq!(batch.json()["results"][0]["error"]["code"], code);
        let evaluation = json!({
            "subject": {"type": "User", "id": "anna"},
            "action": {"name": "get_organisation"},
            "resource": {"type": "Organisation", "id": "acme"},
        });
        let reply = sidecar.post("/access/v1/evaluation", &evaluation);
        assert_eq!((reply.status, &reply.json()["code"]), (503, &json!(code)));
        let mut several = evaluation;
        several["evaluations"] = json!([{}, {}]);
        let reply = sidecar.post("/access/v1/evaluations", &several);
        assert!(!reply.text.contains("true"), "{}", reply.text);
        assert_eq!(sample(&sidecar, "decision_log_lines_total"), 0);
        // Lines of answers are lost.
        let (code, log) = sidecar.stopped();
        assert_eq!(code, Some(1));
        let said = |message: &str| {
            log.iter()
                .filter(|record| record["message"] == message)
                .count()
        };
        assert_eq!(said("the decision log cannot be written"), 1);
        let last = "the last decisions were not logged: the decision log cannot be written";
        assert_eq!(said(last), 1);
    }
}

#[test]
fn what_cannot_be_written_is_dropped_where_that_is_asked_for() {
    let mut sidecar = to_full("drop");
    let mut asked = 0;
    while sample(&sidecar, "decision_log_dropped_total") < 2 {
        assert_eq!(ask(&sidecar).status, 200);
        asked += 1;
        assert!(asked < MANY);
    }
    until("writes fail", || is_failing(&sidecar));
    assert_eq!(sidecar.stopped().0, Some(1));
}

/// A file that is gone is made again as soon as it can be, and holds all that was answered.
#[test]
fn a_log_that_can_be_written_again_has_lost_nothing() {
    let start = Start::quickstart();
    let directory = start.path("logs");
    std::fs::create_dir(&directory).unwrap();
    let path = directory.join("d.log");
    let start = start.with(&["--decision-log", &format!("file:{}", path.display())]);
    let mut sidecar = setting(start, "WHEN_FULL", "refuse").start();
    let id = |reply: Reply| reply.json()["decisionId"].as_str().unwrap().to_owned();
    std::fs::remove_dir_all(&directory).unwrap();
    let mut answered = vec![id(ask(&sidecar))];
    until("writes fail", || is_failing(&sidecar));
    assert_eq!(ask(&sidecar).status, 503);
    std::fs::create_dir(&directory).unwrap();
    until("writes succeed", || !is_failing(&sidecar));
    answered.push(id(ask(&sidecar)));
    let log = sidecar.stop();
    are_exactly(&ids(&super::lines(&path)), &answered);
    let again = "the decision log can be written again";
    assert!(log.iter().any(|record| record["message"] == again));
}

/// A file with one key of a caller.
fn key_of(name: &str) -> String {
    let hash = hash_of_api_key(&format!("authz_{name:_>40}")).unwrap();
    format!("[[key]]\nname = \"{name}\"\nhash = \"{hash}\"\nclaims = {{ roles = [\"decide\"] }}\n")
}

#[test]
fn what_is_loaded_while_the_log_takes_no_lines_counts_and_has_its_line_later() {
    for when_full in ["wait", "refuse"] {
        let start = Start::quickstart();
        let file = start.path("callers.toml");
        std::fs::write(&file, key_of("first")).unwrap();
        let start = start.variable("PEPPOL_AUTHZ_CALLERS__FILE", file.to_str().unwrap());
        let sidecar = piped_over(start, when_full, "3", "1000000");
        ask_until_full(&sidecar);
        // A key that is taken away must not count on because of a log.
        for name in ["second", "third"] {
            std::fs::write(&file, key_of(name)).unwrap();
            sidecar.signal("HUP");
            sidecar.wait_for_log("changed static keys are in force");
        }
        assert_eq!(ask(&sidecar).status, 503, "{when_full}");
        let (lines, pipe) = (Arc::new(Mutex::new(Vec::new())), sidecar.path("pipe"));
        let read = Arc::clone(&lines);
        std::thread::spawn(move || {
            let pipe = BufReader::new(std::fs::File::open(pipe).unwrap());
            for line in pipe.lines() {
                let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
                read.lock().unwrap().push(line);
            }
        });
        until("answers are given again", || ask(&sidecar).status == 200);
        let loads = || -> Vec<Value> {
            let lines = lines.lock().unwrap();
            let loads = lines.iter().filter(|line| line["surface"] == "loading");
            loads.map(|line| line["administration"].clone()).collect()
        };
        until("both have their lines", || loads().len() == 2);
        for load in loads() {
            assert_eq!(load["part"], "keys", "{load}");
            assert_eq!(load["outcome"], "taken", "{load}");
        }
        assert_ne!(loads()[0]["revision"], loads()[1]["revision"]);
    }
}
