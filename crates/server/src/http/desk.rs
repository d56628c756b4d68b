//! A desk: where somebody asks by pages, as a program asks by the API.
//!
//! Who asks is let in as every caller is, by the connection or by a key or a token that a session keeps. Each question and each
//! search takes the one way of the `exchange`, with the permissions of the native surface, its limits, its deadline
//! and its observers. So a page can show nothing that the API would not tell the same caller.

mod review;
mod state;

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap, HeaderValue};
use serde_json::{Value as Json, json};

use super::admission::{Admitted, CONSOLE};
use super::app::App;
use super::connection_caller::ConnectionCaller;
use super::exchange::{Exchange, SearchForm, Surface, answered};
use super::explanation::Explainers;
use super::freshness::values;
use super::page::Page;
use super::problem::Problem;
use super::request::{RequestInHand, answered_for, marks};
use crate::callers::{Asked, Caller, CallerAction, Connected, Proof};
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::{HeldStore, StoreError, SupposedChange, SupposedStore};
use peppol_authz_engine::{
    Decided, Decision, Engine, EngineOptions, Explanation, Failure, Question, SearchResult,
    Unexplained,
};

pub use review::WantedReview;
pub use state::DeskState;

/// Somebody who was let in, with what is to be asked for them.
pub struct Desk {
    app: Arc<App>,
    admitted: Admitted,
    /// The headers by which the setting `explain.allow` knows somebody.
    shown: HeaderMap,
    headers: HeaderMap,
}

/// A decision, and why it is so.
#[derive(Debug)]
pub struct DeskDecision {
    /// The decision with its question and its policies.
    pub decided: Arc<Decided>,
    /// The explanation; `None` where the caller may not have one.
    pub why: Option<Result<Explanation, Unexplained>>,
}

/// A state of the store that is supposed, for searches.
pub struct Supposed(Arc<Engine>);

/// A decision in a state that is supposed.
#[derive(Debug)]
pub struct SupposedDecision {
    /// The question.
    pub question: Question,
    /// The decision.
    pub decision: Decision,
    /// Why it is so.
    pub why: Result<Explanation, Unexplained>,
}

/// The memory for its entities.
const SUPPOSED_BYTES: u64 = 16 << 20;

impl std::fmt::Debug for Supposed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supposed").finish_non_exhaustive()
    }
}

/// The page of a search that is wanted.
#[derive(Clone, Debug, Default)]
pub struct DeskPage {
    /// The id that it follows; the first page without.
    pub after: Option<Arc<str>>,
    /// The most results.
    pub limit: usize,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// The connection of a request with these extensions.
    #[must_use]
    pub fn connected(extensions: &Extensions) -> Arc<Connected> {
        ConnectionCaller::of(extensions.get())
    }

    /// Lets somebody in: by a key or a token, or by the connection alone.
    ///
    /// # Errors
    /// A caller that is not known, that has reached a limit, and one that may not use the console.
    pub async fn open(
        app: &Arc<App>,
        connected: Arc<Connected>,
        shown: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let admitted = app.admit_by(connected, shown, CONSOLE, false).await?;
        let bearer = shown.and_then(|shown| HeaderValue::try_from(format!("Bearer {shown}")).ok());
        let bearer = bearer.map(|value| (AUTHORIZATION, value));
        Ok(Self {
            app: Arc::clone(app),
            admitted,
            shown: bearer.into_iter().collect(),
            headers: headers.clone(),
        })
    }

