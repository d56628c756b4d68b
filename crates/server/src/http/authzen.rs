//! OpenID AuthZEN, Authorization API 1.0: `POST /access/v1/evaluation`,
//! `POST /access/v1/evaluations`, `POST /access/v1/search/…` and `GET /.well-known/authzen-configuration`.
//!
//! The specification: <https://openid.net/specs/authorization-api-1_0.html>. What a
//! request names and the schema does not have is no error here but a denial.

mod answer;
mod discovery;
mod request;
mod search;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use cedar_policy::EntityUid;
use serde_json::{Value as Json, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::answer::Answer;
use self::request::{Item, Semantic};
use super::freshness::Demands;
use super::native::{TURN, decide_sound, json, within};
use super::openapi::Problems;
use super::{App, Problem, body, freshness, openapi};
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{
    Decided, Decision, Failure, Malformed, Members, Named, Parts, Question, Refusal, Session,
    Verdict,
};

pub use discovery::Authzen;

/// The routes of this surface.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(evaluation))
        .routes(routes!(evaluations))
        .routes(routes!(search::subject))
        .routes(routes!(search::resource))
        .routes(routes!(search::action))
        .routes(routes!(discovery::configuration))
        .routes(routes!(discovery::configuration_of))
}

/// AuthZEN: may this subject do this action on this resource?
#[utoipa::path(
    post,
    path = "/access/v1/evaluation",
    tag = "authzen",
    params(Demands),
    request_body(content = openapi::Evaluation, content_type = "application/json"),
    responses((status = 200, body = openapi::Decision, description = "A decision"), Problems)
)]
async fn evaluation(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    respond(&app, &headers, body, |_| Ok(&[])).await
}

/// AuthZEN: the same for several, or for one.
#[utoipa::path(
    post,
    path = "/access/v1/evaluations",
    tag = "authzen",
    params(Demands),
    request_body(content = openapi::Evaluations, content_type = "application/json"),
    responses((status = 200, body = openapi::Decisions, description = "Decisions"), Problems)
)]
async fn evaluations(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    respond(&app, &headers, body, request::evaluations).await
}

/// The answer to a request; to a single evaluation where there are no `items`.
async fn respond(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    items: impl Fn(&Members) -> Result<&[Json], Malformed>,
) -> Result<Response, Problem> {
    app.readiness.ready_to_answer()?;
    within(&app.limits, async {
        request::is_json(headers)?;
        let text = body::read(body, &app.limits).await?;
        let evaluation = Evaluation::new(app, headers)?;
        let members = request::object(&text, app.limits.json_depth);
        let members = members.map_err(|malformed| refused(app, malformed))?;
        let items = items(&members).map_err(|malformed| refused(app, malformed))?;
        if items.is_empty() {
            evaluation.one(&members).await
        } else if items.len() > app.limits.batch {
            Err(Problem::BatchTooLarge("evaluations", app.limits.batch))
        } else {
            evaluation.many(&members, items).await
        }
    })
    .await?
    .map(json)
}

/// Counts what is no question.
fn refused(app: &App, malformed: Malformed) -> Problem {
    app.metrics.malformed(malformed.code);
    Problem::Malformed(malformed)
}

/// What became of an evaluation.
type Outcome = Result<Evaluated, Problem>;

/// A decision, and of what.
struct Evaluated {
    asked: Asked,
    decision: Decision,
}

/// What was asked, as far as the schema has it.
enum Asked {
    Question(Box<Question>),
    /// It has not.
    Other {
        /// Where there is one of that name.
        action: Option<EntityUid>,
        said: Json,
    },
}

/// What is no question, with what was said where somebody looks on.
struct Unasked {
    refusal: Refusal,
    said: Json,
}

fn is_allow(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(evaluated) if evaluated.decision.verdict == Verdict::Allow)
}

/// What an evaluation names, for whoever looks on.
fn said(parts: &Parts<'_>) -> Json {
    let named = |named: &Named<'_>| json!({"type": named.kind, "id": named.id});
    json!({
        "subject": named(&parts.subject),
        "action": {"name": parts.action},
        "resource": named(&parts.resource),
    })
}

/// Evaluations of one request, from one state of policies and store.
struct Evaluation<'a> {
    app: &'a App,
    session: Session,
    demand: Demand,
    started: Instant,
}

impl<'a> Evaluation<'a> {
    fn new(app: &'a App, headers: &HeaderMap) -> Result<Self, Problem> {
        let session = app.engine.session();
        let demand =
            freshness::demand(headers, &session).map_err(|malformed| refused(app, malformed))?;
        Ok(Self {
            app,
            session,
            demand,
            started: Instant::now(),
        })
    }

    /// The answer to one evaluation.
    async fn one(&self, members: &Members) -> Result<Vec<u8>, Problem> {
        let parts = Item::read(members).and_then(Item::parts);
        let parts = parts.map_err(|malformed| refused(self.app, malformed))?;
        let outcome = self.outcomes(vec![Ok(parts)]).await?.pop();
        let missing = || Err(Problem::Internal("an answer is missing".to_owned()));
        let outcome = outcome.unwrap_or_else(missing);
        match self.told(outcome, self.started.elapsed()).await {
            Err(problem) if problem.status().is_client_error() => self.fault(&problem),
            // What is at fault in the program or the store is a fault of the whole.
            told => told,
        }
    }

