//! The members of a line, for every surface.

use serde_json::{Value, json};

use super::{ended, get_acme, lines, logging, of_suites, setting, to_file};
use crate::http::described::{ENTITIES, document, view_document, with_entities};
use crate::sidecar::{Sidecar, Start};

fn members(line: &Value) -> Vec<&str> {
    line.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_line_says_what_was_asked_and_answered() {
    let sidecar = logging(&[]).start();
    let mut denied = get_acme();
    denied["action"]["id"] = "requestModeChange".into();
    denied["context"] = json!({"requestedMode": "SHARED"});
    let answers = [sidecar.ask(&get_acme()), sidecar.ask(&denied)];
    let lines = ended(sidecar);
    assert_eq!(lines.len(), 2);
    for (line, answer) in lines.iter().zip(&answers) {
        assert_eq!(line["id"], answer["decisionId"]);
        assert_eq!(line["surface"], "native");
        for member in [
            "decision",
            "diagnostics",
            "obligations",
            "policyRevision",
            "tenancyRevision",
        ] {
            assert_eq!(line[member], answer[member], "{member}");
        }
        assert!(line["latencyMicros"].is_u64());
        let time = line["time"].as_str().unwrap();
        assert_eq!(
            (time.len(), time.starts_with("20"), time.ends_with('Z')),
            (27, true, true),
            "{time}"
        );
        assert!(line.get("slice").is_none() && line.get("said").is_none());
    }
    assert_eq!(lines[0]["question"], get_acme());
    assert_eq!(lines[0]["codes"], json!([]));
    let mode = json!({"__entity": {"type": "Peppol::Mode", "id": "SHARED"}});
    denied["context"] = json!({"requestedMode": mode});
    assert_eq!(lines[1]["question"], denied);
    assert_eq!(lines[1]["codes"], json!(["AT-1120"]));
    assert_eq!(lines[1]["reasons"][0]["rule"], "MCH-2");
    assert_eq!(
        lines[1]["reasons"][0]["policy"],
        answers[1]["diagnostics"]["reason"][0]
    );
}

/// Programs compare the bytes of what is decided again.
#[test]
fn members_have_one_order() {
    let mut sidecar = logging(&["--log-slice"]).start();
    sidecar.ask(&get_acme());
    sidecar.stop();
    let text = std::fs::read_to_string(sidecar.path("d.log")).unwrap();
    let order = [
        "{\"id\":",
        "\"time\":",
        "\"surface\":",
        "\"question\":",
        "\"decision\":",
        "\"codes\":",
        "\"diagnostics\":",
        "\"reasons\":",
        "\"obligations\":",
        "\"policyRevision\":",
        "\"tenancyRevision\":",
        "\"latencyMicros\":",
        "\"key\":",
        "\"slice\":",
        "\"sliceTags\":",
    ];
    let places: Vec<_> = order.iter().map(|name| text.find(name).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

/// A logged question can be asked again as it is.
#[test]
fn a_question_is_logged_in_a_form_that_can_be_posted_back() {
    let mut sidecar = of_suites().start();
    let described = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme-shared\"",
    });
    let answer = sidecar.ask(&described);
    super::ask_all(&sidecar, &super::all_questions()[..400]);
    let logged = {
        sidecar.signal("TERM");
        sidecar.ended();
        lines(&sidecar.path("d.log"))
    };
    assert_eq!(logged[0]["id"], answer["decisionId"]);
    let sidecar = setting(of_suites(), "PERSONAL", "plain").start();
    for line in logged
        .iter()
        .filter(|line| line["question"]["context"].get("email").is_none())
    {
        assert_eq!(
            sidecar.ask(&line["question"])["decision"],
            line["decision"],
            "{line}"
        );
    }
}

fn post(sidecar: &Sidecar, path: &str, body: &Value) -> Value {
    let reply = sidecar.post(path, body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

#[test]
fn every_surface_has_its_lines() {
    let sidecar = logging(&[]).start();
    let evaluation = json!({
        "subject": {"type": "User", "id": "anna"},
        "action": {"name": "get_organisation"},
        "resource": {"type": "Organisation", "id": "acme"},
    });
    let other = json!({"resource": {"type": "Organisation", "id": "globex"}});
    let own = post(&sidecar, "/access/v1/evaluation", &evaluation);
    let mut several = evaluation.clone();
    several["evaluations"] = json!([{}, other]);
    let several = post(&sidecar, "/access/v1/evaluations", &several);
    let batch = json!({"requests": [get_acme(), {}, get_acme()]});
    let batch = post(&sidecar, "/v1/batch_is_authorized", &batch);
    let aws = json!({
        "policyStoreId": "any",
        "principal": {"entityType": "Peppol::User", "entityId": "anna"},
        "action": {"actionType": "Peppol::Action", "actionId": "getOrganisation"},
        "resource": {"entityType": "Peppol::Organisation", "entityId": "acme"},
    });
    let target = ("X-Amz-Target", "VerifiedPermissions.IsAuthorized");
    let reply = sidecar.send("/", &[target], aws.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text);
    let lines = ended(sidecar);
    let surfaces: Vec<_> = lines
        .iter()
        .map(|line| line["surface"].as_str().unwrap())
        .collect();
    let wanted = ["authzen", "authzen", "authzen", "native", "native", "avp"];
    assert_eq!(surfaces, wanted);
    let id = |answer: &Value| answer["context"]["id"].clone();
    assert_eq!(lines[0]["id"], id(&own));
    assert_eq!(lines[1]["id"], id(&several["evaluations"][0]));
    assert_eq!(lines[2]["id"], id(&several["evaluations"][1]));
    assert_eq!(lines[2]["decision"], "Deny");
    assert_eq!(lines[3]["id"], batch["results"][0]["decisionId"]);
    assert_eq!(lines[4]["id"], batch["results"][2]["decisionId"]);
    for line in [&lines[0], &lines[1], &lines[3], &lines[4], &lines[5]] {
        assert_eq!(line["question"], get_acme());
    }
}

/// Evaluations behind the one that ends the answer are not answered, and so not logged.
#[test]
fn what_is_left_out_of_an_answer_has_no_line() {
    let sidecar = logging(&[]).start();
    let body = json!({
        "subject": {"type": "User", "id": "anna"},
        "action": {"name": "get_organisation"},
        "evaluations": [
            {"resource": {"type": "Organisation", "id": "globex"}},
            {"resource": {"type": "Organisation", "id": "acme"}},
        ],
        "options": {"evaluations_semantic": "deny_on_first_deny"},
    });
    post(&sidecar, "/access/v1/evaluations", &body);
    let lines = ended(sidecar);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["question"]["resource"]["id"], "globex");
}

#[test]
fn what_is_no_question_of_the_schema_says_what_was_said() {
    let sidecar = logging(&[]).start();
    let body = json!({
        "subject": {"type": "User", "id": "anna"},
        "action": {"name": "fly"},
        "resource": {"type": "Organisation", "id": "acme"},
    });
    let answer = post(&sidecar, "/access/v1/evaluation", &body);
    let lines = ended(sidecar);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["id"], answer["context"]["id"]);
    assert_eq!(lines[0]["question"], Value::Null);
    assert_eq!(lines[0]["said"], body);
    assert_eq!(lines[0]["codes"], json!(["UNKNOWN_ACTION"]));
}

#[test]
fn what_is_refused_as_malformed_is_no_decision() {
    let sidecar = logging(&[]).start();
    assert_eq!(sidecar.post("/v1/is_authorized", &json!({})).status, 400);
    assert_eq!(ended(sidecar), Vec::<Value>::new());
}

#[test]
fn a_slice_is_what_the_policies_could_look_at() {
    let mut sidecar = logging(&["--log-slice"]).start();
    sidecar.ask(&get_acme());
    let mut absent = get_acme();
    absent["principal"]["id"] = "nobody".into();
    sidecar.ask(&absent);
    sidecar.stop();
    let lines = lines(&sidecar.path("d.log"));
    let slice = lines[0]["slice"].as_array().unwrap();
    let uids: Vec<_> = slice.iter().map(|entity| &entity["uid"]["id"]).collect();
    assert_eq!(uids[..2], [&json!("anna"), &json!("acme")]);
    assert_eq!(slice[0]["attrs"]["emailVerified"], true);
    let role = json!({"__entity": {"type": "Peppol::MemberRole", "id": "orgadmin"}});
    assert_eq!(slice[0]["tags"], json!({"acme": [role]}));
    assert_eq!(slice[0]["parents"], json!([]));
    let asked = lines[0]["sliceTags"].as_array().unwrap();
    assert_eq!(asked.len(), slice.len());
    assert_eq!(asked[0], json!(["acme"]));
    // The slice holds the entity that is there.
    assert_eq!(lines[1]["codes"], json!(["UNKNOWN_PRINCIPAL"]));
    let slice = lines[1]["slice"].as_array().unwrap();
    assert_eq!(slice.len(), 1);
    assert_eq!(slice[0]["uid"]["id"], "acme");
}

#[test]
fn nothing_is_logged_where_no_log_is_named() {
    let sidecar = Start::quickstart().start();
    sidecar.ask(&get_acme());
    let metrics = sidecar.get("/metrics").text;
    assert!(metrics.contains("peppol_authz_decision_log_lines_total 0"));
}

#[test]
fn standard_output_holds_lines_and_nothing_else() {
    use std::process::Stdio;
    let directory = tempfile::tempdir().unwrap();
    let tenancy = format!("sqlite:{}", directory.path().join("t.db").display());
    let mut child = crate::sidecar::program()
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--decision-log",
            "stdout",
        ])
        .args(["--tenancy", &tenancy])
        .env("PEPPOL_AUTHZ_LOG__FORMAT", "json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let address = loop {
        let record: Value = serde_json::from_str(&log.next().unwrap().unwrap()).unwrap();
        if record["message"] == "ready" {
            break record["address"].as_str().unwrap().to_owned();
        }
    };
    let reply = ureq::post(format!("http://{address}/v1/is_authorized"))
        .content_type("application/json")
        .send(get_acme().to_string().as_bytes());
    assert_eq!(reply.unwrap().status(), 200);
    let pid = child.id().to_string();
    let told = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status();
    assert!(told.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        lines[0]["codes"],
        json!(["UNKNOWN_PRINCIPAL", "UNKNOWN_RESOURCE"])
    );
    assert!(members(&lines[0]).contains(&"policyRevision"));
}

