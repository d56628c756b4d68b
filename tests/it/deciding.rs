//! An engine of a test's own: any schema, any policies, any store. It decides on
//! a worker whose stack is as large as the server's.

use std::path::Path;
use std::sync::Arc;

use cedar_policy::EntityUid;
use peppol_authz_database::{RowColumns, Sqlite, SqliteOptions};
use peppol_authz_engine::policy::{Bundle, Fault, SourceFile, Sources, load};
use peppol_authz_engine::slice::{Demand, Freshness};
use peppol_authz_engine::store::{EntitiesFile, Store};
use peppol_authz_engine::{
    Decision, Engine, EngineOptions, Explanation, Failure, Malformed, Recall, RowPlan,
    RowPlanOptions, RowPlanRequest, SearchPage, SearchResult, Unexplained, Verdict, Wanted,
};
use peppol_authz_server::config::Config;
use peppol_authz_server::http::Plans;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::in_process::one_worker;

/// A permit for everything that no policy forbids.
pub(crate) const PERMIT_ALL: &str = "@id(\"p/all\") permit (principal, action, resource);\n";

/// Memory for entities, as `serve` has it.
const CACHE_BYTES: u64 = 64 << 20;

/// An engine, and a worker to decide on.
pub(crate) struct Deciding {
    pub(crate) engine: Arc<Engine>,
    runtime: Runtime,
}

/// Why there is no decision.
#[derive(Debug)]
pub(crate) enum Refused {
    Malformed(Malformed),
    Failed(Failure),
}

/// The first page of a search.
pub(crate) fn first_page(limit: usize, most: usize) -> SearchPage {
    SearchPage {
        after: None,
        limit,
        most,
        explain: false,
        binds: true,
    }
}

/// Principal and resource, and the verdict.
pub(crate) type Decided = ((EntityUid, EntityUid), Verdict);

/// An explanation, or why there is none.
pub(crate) type Why = Result<Explanation, Unexplained>;

/// Texts as if they had been read from files.
pub(crate) fn sources(schema: &str, policies: &[(&str, &str)]) -> Sources {
    let file = |name: &str, text: &str| {
        Arc::new(SourceFile {
            name: name.to_owned(),
            path: None,
            text: text.to_owned(),
        })
    };
    let policies = policies.iter().map(|(name, text)| file(name, text));
    Sources::new(file("test.cedarschema", schema), policies.collect())
}

/// A valid set of one policy file.
pub(crate) fn bundle(schema: &str, policies: &str) -> Arc<Bundle> {
    linked_bundle(schema, policies, None)
}

/// The same, with links.
pub(crate) fn linked_bundle(schema: &str, policies: &str, links: Option<&str>) -> Arc<Bundle> {
    let loaded = load(&linked_sources(schema, policies, links));
    Arc::new(loaded.unwrap_or_else(|faults| panic!("{faults:#?}\n{policies}\n{links:?}")))
}

/// A policy file and a file of links.
pub(crate) fn linked_sources(schema: &str, policies: &str, links: Option<&str>) -> Sources {
    let links = links.map(|text| {
        Arc::new(SourceFile {
            name: "links.toml".to_owned(),
            path: None,
            text: text.to_owned(),
        })
    });
    Sources {
        links,
        ..sources(schema, &[("p.cedar", policies)])
    }
}

/// The faults of a set of one policy file.
pub(crate) fn faults(schema: &str, policies: &str) -> Vec<Fault> {
    match load(&sources(schema, &[("p.cedar", policies)])) {
        Ok(_) => panic!("this loads:\n{policies}"),
        Err(faults) => faults,
    }
}

/// A question without a context.
pub(crate) fn question(principal: &str, action: &str, resource: &str) -> Value {
    json!({
        "principal": principal,
        "action": format!("Action::\"{action}\""),
        "resource": resource,
    })
}

/// A question with a context.
pub(crate) fn asked_with(principal: &str, action: &str, resource: &str, context: Value) -> Value {
    let mut question = question(principal, action, resource);
    question["context"] = context;
    question
}

/// An entity in Cedar's JSON form, without tags.
pub(crate) fn entity(kind: &str, id: &str, attributes: Value, parents: &[(&str, &str)]) -> Value {
    let uid = |(kind, id): &(&str, &str)| json!({"type": kind, "id": id});
    json!({
        "uid": uid(&(kind, id)),
        "attrs": attributes,
        "parents": parents.iter().map(uid).collect::<Vec<_>>(),
    })
}

