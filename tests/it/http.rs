//! The wire: what is answered to what is sent.
//!
//! The cases are data, `tests/http/*.toml`, so that other surfaces can run them too; the tenancy is
//! that of the examples and `tests/http/tenancy.ndjson`. Only what needs a program is written here.

mod authzen;
mod avp;
mod cerbos;
pub(crate) mod described;
mod gateway;
mod obligations;
mod one_state;
mod openapi;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::connection::{ALLOWED, Connection};
use crate::postgres::server::{Database, SHARED};
use crate::sidecar::{Reply, Sidecar, Start, project};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    /// The path of those that name none.
    #[serde(default = "is_authorized")]
    path: String,
    case: Vec<WireCase>,
}

/// One request, and what it is answered.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCase {
    name: String,
    /// `METHOD TARGET`, which gateways ask about: the case is one for each of them, see
    /// [`gateway::asked`].
    request: Option<String>,
    #[serde(default)]
    gateways: Vec<String>,
    #[serde(default = "post")]
    method: String,
    path: Option<String>,
    /// Beside `host`, `content-length`, and `content-type`, which an empty value leaves out.
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    #[serde(default)]
    body: String,
    /// A body that is no text.
    body_hex: Option<String>,
    expect: ExpectedReply,
}

/// The value of a header, or each of the values where several have its name.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    All(Vec<String>),
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedReply {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Headers that there are none of.
    #[serde(default)]
    without: Vec<String>,
    /// JSON; objects may have more members, arrays have no more elements, and `…` is any text.
    body: Option<String>,
    /// The same, but objects have no more members.
    exact: Option<String>,
    /// The member that a problem's `detail` begins with.
    names: Option<String>,
}

fn post() -> String {
    "POST".to_owned()
}

fn is_authorized() -> String {
    "/v1/is_authorized".to_owned()
}

/// Parts of what the cases send that no problem may repeat.
const PRIVATE: [&str; 12] = [
    "anna",
    "mia",
    "ghost",
    "acme",
    "globex",
    "initech",
    "0007",
    "9930",
    "5561234567",
    "secret",
    "@",
    "Robot",
];

fn sidecar() -> Sidecar {
    start().start()
}

fn start() -> Start {
    Start::quickstart()
        .with(&[
            "--import",
            project("tests/http/tenancy.ndjson").to_str().unwrap(),
        ])
        .variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all")
        // For a state that never comes.
        .variable("PEPPOL_AUTHZ_FRESHNESS__WAIT", "50ms")
}

/// Over each database, and with nothing kept in memory.
fn sidecars(databases: &[Database], start: impl Fn() -> Start) -> Vec<(&'static str, Sidecar)> {
    let nothing_kept = |start: Start| start.variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false");
    let mut all = vec![
        ("SQLite", start().start()),
        ("SQLite, nothing kept", nothing_kept(start()).start()),
    ];
    for (name, database) in ["PostgreSQL", "PostgreSQL, nothing kept"]
        .into_iter()
        .zip(databases)
    {
        let start = start().with(&["--tenancy", &database.url()]);
        let kept = name == "PostgreSQL";
        all.push((name, if kept { start } else { nothing_kept(start) }.start()));
    }
    all
}

impl WireCase {
    fn send(&self, sidecar: &Sidecar, path: &str) -> Reply {
        let path = self.path.as_deref().unwrap_or(path);
        let body = match &self.body_hex {
            Some(digits) => unhex(digits),
            None => self.body.clone().into_bytes(),
        };
        let mut head = format!("{} {path} HTTP/1.1\r\nhost: a\r\n", self.method);
        let mut headers = self.headers.clone();
        let json = Values::One("application/json".to_owned());
        headers.entry("content-type".to_owned()).or_insert(json);
        if matches!(&headers["content-type"], Values::One(value) if value.is_empty()) {
            headers.remove("content-type");
        }
        for (name, values) in &headers {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::All(values) => values,
            };
            for value in values {
                head += &format!("{name}: {value}\r\n");
            }
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        let mut connection = Connection::open(sidecar);
        connection.write([head.as_bytes(), &body].concat());
        connection.reply()
    }

