//! Explanations are made beside the workers, their requests end when they have to, and what
//! is not told is marked.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use peppol_authz_engine::Engine;
use peppol_authz_engine::store::EntitiesFile;
use peppol_authz_server::config::Config;
use peppol_authz_server::http::{App, Explainers, Pages, WorkApart, router, serve};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::connection::Connection;
use crate::deciding::{bundle, entity};
use crate::in_process::{KEEPS_NOTHING, limits, listener, one_worker};
use crate::sidecar::Reply;

const SCHEMA: &str = "
    entity User;
    entity Desk = { open: Bool };
    action use appliesTo { principal: User, resource: Desk, context: { names?: Set<String> } };
";
const POLICY: &str = "@id(\"p/one\") permit (principal, action, resource) when { resource.open || (context has names && context.names.contains(\"x\")) };";

/// A server with one worker, and one thread for explanations.
fn start(seconds: u64) -> (Runtime, String, WorkApart) {
    let entities = json!([
        entity("User", "ann", json!({}), &[]),
        entity("Desk", "red", json!({"open": false}), &[]),
    ]);
    let store = EntitiesFile::parse(entities.to_string().as_bytes()).unwrap();
    let engine = Engine::new(Arc::new(store), bundle(SCHEMA, POLICY), KEEPS_NOTHING).unwrap();
    let settings = Config::defaults().unwrap();
    let explanations = WorkApart::new(1, 10, 8 << 20);
    let app = App {
        explainers: Explainers::All,
        explanations: explanations.clone(),
        limits: limits(Duration::from_secs(seconds)),
        ..App::new(Arc::new(engine), &settings, Pages::new(&[0; 32]))
    };
    app.readiness.started();
    let runtime = one_worker();
    let (listener, address) = listener(&runtime);
    let router = router(Arc::new(app));
    runtime.spawn(async move {
        let forever = std::future::pending::<()>();
        serve(listener, router, None, &settings.server, forever).await
    });
    (runtime, address, explanations)
}

fn question(explain: bool) -> Value {
    json!({
        "principal": "User::\"ann\"",
        "action": "Action::\"use\"",
        "resource": "Desk::\"red\"",
        "explain": explain,
    })
}

fn write(connection: &mut Connection, path: &str, body: &Value) {
    let body = body.to_string();
    let length = body.len();
    connection.write(format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ));
}

fn ask(address: &str, path: &str, body: &Value) -> Reply {
    let mut connection = Connection::open_at(address);
    write(&mut connection, path, body);
    connection.reply()
}

#[test]
fn a_request_ends_when_it_has_to_and_others_are_answered_meanwhile() {
    let (runtime, address, explanations) = start(2);
    // The thread beside the worker is held: nothing is explained until it is let go.
    let (release, released) = mpsc::channel::<()>();
    let (hold, holds) = mpsc::channel::<()>();
    let held = runtime.spawn(async move {
        let work = async move {
            hold.send(()).unwrap();
            released.recv().unwrap();
        };
        explanations.on_a_thread(work).await.unwrap();
    });
    holds.recv().unwrap();
    let batch = json!({"requests": [question(false), question(true)]});
    for (path, body) in [
        ("/v1/is_authorized", question(true)),
        ("/v1/batch_is_authorized", batch.clone()),
    ] {
        let mut explained = Connection::open_at(&address);
        write(&mut explained, path, &body);
        let other = ask(&address, "/v1/is_authorized", &question(false));
        assert_eq!(other.status, 200, "{}", other.text);
        let reply = explained.reply();
        assert_eq!(reply.status, 503, "{}", reply.text);
        assert_eq!(reply.json()["code"], "TIMED_OUT");
        assert!(!reply.text.contains("Deny"), "{}", reply.text);
    }
    release.send(()).unwrap();
    runtime.block_on(held).unwrap();
    let reply = ask(&address, "/v1/batch_is_authorized", &batch).json();
    let near = &reply["results"][1]["explanation"]["near"];
    assert_eq!(near[0]["policy"], "p/one", "{reply}");
}

/// The server's explanation of the permit, with so many names in the context.
fn explained(address: &str, names: usize) -> Value {
    let mut question = question(true);
    let names = (0..names).map(|name| format!("n-{name}"));
    question["context"] = json!({"names": names.collect::<Vec<_>>()});
    let reply = ask(address, "/v1/is_authorized", &question);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(reply.text.len() < 10_000, "{}", reply.text.len());
    reply.json()["explanation"].clone()
}

#[test]
fn what_is_not_told_is_marked() {
    let (_runtime, address, _) = start(60);
    let why = explained(&address, 2);
    let change = |why: &Value| why["near"][0]["ways"][1]["met"][0]["changes"][0].clone();
    assert_eq!(
        change(&why),
        json!({"attribute": "names", "value": ["n-0", "n-1", "x"]})
    );
    let why = explained(&address, 2_000);
    assert_eq!(why["complete"], true);
    assert_eq!(why["near"][0]["complete"], true);
    let long = change(&why);
    assert!(long.get("value").is_none(), "{long}");
    let begins = long["begins"].as_str().unwrap();
    assert!(begins.starts_with('[') && begins.ends_with('…'), "{begins}");
    let why = explained(&address, 50_000);
    assert_eq!(why["complete"], false, "{why}");
    assert_eq!(why["near"][0]["complete"], false, "{why}");
}