/// The codes of a denial's reasons, the engine's own first.
pub(crate) fn codes(decision: &Decision) -> Vec<&str> {
    decision
        .reasons
        .iter()
        .map(|reason| reason.code.as_deref().unwrap_or("-"))
        .collect()
}

/// An answer in a line.
fn brief(answer: &Result<Decision, Refused>) -> String {
    match answer {
        Ok(decision) => format!("{} {:?}", decision.verdict.name(), codes(decision)),
        Err(refused) => format!("{refused:?}"),
    }
}

/// A permit has no code.
fn permits(decision: &Decision) -> Vec<&'static str> {
    vec!["-"; decision.reasons.len()]
}

/// A database in a directory that lives as long as the test.
pub(crate) fn open(path: &Path) -> Sqlite {
    Sqlite::open(path, SqliteOptions::default()).unwrap()
}

impl Deciding {
    /// Over any store, with the entities in memory that it has loaded before.
    pub(crate) fn over(store: impl Store + 'static, bundle: Arc<Bundle>) -> Self {
        Self::with_cache(store, bundle, CACHE_BYTES)
    }

    pub(crate) fn with_cache(
        store: impl Store + 'static,
        bundle: Arc<Bundle>,
        cache_bytes: u64,
    ) -> Self {
        // Each question looks at the store, so that a test sees what it has written.
        let options = EngineOptions {
            cache_bytes,
            decision_bytes: 0,
            freshness: Freshness::EACH,
        };
        let engine = Engine::new(Arc::new(store), bundle, options);
        Self::by(engine.unwrap_or_else(|error| panic!("{error}")))
    }

    fn by(engine: Engine) -> Self {
        let runtime = one_worker();
        Self {
            engine: Arc::new(engine),
            runtime,
        }
    }

    /// Over any store, with the decisions in memory that were made before.
    pub(crate) fn keeping(store: Arc<dyn Store>, bundle: Arc<Bundle>) -> Self {
        Self::of_memory(store, bundle, CACHE_BYTES)
    }

    /// Over any store, with nothing in memory.
    pub(crate) fn keeping_nothing(store: Arc<dyn Store>, bundle: Arc<Bundle>) -> Self {
        Self::of_memory(store, bundle, 0)
    }

    fn of_memory(store: Arc<dyn Store>, bundle: Arc<Bundle>, bytes: u64) -> Self {
        let options = EngineOptions {
            cache_bytes: bytes,
            decision_bytes: bytes,
            freshness: Freshness::EACH,
        };
        let engine = Engine::new(store, bundle, options);
        Self::by(engine.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Over entities in memory.
    pub(crate) fn of(schema: &str, policies: &str, entities: &Value) -> Self {
        let store = EntitiesFile::parse(entities.to_string().as_bytes()).unwrap();
        Self::over(store, bundle(schema, policies))
    }

    pub(crate) fn ask(&self, question: &Value) -> Result<Decision, Refused> {
        self.ask_or_recall(question, Recall::Never)
    }

    /// The decision may be one that was made before.
    pub(crate) fn ask_kept(&self, question: &Value) -> Result<Decision, Refused> {
        self.ask_or_recall(question, Recall::WithoutSlice)
    }

    fn ask_or_recall(&self, question: &Value, recall: Recall) -> Result<Decision, Refused> {
        let engine = Arc::clone(&self.engine);
        let question = question.clone();
        let asked = self.runtime.spawn(async move {
            let session = engine.session();
            let (question, options) = session
                .question(&question, 100)
                .map_err(Refused::Malformed)?;
            let decided = session.decide_or_recall(&question, &options.demand, recall);
            decided.await.map_err(Refused::Failed)
        });
        self.runtime.block_on(asked).unwrap()
    }

    /// Does something with the engine, on the worker.
    pub(crate) fn work<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Engine>) -> F,
    ) -> T {
        let work = self.runtime.spawn(work(Arc::clone(&self.engine)));
        self.runtime.block_on(work).unwrap()
    }

    /// Asks, and asks why.
    pub(crate) fn explain(&self, question: &Value) -> Result<(Decision, Why), Refused> {
        let engine = Arc::clone(&self.engine);
        let question = question.clone();
        let asked = self.runtime.spawn(async move {
            let session = engine.session();
            let (question, options) = session
                .question(&question, 100)
                .map_err(Refused::Malformed)?;
            let decision = session.decide(&question, &options.demand).await;
            let decision = decision.map_err(Refused::Failed)?;
            let why = Explanation::of(&session.state.bundle, &question, &decision);
            Ok((decision, why))
        });
        self.runtime.block_on(asked).unwrap()
    }