/// A reader sees all of a line, in its order.
#[test]
fn what_would_hide_a_part_of_a_line_is_escaped() {
    let direction = "SE\u{202e}NT\u{85}\u{7f}\u{200b}\u{e0041}";
    let mut sidecar = to_file(with_entities(ENTITIES)).start();
    let mut asked = view_document();
    let mut described = document("d-0");
    described["attrs"]["direction"] = direction.into();
    asked["entities"] = json!([described]);
    sidecar.ask(&asked);
    sidecar.stop();
    let path = sidecar.path("d.log");
    let text = std::fs::read_to_string(&path).unwrap();
    let escaped = r"SE\u202eNT\u0085\u007f\u200b\udb40\udc41";
    assert!(text.contains(escaped), "{text}");
    let line = &lines(&path)[0];
    let logged = &line["question"]["entities"][0]["attrs"]["direction"];
    assert_eq!(*logged, direction);
}

/// A line is found by what the request was called by others; what has another form is left out.
#[test]
fn a_line_has_the_marks_of_its_request() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let long = "x".repeat(129);
    let sidecar = logging(&[]).start();
    let body = get_acme().to_string();
    for (id, traceparent) in [
        ("r-1", trace),
        (&long, "00-4bf92f"),
        (
            "a b",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ),
    ] {
        let headers = [("x-request-id", id), ("traceparent", traceparent)];
        sidecar.send("/v1/is_authorized", &headers, body.as_bytes());
    }
    // A large request is answered on another thread.
    let large = format!("{body}{}", " ".repeat(20_000));
    let headers = [("x-request-id", "r-4"), ("traceparent", trace)];
    sidecar.send("/v1/is_authorized", &headers, large.as_bytes());
    let lines = ended(sidecar);
    let marks: Vec<_> = lines
        .iter()
        .map(|line| (line["requestId"].as_str(), line["traceparent"].as_str()))
        .collect();
    let (first, last) = (Some("r-1"), Some("r-4"));
    assert_eq!(
        marks,
        [
            (first, Some(trace)),
            (None, None),
            (None, None),
            (last, Some(trace))
        ]
    );
}