    /// Everything in which a reply is another one than expected.
    fn faults(&self, reply: &Reply, path: &str) -> Vec<String> {
        let expect = &self.expect;
        let mut faults = Vec::new();
        if reply.status != expect.status {
            faults.push(format!(
                "the status is {}, not {}",
                reply.status, expect.status
            ));
        }
        for (name, value) in &expect.headers {
            let found = reply.header(name);
            if found != Some(value) && (value != "…" || found.is_none_or(str::is_empty)) {
                faults.push(format!("`{name}` is {found:?}, not `{value}`"));
            }
        }
        for name in &expect.without {
            if let Some(found) = reply.header(name) {
                faults.push(format!("there is a `{name}`: `{found}`"));
            }
        }
        let body = serde_json::from_str(&reply.text).unwrap_or(Value::Null);
        for (wanted, exact) in [(&expect.body, false), (&expect.exact, true)] {
            if let Some(wanted) = wanted {
                let wanted: Value = serde_json::from_str(wanted).unwrap();
                differences(&wanted, &body, exact, "", &mut faults);
            }
        }
        let detail = body["detail"].as_str().unwrap_or_default();
        if let Some(member) = &expect.names
            && !detail.starts_with(&format!("`{member}`: "))
        {
            faults.push(format!("`detail` does not begin with `{member}`"));
        }
        if self.path.as_deref().unwrap_or(path).starts_with("/authz/") {
            gateway::holds(reply, &body, &mut faults);
        } else if reply.status >= 400 {
            problem(reply, &body, &mut faults);
        }
        for error in body["results"].as_array().into_iter().flatten() {
            private(&error["error"]["detail"], &mut faults);
        }
        let evaluations = body["evaluations"].as_array().into_iter().flatten();
        for evaluation in evaluations.chain([&body]) {
            private(&evaluation["context"]["error"]["message"], &mut faults);
        }
        faults
    }
}

/// The checks that hold for all problems.
fn problem(reply: &Reply, body: &Value, faults: &mut Vec<String>) {
    let kind = reply.header("content-type");
    if kind != Some("application/problem+json") {
        faults.push(format!("a problem's content type is {kind:?}"));
    }
    let shape =
        json!({"type": "…", "title": "…", "status": reply.status, "code": "…", "detail": "…"});
    differences(&shape, body, true, "", faults);
    private(&body["detail"], faults);
}

fn private(detail: &Value, faults: &mut Vec<String>) {
    let detail = detail.as_str().unwrap_or_default();
    for part in PRIVATE {
        if detail.to_lowercase().contains(&part.to_lowercase()) {
            faults.push(format!("`detail` repeats `{part}`, which was sent"));
        }
    }
}

fn differences(wanted: &Value, found: &Value, exact: bool, place: &str, faults: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            let all: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
            for name in all {
                let place = format!("{place}.{name}");
                match (wanted.get(name), found.get(name)) {
                    (Some(wanted), Some(found)) => {
                        differences(wanted, found, exact, &place, faults)
                    }
                    (Some(_), None) => faults.push(format!("`{place}` is missing")),
                    (None, _) if exact => faults.push(format!("`{place}` is surplus")),
                    (None, _) => {}
                }
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (i, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                differences(wanted, found, exact, &format!("{place}.{i}"), faults);
            }
        }
        (Value::String(any), Value::String(text)) if any == "…" && !text.is_empty() => {}
        _ if wanted == found => {}
        _ => faults.push(format!("`{place}` is {found}, not {wanted}")),
    }
}

