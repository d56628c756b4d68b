//! The questions that a request becomes, all of them from one state.

mod claimed;
mod constructs;
mod mode_change;
mod one_state;

use std::sync::Arc;

use peppol_authz_engine::policy::{Bundle, SourceFile, Sources, load};
use peppol_authz_engine::schema::Designation;
use peppol_authz_engine::slice::{Demand, Freshness};
use peppol_authz_engine::store::{EntitiesFile, Store};
use peppol_authz_engine::{
    Body, Drafted, Engine, EngineOptions, Failure, HttpRequest, Reason, RequestDecision,
    RequestLimits, Routed,
};
use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use crate::in_process::one_worker;

const LIMITS: RequestLimits = RequestLimits {
    json_depth: 32,
    questions: 4,
    questions_bytes: 1 << 20,
    candidates: 1000,
};

/// A request, and who sends it.
#[derive(Clone)]
struct Sent {
    who: Designation,
    request: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    claims: Option<Map<String, Value>>,
    body: Option<Vec<u8>>,
}

/// An engine with a route table.
struct Gate {
    engine: Arc<Engine>,
    runtime: Runtime,
}

/// The shipped schema and policies, with a table of the test's own.
fn bundle(routes: &str) -> Arc<Bundle> {
    let mut sources = Sources::shipped();
    sources.routes = Some(Arc::new(SourceFile {
        name: "routes.toml".to_owned(),
        path: None,
        text: routes.to_owned(),
    }));
    Arc::new(load(&sources).unwrap_or_else(|faults| panic!("{faults:#?}\n{routes}")))
}

/// By a user's id.
fn sent(who: &str, request: &str) -> Sent {
    Sent {
        who: Designation {
            kind: "User".to_owned(),
            attribute: None,
            value: who.to_owned(),
        },
        request: request.to_owned(),
        headers: Vec::new(),
        claims: None,
        body: None,
    }
}

impl Sent {
    fn with(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string().into_bytes());
        self.headers
            .push(("content-type", b"application/json".to_vec()));
        self
    }

    fn claiming(mut self, claims: &Value) -> Self {
        self.claims = claims.as_object().cloned();
        self
    }
}

/// An outcome in a line: `Allow`, or the codes.
fn brief(decision: &RequestDecision) -> String {
    if decision.reasons.is_empty() {
        return decision.verdict.name().to_owned();
    }
    let codes = decision.reasons.iter();
    let codes: Vec<_> = codes
        .map(|reason| reason.code.as_deref().unwrap())
        .collect();
    format!("{} {}", decision.verdict.name(), codes.join(" "))
}

/// One ask in a word: the id of its resource, `-` for nothing, or the codes.
fn brief_of(drafted: &Drafted) -> String {
    match drafted {
        Drafted::Asked(draft) => AsRef::<str>::as_ref(draft.resource.id()).to_owned(),
        Drafted::NotAsked => "-".to_owned(),
        Drafted::Depends => "?".to_owned(),
        Drafted::Refused(reasons) => {
            let codes = reasons.iter().map(|reason: &Reason| reason.code.as_deref());
            codes.map(Option::unwrap).collect::<Vec<_>>().join(" ")
        }
    }
}

impl Gate {
    fn over(store: impl Store + 'static, routes: &str) -> Self {
        let options = EngineOptions {
            cache_bytes: 1 << 20,
            decision_bytes: 0,
            freshness: Freshness::EACH,
        };
        let engine = Engine::new(Arc::new(store), bundle(routes), options);
        let runtime = one_worker();
        Self {
            engine: Arc::new(engine.unwrap_or_else(|error| panic!("{error}"))),
            runtime,
        }
    }

    fn of(entities: &Value, routes: &str) -> Self {
        let store = EntitiesFile::parse(entities.to_string().as_bytes()).unwrap();
        Self::over(store, routes)
    }

    /// The tenancy that the tests of documents have too.
    fn usual(routes: &str) -> Self {
        let text = include_str!("fixtures/tenancy.entities.json");
        Self::over(EntitiesFile::parse(text.as_bytes()).unwrap(), routes)
    }

    fn try_decide(&self, sent: &Sent) -> Result<RequestDecision, Failure> {
        let (engine, sent) = (Arc::clone(&self.engine), sent.clone());
        let decided = self.runtime.spawn(async move {
            let session = engine.session();
            let (method, target) = sent.request.split_once(' ').unwrap();
            let routed = Routed::find(&session, method, target);
            let routed = routed.unwrap_or_else(|error| panic!("{error:?}: {}", sent.request));
            let headers = |name: &str| values(&sent.headers, name);
            let request = request(&sent, &headers);
            let demand = Demand::default();
            routed.decide(&request, &sent.who, &LIMITS, &demand).await
        });
        self.runtime.block_on(decided).unwrap()
    }

    fn decide(&self, sent: &Sent) -> RequestDecision {
        self.try_decide(sent)
            .unwrap_or_else(|failure| panic!("{failure}: {}", sent.request))
    }

    fn assert_decides(&self, sent: &Sent, wanted: &str) {
        let body = sent.body.as_deref().map(String::from_utf8_lossy);
        assert_eq!(
            brief(&self.decide(sent)),
            wanted,
            "{} {body:?}",
            sent.request
        );
    }

    /// The drafts of a request, in the order of the table; with the store's facts, or without.
    fn drafts(&self, sent: &Sent, stored: bool) -> Vec<Vec<Drafted>> {
        let (engine, sent) = (Arc::clone(&self.engine), sent.clone());
        let drafted = self.runtime.spawn(async move {
            let session = engine.session();
            let (method, target) = sent.request.split_once(' ').unwrap();
            let routed = Routed::find(&session, method, target).unwrap();
            let headers = |name: &str| values(&sent.headers, name);
            let request = request(&sent, &headers);
            let demand = Demand::default();
            let demand = stored.then_some(&demand);
            routed.drafts(&request, &LIMITS, demand).await
        });
        self.runtime.block_on(drafted).unwrap().unwrap()
    }
}

fn values<'a>(headers: &'a [(&'static str, Vec<u8>)], name: &str) -> Vec<&'a [u8]> {
    let named = headers.iter().filter(|(other, _)| *other == name);
    named.map(|(_, value)| value.as_slice()).collect()
}

fn request<'a>(
    sent: &'a Sent,
    headers: &'a (dyn Fn(&str) -> Vec<&'a [u8]> + Send + Sync),
) -> HttpRequest<'a> {
    HttpRequest {
        headers,
        claims: sent.claims.as_ref(),
        body: match &sent.body {
            Some(text) => Body::Text(text),
            None => Body::NotSent,
        },
    }
}