    /// Asks all of these of one state.
    pub(crate) fn ask_all(&self, questions: &[&Value]) -> Vec<Result<Decided, Refused>> {
        let engine = Arc::clone(&self.engine);
        let questions: Vec<Value> = questions.iter().map(|json| (*json).clone()).collect();
        let asked = self.runtime.spawn(async move {
            let session = engine.session();
            let read = questions.iter().map(|json| session.question(json, 100));
            let read: Vec<_> = read.collect();
            let mut demand = Demand::default();
            for (_, options) in read.iter().flatten() {
                demand.join(&options.demand);
            }
            let asked = read.iter().flatten().map(|(question, _)| question);
            let asked: Vec<_> = asked.collect();
            let decided = session.decide_all(&asked, &demand).await;
            let mut decided = decided
                .unwrap_or_else(|failure| vec![Err(failure); asked.len()])
                .into_iter();
            read.into_iter()
                .map(|question| {
                    let (question, _) = question.map_err(Refused::Malformed)?;
                    let decision = decided.next().unwrap().map_err(Refused::Failed)?;
                    Ok(((question.principal, question.resource), decision.verdict))
                })
                .collect()
        });
        self.runtime.block_on(asked).unwrap()
    }

    /// Searches.
    pub(crate) fn find(&self, wanted: &Value, part: &SearchPage) -> Result<SearchResult, Refused> {
        let engine = Arc::clone(&self.engine);
        let (wanted, part) = (wanted.clone(), part.clone());
        let found = self.runtime.spawn(async move {
            let session = engine.session();
            let read = Wanted::read(&session, &wanted, 100);
            let (wanted, demand) = read.map_err(Refused::Malformed)?;
            let found = wanted.find(&session, &part, &demand).await;
            found.map_err(Refused::Failed)
        });
        self.runtime.block_on(found).unwrap()
    }

    /// Makes a plan.
    pub(crate) fn plan(
        &self,
        wanted: &Value,
        options: &RowPlanOptions,
    ) -> Result<RowPlan, Refused> {
        let engine = Arc::clone(&self.engine);
        let (wanted, options) = (wanted.clone(), options.clone());
        let made = self.runtime.spawn(async move {
            let session = engine.session();
            let read = RowPlanRequest::read(&session, &wanted, 100);
            let (request, demand) = read.map_err(Refused::Malformed)?;
            let plan = request.plan(&session, &options, &demand).await;
            plan.map_err(Refused::Failed)
        });
        self.runtime.block_on(made).unwrap()
    }

    /// Asks what has to be answered by a decision.
    pub(crate) fn decide(&self, question: &Value) -> Decision {
        self.ask(question)
            .unwrap_or_else(|refused| panic!("{refused:?}\n{question}"))
    }

    pub(crate) fn assert_allowed(&self, question: &Value) {
        let decision = self.decide(question);
        let found = (decision.verdict, codes(&decision));
        assert_eq!(found, (Verdict::Allow, permits(&decision)), "{question}");
    }

    /// Denied, with these codes and no others.
    pub(crate) fn assert_denied(&self, question: &Value, wanted: &[&str]) {
        let decision = self.decide(question);
        let found = (decision.verdict, codes(&decision));
        let errors = &decision.errors;
        let wanted = (Verdict::Deny, wanted.to_vec());
        assert_eq!(found, wanted, "{question}\n{errors:?}");
    }

    /// No decision, because of what the store holds or cannot say.
    pub(crate) fn assert_fails(&self, question: &Value) -> Failure {
        match self.ask(question) {
            Err(Refused::Failed(failure)) => failure,
            other => panic!("not a failure: {}\n{question}", brief(&other)),
        }
    }

    /// No decision, because the question is none.
    pub(crate) fn assert_malformed(&self, question: &Value) -> Malformed {
        match self.ask(question) {
            Err(Refused::Malformed(malformed)) => malformed,
            other => panic!("not malformed: {}\n{question}", brief(&other)),
        }
    }
}

/// How plans are made by the settings that are shipped.
pub(crate) fn plan_options() -> RowPlanOptions {
    let config = Config::defaults().unwrap();
    Plans::new(&config.plan, &config.limits).options(&RowColumns::default())
}