    /// The answers to several evaluations: what one of them omits, the top level says.
    async fn many(&self, members: &Members, items: &[Json]) -> Result<Vec<u8>, Problem> {
        let refused = |malformed| refused(self.app, malformed);
        let defaults = Item::read(members).map_err(refused)?;
        let semantic = Semantic::read(members).map_err(refused)?;
        let parts = items.iter().map(|item| {
            let item = Item::read(request::item(item)?)?;
            item.or(&defaults).parts()
        });
        let mut outcomes = self.outcomes(parts.collect()).await?;
        let last = outcomes
            .iter()
            .position(|outcome| semantic.ends_at(is_allow(outcome)));
        outcomes.truncate(last.map_or(outcomes.len(), |last| last + 1));
        // Their share of the whole: what they look at is loaded together.
        let all = u32::try_from(outcomes.len()).unwrap_or(u32::MAX);
        let each = self.started.elapsed() / all.max(1);
        let mut text = b"{\"evaluations\":[".to_vec();
        for (i, outcome) in outcomes.into_iter().enumerate() {
            if i > 0 {
                text.push(b',');
            }
            let answer = match self.told(outcome, each).await {
                Ok(answer) => answer,
                Err(problem) => self.fault(&problem)?,
            };
            text.extend_from_slice(&answer);
        }
        text.extend_from_slice(b"]}");
        Ok(text)
    }

    /// Decides them in order, all together. What spoils one spoils itself alone.
    async fn outcomes(
        &self,
        all: Vec<Result<Parts<'_>, Malformed>>,
    ) -> Result<Vec<Outcome>, Problem> {
        let mut questions: Vec<Result<Question, Box<Unasked>>> = Vec::with_capacity(all.len());
        for (i, parts) in all.into_iter().enumerate() {
            if i % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
            questions.push(self.question(parts));
        }
        let decided = decide_sound(self.app, &self.session, questions, &self.demand).await?;
        let outcomes = decided.into_iter().map(|decided| match decided {
            Err(unasked) => match unasked.refusal {
                Refusal::Denied(denial) => Ok(Evaluated {
                    asked: Asked::Other {
                        action: denial.action,
                        said: unasked.said,
                    },
                    decision: denial.decision,
                }),
                Refusal::Unfit(malformed) => Err(refused(self.app, malformed)),
            },
            Ok((question, Ok(decision))) => Ok(Evaluated {
                asked: Asked::Question(Box::new(question)),
                decision,
            }),
            Ok((_, Err(Failure::Described))) => Err(refused(self.app, refers_to_nothing())),
            Ok((_, Err(failure))) => {
                self.app.metrics.store_failed();
                Err(failure.into())
            }
        });
        Ok(outcomes.collect())
    }

    fn question(&self, parts: Result<Parts<'_>, Malformed>) -> Result<Question, Box<Unasked>> {
        let parts = parts.map_err(|malformed| Unasked {
            refusal: Refusal::Unfit(malformed),
            said: Json::Null,
        });
        let parts = parts.map_err(Box::new)?;
        let question = parts.question(&self.session, self.app.limits.entities);
        question.map_err(|refusal| {
            let said = match &refusal {
                Refusal::Denied(_) if self.app.is_observed() => said(&parts),
                _ => Json::Null,
            };
            Box::new(Unasked { refusal, said })
        })
    }

    /// An answer as JSON text, counted and seen.
    async fn told(&self, outcome: Outcome, elapsed: Duration) -> Result<Vec<u8>, Problem> {
        let evaluated = outcome?;
        let (question, action, said) = match evaluated.asked {
            Asked::Question(question) => (Some(*question), None, Json::Null),
            Asked::Other { action, said } => (None, action, said),
        };
        let decided = Arc::new(Decided {
            id: Uuid::now_v7(),
            surface: "authzen",
            at: SystemTime::now(),
            elapsed,
            question,
            said,
            decision: evaluated.decision,
            bundle: Arc::clone(&self.session.state.bundle),
        });
        let reveal = self.app.authzen.reveal();
        let text = to_text(&Answer::of(&decided.decision, decided.id, reveal))?;
        self.app.decided_as(action, decided).await?;
        Ok(text)
    }

    /// What is told where there is no answer.
    fn fault(&self, problem: &Problem) -> Result<Vec<u8>, Problem> {
        problem.log();
        to_text(&Answer::fault(problem, self.app.authzen.reveal()))
    }
}

fn to_text(answer: &Answer<'_>) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(answer).map_err(|error| Problem::Internal(error.to_string()))
}

/// [`Failure::Described`], in the words of this surface.
fn refers_to_nothing() -> Malformed {
    let text = "refers to an entity that is not there";
    Malformed {
        code: "ENTITY_REFERS_TO_NOTHING",
        misfit: Misfit::new(text).within("properties"),
    }
}
