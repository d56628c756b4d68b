//! A shadow that is slow, fails or panics: what does not fit is dropped and counted, and what is
//! answered is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime};

use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::{
    EntitiesFile, Revision, Snapshot, Store, StoreError, StoreFuture,
};
use peppol_authz_engine::{Decided, RequestMarks};
use peppol_authz_server::decision_log::Pseudonyms;
use peppol_authz_server::shadow::{Shadow, ShadowOptions};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use super::{CLOSED, allowed, looked, of_result, shadow_of};
use crate::deciding::{Deciding, bundle, entity, question};
use crate::eventually::{eventually, until};
use crate::in_process::KEEPS_NOTHING;
use crate::sidecar::Start;

/// More questions than fit, all at once: each is answered, and each is looked at or dropped.
#[test]
fn a_flood_is_answered_and_what_does_not_fit_is_counted() {
    let (start, _) = shadow_of(Start::quickstart(), CLOSED);
    let sidecar = start.variable("PEPPOL_AUTHZ_SHADOW__CAPACITY", "1").start();
    let batch = json!({"requests": vec![allowed(); 1000]});
    let mut asked = 0;
    loop {
        let reply = sidecar.post("/v1/batch_is_authorized", &batch);
        assert_eq!(reply.status, 200, "{}", reply.text);
        let results = reply.json()["results"].as_array().unwrap().clone();
        assert!(results.iter().all(|result| result["decision"] == "Allow"));
        asked += u32::try_from(results.len()).unwrap();
        let samples = looked(&sidecar, asked);
        assert_eq!(
            samples.sum("shadow_disagreements_total"),
            of_result(&samples, "disagreed")
        );
        let (seen, dropped) = (
            of_result(&samples, "disagreed"),
            samples.sum("shadow_dropped_total"),
        );
        if dropped > 0.0 {
            assert_eq!(seen + dropped, f64::from(asked));
            assert!(seen > 0.0);
            break;
        }
        assert!(asked < 100_000, "none is ever dropped");
    }
}

const SCHEMA: &str = "entity User = { boss?: User }; entity Doc = { owner: User };
    action read appliesTo { principal: User, resource: Doc };";
const FIRST: &str =
    "@id(\"p/owner\") permit (principal, action, resource) when { resource.owner == principal };";
/// Looks at more, so that the store is read.
const SECOND: &str = "@id(\"p/boss\") permit (principal, action, resource)
    when { resource.owner has boss && resource.owner.boss == principal };";

#[derive(Clone, Copy, PartialEq)]
enum ReadTrouble {
    None = 0,
    Hangs = 1,
    Fails = 2,
    Panics = 3,
}

/// A store that is in trouble when a read begins.
struct TroubledEntities {
    inner: EntitiesFile,
    trouble: Arc<AtomicU8>,
}

impl Store for TroubledEntities {
    fn serves(&self, name: &cedar_policy::EntityTypeName) -> bool {
        self.inner.serves(name)
    }

    fn tells_absence(&self, name: &cedar_policy::EntityTypeName) -> bool {
        self.inner.tells_absence(name)
    }

    fn speaks_of(&self, name: &cedar_policy::EntityTypeName, schema: &Schema) -> bool {
        self.inner.speaks_of(name, schema)
    }

    fn names(&self, revision: &Revision) -> bool {
        self.inner.names(revision)
    }

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        self.inner.check(schema)
    }

    fn snapshot(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let inner = self.inner.snapshot(schema, since);
        Box::pin(async move {
            let has = |trouble: ReadTrouble| self.trouble.load(Ordering::SeqCst) == trouble as u8;
            while has(ReadTrouble::Hangs) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert!(!has(ReadTrouble::Panics), "secret of the store");
            if has(ReadTrouble::Fails) {
                return Err(StoreError::Unavailable("gone".to_owned()));
            }
            inner.await
        })
    }
}

/// A shadow over such a store, and a decision that it has to read it for.
struct TroubledShadow {
    shadow: Shadow,
    trouble: Arc<AtomicU8>,
    decided: Arc<Decided>,
}

