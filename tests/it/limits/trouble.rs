//! A store that panics, hangs or cannot be reached, behind the real router and server.
//!
//! The program has no route that panics, so these run in the test's own process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use cedar_policy::{EntityTypeName, EntityUid};
use peppol_authz_engine::Engine;
use peppol_authz_engine::policy::{Sources, load};
use peppol_authz_engine::schema::{Row, Schema};
use peppol_authz_engine::store::{
    Candidates, Changes, Revision, Snapshot, Store, StoreError, StoreFuture, TagKeys, Tags,
};
use peppol_authz_server::config::Config;
use peppol_authz_server::http::{App, Gateway, Pages, router, serve, serve_envoy};
use serde_json::{Value, json};

use super::is_refused;
use crate::connection::{ALLOWED, Connection, head};
use crate::in_process::{KEEPS_NOTHING, limits, listener, one_worker};
use crate::sidecar::Reply;

/// The trouble that a store is in.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum StoreTrouble {
    /// It holds nothing, and says so.
    None,
    PanicsAtOnce,
    PanicsWhileReading,
    IsAway,
    Hangs,
    HoldsWhatDoesNotFit,
}

#[derive(Default)]
struct TroubledStore(Arc<AtomicU8>);

struct TroubledSnapshot(Arc<AtomicU8>, Revision);

fn has(trouble: StoreTrouble, store: &AtomicU8) -> bool {
    store.load(Ordering::SeqCst) == trouble as u8
}

impl Store for TroubledStore {
    fn serves(&self, _: &EntityTypeName) -> bool {
        true
    }

    fn check(&self, _: &Arc<Schema>) -> Result<(), StoreError> {
        Ok(())
    }

    fn names(&self, revision: &Revision) -> bool {
        revision.is_number()
    }

    fn snapshot(
        &self,
        _: &Arc<Schema>,
        _: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        assert!(
            !has(StoreTrouble::PanicsAtOnce, &self.0),
            "secret of the snapshot"
        );
        let answer = if has(StoreTrouble::IsAway, &self.0) {
            Err(StoreError::Unavailable("secret address".to_owned()))
        } else {
            let revision = Revision::number(1);
            Ok(Box::new(TroubledSnapshot(Arc::clone(&self.0), revision)) as Box<dyn Snapshot>)
        };
        Box::pin(std::future::ready(answer))
    }
}

impl Snapshot for TroubledSnapshot {
    fn revision(&self) -> &Revision {
        &self.1
    }

    fn changes(&self) -> &Changes {
        &Changes::Everything
    }

    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>> {
        Box::pin(async move {
            assert!(
                !has(StoreTrouble::PanicsWhileReading, &self.0),
                "secret of the reading"
            );
            if has(StoreTrouble::Hangs, &self.0) {
                std::future::pending::<()>().await;
            }
            if has(StoreTrouble::HoldsWhatDoesNotFit, &self.0) {
                return Err(StoreError::Misfit("secret of the store".to_owned()));
            }
            Ok(vec![None; uids.len()])
        })
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        Box::pin(std::future::ready(Ok(vec![Tags::new(); wanted.len()])))
    }

    fn candidates<'a>(&'a mut self, _: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        Box::pin(async move {
            assert!(
                !has(StoreTrouble::PanicsWhileReading, &self.0),
                "secret of the reading"
            );
            if has(StoreTrouble::Hangs, &self.0) {
                std::future::pending::<()>().await;
            }
            Ok(Vec::new())
        })
    }

    fn statement(&self, _: &Candidates) -> Option<String> {
        None
    }
}

/// The server over such a store, in this process.
pub(crate) struct Fixture {
    pub(crate) address: String,
    /// Where Envoy's gRPC is answered.
    pub(crate) envoy: String,
    trouble: Arc<AtomicU8>,
    _runtime: tokio::runtime::Runtime,
}

fn start() -> Fixture {
    start_with(Gateway::new(&Config::defaults().unwrap().gateway))
}

pub(crate) fn start_with(gateway: Gateway) -> Fixture {
    let store = TroubledStore::default();
    let trouble = Arc::clone(&store.0);
    let bundle = Arc::new(load(&Sources::shipped()).unwrap());
    let engine = Engine::new(Arc::new(store), bundle, KEEPS_NOTHING).unwrap();
    let settings = Config::defaults().unwrap();
    let app = App {
        gateway,
        limits: limits(Duration::from_millis(300)),
        ..App::new(Arc::new(engine), &settings, Pages::new(&[0; 32]))
    };
    let limits = settings.server;
    app.readiness.started();
    let runtime = one_worker();
    let (listener_of_envoy, envoy) = listener(&runtime);
    let (listener, address) = listener(&runtime);
    let app = Arc::new(app);
    let router = router(Arc::clone(&app));
    let limits_of_envoy = limits.clone();
    runtime.spawn(async move {
        serve_envoy(
            listener_of_envoy,
            app,
            &limits_of_envoy,
            std::future::pending(),
        )
        .await
    });
    runtime.spawn(async move {
        serve(
            listener,
            router,
            None,
            &limits,
            std::future::pending::<()>(),
        )
        .await
    });
    Fixture {
        address,
        envoy,
        trouble,
        _runtime: runtime,
    }
}