    /// The caller.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.admitted.caller
    }

    /// True if the key or the token counts: as that of a caller, or as that of the setting `explain.allow`.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        let is_caller = matches!(self.caller().proof, Proof::Key | Proof::Token);
        let has_key = matches!(self.app.explainers, Explainers::Key(_));
        is_caller || has_key && self.app.explainers.hold(&self.shown)
    }

    /// The server.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// True if the caller may ask what operators ask at this path.
    #[must_use]
    pub fn administers(&self, path: &'static str) -> bool {
        let caller = &self.admitted.caller;
        self.app.would_permit(caller, CallerAction::Admin, path)
    }

    /// Checks the same, and counts a refusal.
    ///
    /// # Errors
    /// A caller that may not.
    pub fn require_administration(&self, path: &'static str) -> Result<(), Problem> {
        let asked = Asked::Path(path);
        let caller = &self.admitted.caller;
        self.app.permits(caller, CallerAction::Admin, asked)
    }

    /// Checks that there is a state of the store to answer from.
    ///
    /// # Errors
    /// A server that is not ready.
    pub fn require_ready(&self) -> Result<(), Problem> {
        self.app.readiness.ready_to_answer()
    }

    /// Decides a question in its native form, and explains the decision to a caller who may have that.
    ///
    /// # Errors
    /// All that the native surface answers with an error.
    pub async fn decide(&self, question: &Json) -> Result<DeskDecision, Problem> {
        match self.decide_once(question, true).await {
            Err(Problem::ExplainNotAllowed) => self.decide_once(question, false).await,
            decided => decided,
        }
    }

    async fn decide_once(&self, question: &Json, explain: bool) -> Result<DeskDecision, Problem> {
        let mut question = question.clone();
        if let (Json::Object(members), true) = (&mut question, explain) {
            members.insert("explain".to_owned(), json!(true));
        }
        let shown = self.shown.clone();
        let answer = answered(
            &self.app,
            Surface::Console,
            Ok(()),
            Body::from(question.to_string()),
            move |exchange, text| {
                Box::pin(async move {
                    let json = exchange.json(&text)?;
                    let read = exchange.question(&json);
                    let (question, options) = read.map_err(|it| exchange.refused(it))?;
                    let asked = exchange.asked(&shown, question, options);
                    let demanded = exchange.demand(&|name| values(&shown, name))?;
                    Ok(exchange.one(Ok(asked), demanded).await?.into_parts())
                })
            },
        );
        let (decided, why) = self.as_caller(answer).await?;
        Ok(DeskDecision { decided, why })
    }

    /// Finds a page of what is allowed, by a search in its native form.
    ///
    /// # Errors
    /// All that the native surface answers with an error.
    pub async fn search(&self, search: &Json, page: &DeskPage) -> Result<SearchResult, Problem> {
        self.search_in(None, search, page).await
    }

    /// The same in a state that is supposed.
    ///
    /// # Errors
    /// The same.
    pub async fn search_in(
        &self,
        supposed: Option<&Supposed>,
        search: &Json,
        page: &DeskPage,
    ) -> Result<SearchResult, Problem> {
        let (text, page) = (Body::from(search.to_string()), page.clone());
        let session = supposed.map(|supposed| supposed.0.session());
        let answer = answered(
            &self.app,
            Surface::Console,
            Ok(()),
            text,
            move |exchange, text| {
                let exchange = match session {
                    Some(session) => exchange.over(session),
                    None => exchange,
                };
                Box::pin(async move { found(exchange, &text, page).await })
            },
        );
        self.as_caller(answer).await
    }

    /// The newest state of the store, as if some of its entities were changed.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn supposing(&self, changes: Vec<SupposedChange>) -> Result<Supposed, Problem> {
        self.require_ready()?;
        let bundle = Arc::clone(&self.app.engine.state().bundle);
        let failed = |error: StoreError| Problem::from(Failure::from(error));
        let held = HeldStore::of(self.app.engine.store(), &bundle.schema).await;
        let held = Arc::new(held.map_err(failed)?);
        let store = SupposedStore::of(held, changes);
        let options = EngineOptions {
            cache_bytes: SUPPOSED_BYTES,
            decision_bytes: 0,
            freshness: Freshness::EACH,
        };
        let engine = Engine::new(Arc::new(store), bundle, options);
        Ok(Supposed(Arc::new(engine.map_err(failed)?)))
    }

    /// Decides a question in a state that is supposed, and explains it. It is no decision: nobody is answered by it, no observer
    /// receives it. A caller that may have all of the store may suppose what it likes of it.
    ///
    /// # Errors
    /// A caller that may not have all of the store, a question that does not fit, a store that cannot be read.
    pub async fn decide_in(
        &self,
        supposed: &Supposed,
        question: &Json,
    ) -> Result<SupposedDecision, Problem> {
        self.require_administration("/v1/data")?;
        let (session, json) = (supposed.0.session(), question.clone());
        let work = self.app.explanations.on_a_thread(async move {
            let read = session.question(&json, usize::MAX);
            let (question, options) = read.map_err(Problem::Malformed)?;
            let decision = session.decide(&question, &options.demand).await?;
            let why = Explanation::of(&session.state.bundle, &question, &decision);
            Ok(SupposedDecision {
                question,
                decision,
                why,
            })
        });
        work.await?
    }

    /// Answers for the caller, as the middleware does for a request of the API.
    async fn as_caller<T>(&self, answer: impl Future<Output = T>) -> T {
        let in_hand = RequestInHand {
            marks: marks(&self.headers),
            caller: Arc::clone(&self.admitted.caller),
            is_let_in: false,
        };
        answered_for(in_hand, answer).await
    }
}

async fn found(
    exchange: Exchange<'_>,
    text: &[u8],
    page: DeskPage,
) -> Result<SearchResult, Problem> {
    let json = exchange.json(text)?;
    let (wanted, demand) = exchange.search(&json)?;
    let none = HeaderMap::new();
    let demanded = exchange.demand(&|name| values(&none, name))?.and(&demand);
    let page = Page {
        after: page.after,
        limit: page.limit.clamp(1, exchange.limits().page),
    };
    let form = SearchForm {
        explain: false,
        allowed_by_setting: false,
        binds: true,
    };
    exchange.find(&wanted, demanded, &page, form).await
}