impl TroubledShadow {
    fn new(capacity: usize, queue_bytes: usize) -> Self {
        let owner = json!({"__entity": {"type": "User", "id": "ann"}});
        let entities = json!([
            entity("User", "ann", json!({}), &[]),
            entity("Doc", "d", json!({"owner": owner}), &[]),
        ]);
        let store = || EntitiesFile::parse(entities.to_string().as_bytes()).unwrap();
        let first = bundle(SCHEMA, FIRST);
        let asked = question("User::\"ann\"", "read", "Doc::\"d\"");
        let decided = decided(Deciding::over(store(), Arc::clone(&first)), first, asked);
        let trouble = Arc::new(AtomicU8::new(ReadTrouble::None as u8));
        let store = TroubledEntities {
            inner: store(),
            trouble: Arc::clone(&trouble),
        };
        let options = ShadowOptions {
            capacity,
            queue_bytes,
            sample: 1,
            keeps: false,
            own_schema: false,
            stack_bytes: 8 << 20,
            engine: KEEPS_NOTHING,
        };
        let second = bundle(SCHEMA, &format!("{FIRST}{SECOND}"));
        Self {
            shadow: Shadow::start(Arc::new(store), second, options, Pseudonyms::none()).unwrap(),
            trouble,
            decided,
        }
    }

    fn has(&self, trouble: ReadTrouble) {
        self.trouble.store(trouble as u8, Ordering::SeqCst);
    }

    fn offer(&self, times: usize) {
        for _ in 0..times {
            self.shadow.offer(&self.decided);
        }
    }

    /// Waits until so many came to that.
    #[track_caller]
    fn until(&self, result: &str, times: u64) {
        let sample = format!("shadow_decisions_total{{result=\"{result}\"}} {times}\n");
        eventually(&sample, || {
            let metrics = self.metrics();
            let is_so = metrics.contains(&sample);
            is_so.then_some(()).ok_or(metrics)
        });
    }

    fn metrics(&self) -> String {
        let mut registry = Registry::default();
        self.shadow.counts().register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }
}

fn decided(deciding: Deciding, bundle: Arc<Bundle>, asked: Value) -> Arc<Decided> {
    deciding.work(async move |engine| {
        let session = engine.session();
        let (question, options) = session.question(&asked, 0).unwrap();
        let decision = session.decide(&question, &options.demand).await.unwrap();
        Arc::new(Decided {
            id: uuid::Uuid::now_v7(),
            surface: "native",
            at: SystemTime::UNIX_EPOCH,
            elapsed: Duration::ZERO,
            question: Some(question),
            said: Value::Null,
            marks: RequestMarks::default(),
            decision,
            bundle,
        })
    })
}

/// Offering never waits: it comes back while the shadow hangs, whatever is offered.
#[test]
fn while_it_hangs_what_does_not_fit_is_dropped() {
    let scene = TroubledShadow::new(4, 1 << 20);
    scene.has(ReadTrouble::Hangs);
    scene.offer(1);
    scene.offer(100);
    let metrics = scene.metrics();
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("shadow_dropped_total "));
    // One may be in hand, and four wait.
    let dropped: u64 = dropped.unwrap().parse().unwrap();
    assert!(dropped == 96 || dropped == 97, "{dropped}");
    scene.has(ReadTrouble::None);
    scene.until("agreed", 101 - dropped);
}

/// Heavy ones are bounded by what they take, however few they are.
#[test]
fn what_waits_is_bounded_by_its_bytes() {
    // Not enough for a single one, which has it alone.
    let scene = TroubledShadow::new(1000, 1000);
    scene.has(ReadTrouble::Hangs);
    scene.offer(10);
    let metrics = scene.metrics();
    assert!(metrics.contains("shadow_dropped_total 9\n"), "{metrics}");
    scene.has(ReadTrouble::None);
    scene.until("agreed", 1);
    // Its room is given back.
    let dropped = || {
        let metrics = scene.metrics();
        let found = metrics
            .lines()
            .find_map(|line| line.strip_prefix("shadow_dropped_total "));
        found.unwrap().to_owned()
    };
    until("one is taken", || {
        let before = dropped();
        scene.offer(1);
        dropped() == before
    });
    scene.until("agreed", 2);
}

#[test]
fn after_a_panic_or_a_failure_it_goes_on() {
    let scene = TroubledShadow::new(100, 1 << 20);
    scene.has(ReadTrouble::Panics);
    scene.offer(3);
    scene.until("failed", 3);
    scene.has(ReadTrouble::Fails);
    scene.offer(2);
    scene.until("failed", 5);
    scene.has(ReadTrouble::None);
    scene.offer(4);
    scene.until("agreed", 4);
    assert!(!scene.metrics().contains("shadow_disagreements_total{"));
}
