//! Ask: a question by a form, its answer, and why it is so.

mod answer;
pub(crate) mod asking;
mod context;
mod form;
mod near;
mod same;
pub(crate) mod slice;
mod supposed;
mod supposing;
pub(crate) mod why;

use axum::response::Response;
use maud::html;

use crate::refusal::problem_box;
use crate::visit::Visit;
use answer::answer;
use asking::{Asking, COMPLETE};
use form::form;
use same::same;
use why::why;

/// The page: with an answer where the question is complete.
pub(crate) async fn page(visit: Visit) -> Response {
    let texts = visit.texts();
    let state = visit.console.app.engine.state();
    let schema = &state.bundle.schema;
    let asking = Asking::of(&visit.query, schema).supposing(visit.desk.administers("/v1/data"));
    let changes = supposing::changes(&visit.query, schema);
    let question = visit.query.get(COMPLETE).map(|_| asking.question());
    let decided = match &question {
        Some(Ok(question)) if changes.is_ok() => {
            Some((question, visit.desk.decide(question).await))
        }
        _ => None,
    };
    let supposed = match (&decided, &changes) {
        (Some((question, Ok(given))), Ok(changes)) if !changes.is_empty() => {
            let then = supposed::decided(&visit, question, changes).await;
            Some((changes, given, then))
        }
        _ => None,
    };
    let contents = html! {
        div.lead {
            h1 { (texts.ask) }
            p { (texts.ask_lead) }
        }
        div.split {
            (form(&asking, texts))
            div.answer aria-live="polite" {
                @if let (Some(Err(fault)), _) | (_, Err(fault)) = (&question, &changes) {
                    section.problem role="alert" {
                        h2 { (texts.problem) }
                        p { bdi { (crate::entity::seen(fault)) } }
                    }
                }
                @match (&supposed, &decided) {
                    (None, None) => {},
                    (Some((changes, now, Ok(then))), _) => (supposed::shown(&visit, &asking, changes, now, then)),
                    (Some((_, _, Err(problem))), _) => (problem_box(texts, problem)),
                    (None, Some((question, Err(problem)))) => {
                        (problem_box(texts, problem))
                        (same(&visit, &asking, question, None))
                    }
                    (None, Some((question, Ok(given)))) => {
                        (answer(&given.decided.decision, &given.decided.id.to_string(), texts))
                        (why(&visit, &asking, given))
                        (same(&visit, &asking, question, Some(&given.decided.decision)))
                    }
                }
            }
        }
    };
    visit.frame().page(texts.ask, &contents)
}
