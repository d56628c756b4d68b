//! The surfaces, from bytes to the answer: questions, searches, requests at a gateway.
//!
//! In their world Anna may do something and nobody else may do anything. So an Allow is wrong where
//! no text of the input is her id.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use peppol_authz_database::{Database, Import, Sqlite, SqliteOptions};
use peppol_authz_engine::policy::{Sources, load};
use peppol_authz_engine::schema::Designation;
use peppol_authz_engine::slice::{Demand, Freshness};
use peppol_authz_engine::{
    Body as RequestBody, Engine, EngineOptions, HttpRequest, RequestLimits, Routed, Verdict,
};
use peppol_authz_server::config::{Config, MIN_WORKER_STACK_BYTES};
use peppol_authz_server::http::{App, Pages, router};
use serde::de::IgnoredAny;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::target::Target;

pub(crate) const TENANCY: &str = r#"
{"type":"USER","id":"anna","email":"anna@acme.example","emailVerified":true,"superadmin":false}
{"type":"USER","id":"mia","email":"mia@acme.example","emailVerified":false,"superadmin":true}
{"type":"ORGANISATION","id":"acme","legalIdentifierCode":"SE_ORGNR","legalIdentifier":"556123-4567","organisationMode":"DEMO","modeChangeRequest":null,"contacts":[],"participantLimit":10}
{"type":"MEMBERSHIP","userId":"anna","organisationId":"acme","memberRole":"orgadmin"}
{"type":"MEMBERSHIP","userId":"mia","organisationId":"acme","memberRole":"orgadmin"}
{"type":"ACCESS_POINT","id":"platform-test","environment":"TEST","organisationId":null}
{"type":"PARTICIPANT","id":"iso6523-actorid-upis::0007:5561234567","organisationId":"acme","environment":"TEST"}
"#;

/// A server of which everything is real but the sockets.
struct World {
    runtime: Runtime,
    engine: Arc<Engine>,
    router: Router,
    _directory: TempDir,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions {
            readers: 2,
            ..SqliteOptions::default()
        };
        let store = Sqlite::open(&directory.path().join("t.db"), options).unwrap();
        let database = Database::Sqlite(Arc::new(store));
        let documents = vec![("tenancy".to_owned(), TENANCY.as_bytes())];
        database
            .import(&Import::new().unwrap(), documents, &mut |_| {})
            .unwrap();
        let options = EngineOptions {
            cache_bytes: 4 << 20,
            decision_bytes: 0,
            freshness: Freshness::EACH,
        };
        let bundle = Arc::new(load(&Sources::shipped()).unwrap());
        let engine = Arc::new(Engine::new(database.store(), bundle, options).unwrap());
        let app = App::new(
            Arc::clone(&engine),
            &Config::defaults().unwrap(),
            Pages::new(&[0; 32]),
        );
        app.readiness.started();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_stack_size(MIN_WORKER_STACK_BYTES)
            .enable_all()
            .build()
            .unwrap();
        Self {
            runtime,
            engine,
            router: router(Arc::new(app)),
            _directory: directory,
        }
    }

    /// Posts a body, and reads the answer.
    fn post(&self, path: &str, body: &[u8]) -> (StatusCode, Vec<u8>) {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("x-amz-target", "VerifiedPermissions.BatchIsAuthorized")
            .body(Body::from(body.to_vec()))
            .unwrap();
        let router = self.router.clone();
        let answered = self.runtime.spawn(async move {
            let response = router.oneshot(request).await.unwrap();
            let status = response.status();
            (
                status,
                to_bytes(response.into_body(), 1 << 28).await.unwrap(),
            )
        });
        let (status, text) = self.runtime.block_on(answered).unwrap();
        (status, text.to_vec())
    }
}

/// The surfaces, by the names of their corpora.
const PATHS: [(&str, &str); 8] = [
    ("native", "/v1/is_authorized"),
    ("batch", "/v1/batch_is_authorized"),
    ("evaluation", "/access/v1/evaluation"),
    ("evaluations", "/access/v1/evaluations"),
    ("search", "/v1/search"),
    ("plan", "/v1/plan"),
    ("cerbos", "/api/plan/resources"),
    ("avp", "/"),
];

pub(crate) fn targets() -> Vec<Target> {
    let world = Rc::new(RefCell::new(None));
    let surfaces = PATHS.map(|(name, path)| {
        let world = Rc::clone(&world);
        let check = move |input: &[u8]| {
            let mut world = world.borrow_mut();
            answered(world.get_or_insert_with(World::new), path, input)
        };
        Target {
            name,
            check: Box::new(check),
        }
    });
    let check = move |input: &[u8]| {
        let mut world = world.borrow_mut();
        gateway(world.get_or_insert_with(World::new), input)
    };
    let gateway = Target {
        name: "request",
        check: Box::new(check),
    };
    surfaces.into_iter().chain([gateway]).collect()
}

fn answered(world: &World, path: &str, input: &[u8]) -> Result<String, String> {
    let (status, text) = world.post(path, input);
    judged(path, input, status, &text)
}