impl Fixture {
    pub(crate) fn has(&self, trouble: StoreTrouble) {
        self.trouble.store(trouble as u8, Ordering::SeqCst);
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open_at(&self.address)
    }
}

fn ask(connection: &mut Connection) -> Reply {
    let length = ALLOWED.len();
    connection.write(format!(
        "{}x-request-id: 4711\r\ncontent-length: {length}\r\n\r\n{ALLOWED}",
        head()
    ));
    connection.reply()
}

fn ask_two(connection: &mut Connection) -> Reply {
    let body = format!("{{\"requests\": [{ALLOWED}, {ALLOWED}]}}");
    let length = body.len();
    let head = head().replace("is_authorized", "batch_is_authorized");
    connection.write(format!(
        "{head}x-request-id: 4711\r\ncontent-length: {length}\r\n\r\n{body}"
    ));
    connection.reply()
}

fn ask_as_aws(connection: &mut Connection) -> Reply {
    let body = json!({
        "policyStoreId": "any",
        "principal": {"entityType": "Peppol::User", "entityId": "anna"},
        "action": {"actionType": "Peppol::Action", "actionId": "getOrganisation"},
        "resource": {"entityType": "Peppol::Organisation", "entityId": "acme"},
    });
    let (body, target) = (body.to_string(), "VerifiedPermissions.IsAuthorized");
    let length = body.len();
    let head = head().replace("/v1/is_authorized", "/");
    connection.write(format!(
        "{head}x-amz-target: {target}\r\ncontent-length: {length}\r\n\r\n{body}"
    ));
    connection.reply()
}

/// Checks that a client of AWS raises it, and may try again.
#[track_caller]
fn is_exception(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert_eq!(reply.header("retry-after"), Some("1"));
    let kind = "com.amazonaws.verifiedpermissions#InternalServerException";
    assert_eq!(reply.json()["__type"], kind, "{}", reply.text);
    assert!(!reply.text.contains("secret"), "{}", reply.text);
}

/// Asks AuthZEN's question, alone and in a batch, which are answered alike.
fn evaluate(server: &Fixture) -> [Reply; 2] {
    let one = r#""subject": {"type": "user", "id": "anna"}, "action": {"name": "getOrganisation"},
        "resource": {"type": "organisation", "id": "acme"}"#;
    let two = format!("{one}, \"evaluations\": [{{}}, {{\"action\": {{\"name\": \"fly\"}}}}]");
    [("evaluation", one), ("evaluations", &two)].map(|(path, members)| {
        let head = head().replace("/v1/is_authorized", &format!("/access/v1/{path}"));
        let length = members.len() + 2;
        let mut connection = server.connect();
        connection.write(format!(
            "{head}x-request-id: 4711\r\ncontent-length: {length}\r\n\r\n{{{members}}}"
        ));
        connection.reply()
    })
}

#[test]
fn an_evaluation_is_no_decision_either_while_the_store_is_in_trouble() {
    let server = start();
    for (trouble, status, code) in [
        (StoreTrouble::PanicsAtOnce, 500, "INTERNAL"),
        (StoreTrouble::PanicsWhileReading, 500, "INTERNAL"),
        (StoreTrouble::IsAway, 503, "STORE_UNAVAILABLE"),
        (StoreTrouble::Hangs, 503, "TIMED_OUT"),
    ] {
        server.has(trouble);
        for reply in evaluate(&server) {
            is_a_problem(&reply, status, code);
        }
    }
    server.has(StoreTrouble::None);
    let [one, two] = evaluate(&server);
    assert_eq!(one.json()["decision"], false);
    assert_eq!(two.json()["evaluations"][1]["decision"], false);
    let metrics = server.connect().get("/metrics").text;
    let line = "\npeppol_authz_store_failures_total 2\n";
    assert!(metrics.contains(line), "{metrics}");
}

/// A fault of the store is one of the request where there is one question, and of the item in a
/// batch. It is no decision and no permit.
#[test]
fn an_evaluation_of_what_does_not_fit_is_a_500() {
    let server = start();
    server.has(StoreTrouble::HoldsWhatDoesNotFit);
    let [one, two] = evaluate(&server);
    is_a_problem(&one, 500, "TENANCY_UNUSABLE");
    assert_eq!(two.status, 200, "{}", two.text);
    let two = two.json();
    let first = &two["evaluations"][0];
    assert_eq!(first["decision"], false, "{two}");
    assert_eq!(first["context"]["error"]["status"], 500, "{two}");
    assert_eq!(
        two["evaluations"][1]["context"]["codes"],
        json!(["UNKNOWN_ACTION"])
    );
    assert!(!two.to_string().contains("secret"), "{two}");
}