pub(crate) fn unhex(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Runs the cases of one file over each database, and reports all that are not answered as they say.
fn run(file: &str) {
    // Its revisions are numbers as SQLite has them.
    let on_all = file != "freshness.toml";
    let databases: Vec<Database> = (0..if on_all { 2 } else { 0 })
        .map(|_| SHARED.database())
        .collect();
    let start = || gateway::told(file, start());
    run_over(file, &sidecars(&databases, start));
}

/// The cases with revisions of the sidecar's store in the place of their names.
fn of_its_history(text: &str, sidecar: &Sidecar) -> String {
    if !text.contains("TO-COME") {
        return text.to_owned();
    }
    let answer = sidecar.ask(&serde_json::from_str(ALLOWED).unwrap());
    let seen = answer["tenancyRevision"].as_str().unwrap();
    let (history, state) = seen.split_once('-').unwrap();
    // A record has a mark, a transaction of PostgreSQL has none.
    let marked = |number: u64, mark: u64| match state.contains('.') {
        true => format!("{history}-{number}.{mark:016x}"),
        false => format!("{history}-{number}"),
    };
    text.replace("SEEN", seen)
        .replace("FIRST", &marked(0, 0))
        .replace("TO-COME", &marked(999_999_999_999, 1))
}

fn run_over(file: &str, sidecars: &[(&str, Sidecar)]) {
    let text = std::fs::read_to_string(project("tests/http").join(file)).unwrap();
    let (mut failed, mut all) = (Vec::new(), 0);
    for (store, sidecar) in sidecars {
        let mut cases: Cases = toml::from_str(&of_its_history(&text, sidecar)).unwrap();
        cases.case = cases.case.into_iter().flat_map(gateway::asked).collect();
        all = cases.case.len();
        for case in &cases.case {
            let reply = case.send(sidecar, &cases.path);
            let faults = case.faults(&reply, &cases.path);
            if !faults.is_empty() {
                let faults = faults.join("\n    ");
                failed.push(format!(
                    "{store}: {}\n    {faults}\n    {}",
                    case.name, reply.text
                ));
            }
        }
    }
    let failures = failed.len();
    assert!(
        failed.is_empty(),
        "{file}: {failures} failures of {all} cases:\n\n{}",
        failed.join("\n\n")
    );
}

#[test]
fn decisions_are_answered_as_their_cases_say() {
    run("decisions.toml");
}

#[test]
fn contexts_are_read_as_their_cases_say() {
    run("context.toml");
}

#[test]
fn malformed_questions_are_refused_as_their_cases_say() {
    run("malformed.toml");
}

#[test]
fn paths_methods_and_request_ids_are_handled_as_their_cases_say() {
    run("paths.toml");
}

#[test]
fn batches_are_answered_as_their_cases_say() {
    run("batch.toml");
}

#[test]
fn searches_are_answered_as_their_cases_say() {
    run("search.toml");
}

#[test]
fn demands_of_the_state_are_answered_as_their_cases_say() {
    run("freshness.toml");
}

#[test]
fn authzen_evaluations_are_answered_as_their_cases_say() {
    run("authzen.toml");
}

#[test]
fn malformed_authzen_evaluations_are_refused_as_their_cases_say() {
    run("authzen-malformed.toml");
}

#[test]
fn batches_of_authzen_evaluations_are_answered_as_their_cases_say() {
    run("authzen-batch.toml");
}

#[test]
fn the_certification_scenario_of_authzen_holds() {
    run_over("authzen-certification.toml", &authzen::certified());
}

#[test]
fn the_searches_of_the_certification_scenario_hold() {
    let served: Vec<_> = authzen::certified().into_iter().take(1).collect();
    run_over("authzen-certification-search.toml", &served);
}

#[test]
fn authzen_searches_are_answered_as_their_cases_say() {
    run("authzen-search.toml");
}

#[test]
fn gateways_are_read_by_their_own_headers_as_their_cases_say() {
    run("gateway-families.toml");
}

#[test]
fn paths_behind_gateways_are_read_as_their_cases_say() {
    run("gateway-paths.toml");
}

#[test]
fn changes_of_organisations_behind_gateways_are_decided_as_their_cases_say() {
    run("gateway-organisations.toml");
}

#[test]
fn routes_behind_gateways_are_decided_as_their_cases_say() {
    run("gateway-routes.toml");
}

#[test]
fn gateways_that_are_switched_off_are_denied_as_their_cases_say() {
    run("gateway-off.toml");
}

#[test]
fn denials_are_worded_as_the_operator_says() {
    run("gateway-denial.toml");
}

#[test]
fn no_file_of_cases_is_forgotten() {
    let source = std::fs::read_to_string(project("tests/it/http.rs")).unwrap();
    for entry in std::fs::read_dir(project("tests/http")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_run = ["run", "run_over"]
            .iter()
            .any(|run| source.contains(&format!("    {run}(\"{name}\"")));
        assert!(is_run || !name.ends_with(".toml"), "{name}");
    }
}

#[test]
fn each_decision_has_an_id_of_its_own_and_the_revisions_of_one_state() {
    let sidecar = sidecar();
    let question: Value = serde_json::from_str(ALLOWED).unwrap();
    let version = sidecar.get("/version").json();
    let batch = json!({"requests": vec![question.clone(); 150]});
    let mut answers = vec![sidecar.ask(&question), sidecar.ask(&question)];
    let results = sidecar.post("/v1/batch_is_authorized", &batch).json();
    answers.extend(results["results"].as_array().unwrap().clone());
    let ids: BTreeSet<&str> = answers
        .iter()
        .map(|answer| answer["decisionId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), answers.len());
    for answer in &answers {
        assert_eq!(answer["decision"], "Allow");
        assert_eq!(answer["policyRevision"], version["policyRevision"]);
        assert_eq!(answer["tenancyRevision"], answers[0]["tenancyRevision"]);
    }
}