/// Judges what an input was answered with.
pub(crate) fn judged(
    path: &str,
    input: &[u8],
    status: StatusCode,
    text: &[u8],
) -> Result<String, String> {
    if !(status.is_success() || status.is_client_error()) {
        return Err(format!("{status}: {}", String::from_utf8_lossy(text)));
    }
    let answer: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let question = serde_json::from_slice::<Value>(input);
    let allows = allowed(&answer) || !found(&answer).is_empty() || finds_rows(&answer);
    match question {
        _ if !allows => {}
        Ok(_) if !is_whole(&answer) => {
            return Err(format!("the SQL of a plan is not closed: {answer}"));
        }
        // JSON it is, also with a number that no reader can hold: that spoils one question of a batch.
        Err(_) if serde_json::from_slice::<IgnoredAny>(input).is_ok() => {
            if !input.windows(4).any(|text| text == b"anna") {
                return Err(format!("an Allow for somebody else: {answer}"));
            }
        }
        Err(_) => return Err(format!("an Allow for no JSON: {answer}")),
        // A search finds whom it was not asked about.
        Ok(_) if path.contains("/search") => {
            if let Some(other) = found(&answer).iter().find(|id| **id == "mia") {
                return Err(format!("`{other}` is found: {answer}"));
            }
        }
        Ok(question) if !names_anna(&question) => {
            return Err(format!("an Allow for somebody else: {answer}"));
        }
        Ok(_) => {}
    }
    Ok(outcome(status, &answer))
}

/// True if any decision in an answer allows.
fn allowed(answer: &Value) -> bool {
    match answer {
        Value::Object(members) => {
            let decision = members.get("decision");
            let allows = |found: &Value| {
                matches!(found, Value::Bool(true))
                    || matches!(found.as_str(), Some("Allow" | "ALLOW"))
            };
            decision.is_some_and(allows)
                || members
                    .iter()
                    // The request comes back here.
                    .filter(|(name, _)| *name != "request")
                    .any(|(_, value)| allowed(value))
        }
        Value::Array(values) => values.iter().any(allowed),
        _ => false,
    }
}

/// True if a plan finds any rows.
fn finds_rows(answer: &Value) -> bool {
    let kinds = [&answer["kind"], &answer["filter"]["kind"]];
    let finds = |kind: &str| {
        matches!(
            kind,
            "always" | "conditional" | "KIND_ALWAYS_ALLOWED" | "KIND_CONDITIONAL"
        )
    };
    kinds.into_iter().filter_map(Value::as_str).any(finds)
}

/// True if nothing of a request is a part of a plan's SQL but within closed quotes, and all of its
/// brackets are closed. A quote is closed by the sign that opened it: PostgreSQL's and SQLite's differ.
fn is_whole(answer: &Value) -> bool {
    let Some(sql) = answer["sql"]["where"].as_str() else {
        return true;
    };
    let (mut depth, mut quote) = (0_i32, None);
    for c in sql.chars() {
        match (quote, c) {
            (Some(opened), c) if c == opened => quote = None,
            (None, '"' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ';') => return false,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && quote.is_none()
}

/// The ids of users that a search found.
fn found(answer: &Value) -> Vec<&str> {
    let results = answer["results"].as_array().into_iter().flatten();
    let users = results.filter(|found| found["type"] == "Peppol::User");
    users.filter_map(|found| found["id"].as_str()).collect()
}

/// True if a text is Anna's id: by itself, or in Cedar's form, in which letters may be escaped.
fn names_anna(json: &Value) -> bool {
    match json {
        Value::String(text) => {
            text == "anna" || text.ends_with("::\"anna\"") || text.contains('\\')
        }
        Value::Array(values) => values.iter().any(names_anna),
        Value::Object(members) => members.values().any(names_anna),
        _ => false,
    }
}

/// A text without the names that it repeats.
fn without_names(text: &str) -> String {
    let parts = text.split('`').step_by(2);
    parts.filter(|part| part.len() < 200).collect()
}

/// The kind of an answer: its status and its codes.
fn outcome(status: StatusCode, answer: &Value) -> String {
    fn codes(json: &Value, found: &mut Vec<String>) {
        match json {
            Value::Object(members) => {
                let said = ["code", "codes", "decision", "detail", "message", "__type"];
                let said = members
                    .iter()
                    .filter(|(name, _)| said.contains(&name.as_str()));
                found.extend(said.map(|(_, value)| without_names(&value.to_string())));
                members.values().for_each(|value| codes(value, found));
            }
            Value::Array(values) => values.iter().take(3).for_each(|value| codes(value, found)),
            _ => {}
        }
    }
    let mut found = vec![status.to_string()];
    codes(answer, &mut found);
    found.join(" ")
}

/// A request at a gateway, as nobody sends it: method, target and body, one a line.
fn gateway(world: &World, input: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (method, target, body) = (next(), next(), next());
    let engine = Arc::clone(&world.engine);
    let decided = world.runtime.spawn(async move {
        let session = engine.session();
        let routed = match Routed::find(&session, &method, &target) {
            Ok(routed) => routed,
            Err(unrouted) => return Ok(unrouted.to_string()),
        };
        let headers = |name: &str| match name {
            "content-type" => vec![&b"application/json"[..]],
            _ => Vec::new(),
        };
        let request = HttpRequest {
            headers: &headers,
            claims: None,
            body: RequestBody::Text(body.as_bytes()),
        };
        let limits = RequestLimits {
            json_depth: 32,
            questions: 1000,
            questions_bytes: 4 << 20,
            candidates: 1000,
        };
        let who = Designation {
            kind: "User".to_owned(),
            attribute: None,
            value: "nobody".to_owned(),
        };
        let demand = Demand::default();
        let decision = routed.decide(&request, &who, &limits, &demand).await;
        let decision = decision.map_err(|failure| failure.to_string())?;
        if decision.verdict == Verdict::Allow {
            return Err(format!("an Allow for nobody: {}", routed.route().request));
        }
        let codes = decision.reasons.iter();
        let codes: Vec<_> = codes.filter_map(|reason| reason.code.as_deref()).collect();
        Ok(format!("{} {}", routed.route().request, codes.join(" ")))
    });
    world.runtime.block_on(decided).unwrap()
}