#[track_caller]
fn is_a_problem(reply: &Reply, status: u16, code: &str) {
    is_refused(reply, status, code);
    assert_eq!(reply.header("x-request-id"), Some("4711"));
    assert!(!reply.text.contains("secret"), "{}", reply.text);
    let problem = reply.json();
    let members: BTreeSet<&String> = problem.as_object().unwrap().keys().collect();
    assert!(
        members
            .into_iter()
            .eq(["code", "detail", "status", "title", "type"]),
        "{problem}"
    );
}

/// Checks that it answers, by a denial, as the store holds nothing.
#[track_caller]
fn is_well(connection: &mut Connection) {
    let reply = ask(connection);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["reasons"][0]["code"], "UNKNOWN_PRINCIPAL");
}

#[test]
fn a_handler_that_panics_is_a_500_and_the_next_question_is_answered() {
    let server = start();
    let mut connection = server.connect();
    is_well(&mut connection);
    for trouble in [StoreTrouble::PanicsAtOnce, StoreTrouble::PanicsWhileReading] {
        server.has(trouble);
        is_a_problem(&ask(&mut connection), 500, "INTERNAL");
        is_a_problem(&ask_two(&mut connection), 500, "INTERNAL");
        server.has(StoreTrouble::None);
        is_well(&mut connection);
        is_well(&mut server.connect());
    }
    let metrics = connection.get("/metrics").text;
    assert!(
        metrics.contains("\npeppol_authz_panics_total 4\n"),
        "{metrics}"
    );
}

#[test]
fn a_store_that_is_away_is_a_503_also_of_readiness_until_it_is_back() {
    let server = start();
    let mut connection = server.connect();
    assert_eq!(connection.get("/readyz").status, 200);
    server.has(StoreTrouble::IsAway);
    let reply = ask(&mut connection);
    is_a_problem(&reply, 503, "STORE_UNAVAILABLE");
    assert_eq!(reply.header("retry-after"), Some("1"));
    is_a_problem(&ask_two(&mut connection), 503, "STORE_UNAVAILABLE");
    is_exception(&ask_as_aws(&mut connection));
    let ready = connection.get("/readyz");
    assert_eq!(ready.status, 503);
    assert_eq!(
        ready.json(),
        json!({"ready": false, "missing": ["store: the tenancy store cannot be read"]})
    );
    // It lives: to restart it would help no one.
    assert_eq!(connection.get("/livez").status, 200);
    // Three questions; a look at readiness is none.
    let metrics = connection.get("/metrics").text;
    for sample in ["store_failures_total 3", "store_up 0"] {
        let line = format!("\npeppol_authz_{sample}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    server.has(StoreTrouble::None);
    let metrics = connection.get("/metrics").text;
    assert!(metrics.contains("\npeppol_authz_store_up 1\n"), "{metrics}");
    is_well(&mut connection);
    assert_eq!(connection.get("/readyz").json()["ready"], Value::from(true));
}

#[test]
fn a_store_that_hangs_is_a_503_after_a_while() {
    let server = start();
    let mut connection = server.connect();
    server.has(StoreTrouble::Hangs);
    is_a_problem(&ask(&mut connection), 503, "TIMED_OUT");
    is_a_problem(&ask_two(&mut connection), 503, "TIMED_OUT");
    is_exception(&ask_as_aws(&mut connection));
    server.has(StoreTrouble::None);
    is_well(&mut connection);
}

fn search(connection: &mut Connection) -> Reply {
    let mut body: Value = serde_json::from_str(ALLOWED).unwrap();
    body["resource"] = json!({"type": "Peppol::Organisation"});
    let body = body.to_string();
    let length = body.len();
    let head = head().replace("is_authorized", "search");
    connection.write(format!(
        "{head}x-request-id: 4711\r\ncontent-length: {length}\r\n\r\n{body}"
    ));
    connection.reply()
}

/// A search ends as a question does, and without a result.
#[test]
fn a_search_over_a_store_in_trouble_finds_nothing_and_says_why() {
    let server = start();
    let mut connection = server.connect();
    for (trouble, status, code) in [
        (StoreTrouble::PanicsAtOnce, 500, "INTERNAL"),
        (StoreTrouble::PanicsWhileReading, 500, "INTERNAL"),
        (StoreTrouble::IsAway, 503, "STORE_UNAVAILABLE"),
        (StoreTrouble::Hangs, 503, "TIMED_OUT"),
    ] {
        server.has(trouble);
        is_a_problem(&search(&mut connection), status, code);
        server.has(StoreTrouble::None);
        let reply = search(&mut connection);
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.json()["results"], json!([]));
    }
}
