//! A line that is decided again by the policies in force, and explained.

use std::sync::Arc;
use std::time::Duration;

use maud::{Markup, html};

use super::tail::Tail;
use crate::ask::asking::Asking;
use crate::ask::slice::slice;
use crate::ask::why::explained;
use crate::entity::{entity, id, seen};
use crate::question_link::parameters;
use crate::visit::Visit;
use peppol_authz_engine::schema::record_to_json;
use peppol_authz_engine::{Explanation, Unexplained};
use peppol_authz_server::decision_log::{Again, Line, Pseudonyms, Replay, lines};
use peppol_authz_server::http::Problem;

/// How long a line is decided.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A line that was decided again: it, how it differs, and why it is so.
type DecidedLine = (Again, Vec<&'static str>, Result<Explanation, Unexplained>);

/// The line of that id.
pub(super) fn line_of<'l>(
    mut all: impl Iterator<Item = &'l str>,
    id: &str,
) -> Result<Line, Problem> {
    let text = all.find(|line| line.contains(id));
    let line = text.and_then(|text| lines(text.as_bytes()).next());
    match line {
        Some(Ok(line)) if line.id == id => Ok(line),
        _ => Err(Problem::NotFound),
    }
}

/// Decides the line of that id again.
pub(super) async fn again(visit: &Visit, tail: &Tail, id: &str) -> Result<Markup, Problem> {
    let texts = visit.texts();
    let line = line_of(tail.lines(), id)?;
    let (decision, codes, revision) = (
        line.decision().to_owned(),
        line.codes(),
        line.policy_revision.clone(),
    );
    let app = Arc::clone(&visit.console.app);
    let key_file = visit.console.log.key_file.clone();
    let own = Arc::clone(&app);
    let decided = app.explanations.on_a_thread(async move {
        let bundle = Arc::clone(&own.engine.state().bundle);
        decide(&line, bundle, &own, key_file).await
    });
    let decided = tokio::time::timeout(PATIENCE, decided).await;
    let (title, why) = match decided.map_err(|_| Problem::TimedOut)?? {
        Err(why) => (texts.not_replayed, html! { p { bdi { (seen(&why)) } } }),
        Ok((again, differs, why)) => {
            let title = match differs.is_empty() {
                true => texts.replayed_same,
                false => texts.replayed_other,
            };
            (title, told(visit, &again, &differs, &why))
        }
    };
    Ok(html! {
        section.card {
            h2 { (title) }
            dl.facts {
                div { dt { (texts.recorded) } dd { strong { (seen(&decision)) } " " (seen(&codes.join(", "))) } }
                div { dt { (texts.revision_policies) } dd { code { (seen(&revision)) } } }
            }
            (why)
        }
    })
}

async fn decide(
    line: &Line,
    bundle: Arc<peppol_authz_engine::policy::Bundle>,
    app: &peppol_authz_server::http::App,
    key_file: Option<std::path::PathBuf>,
) -> Result<DecidedLine, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let key = key_file.map(|path| Pseudonyms::by_file(&path)).transpose();
    let key = key.map_err(|error| said(&error))?;
    let replay = Replay::new(Arc::clone(&bundle)).map_err(|error| said(&error))?;
    // A line with its entities needs no store.
    let mut replay = match line.slice {
        Some(_) => replay,
        None => {
            let over = replay.over(app.engine.store(), key.as_ref()).await;
            over.map_err(|error| said(&error))?
        }
    };
    let again = replay.decide(line).await.map_err(|error| said(&error))?;
    let differs = again.differs_from(line);
    let why = Explanation::of(&bundle, &again.question, &again.decision);
    Ok((again, differs, why))
}

pub(super) fn told(
    visit: &Visit,
    again: &Again,
    differs: &[&'static str],
    why: &Result<Explanation, Unexplained>,
) -> Markup {
    let texts = visit.texts();
    let (question, decision) = (&again.question, &again.decision);
    let context = record_to_json(&question.context);
    let query = parameters(
        &question.principal,
        &question.action,
        &question.resource,
        &context,
    );
    let state = visit.console.app.engine.state();
    let asking = Asking::of(&query, &state.bundle.schema);
    let codes = decision
        .reasons
        .iter()
        .filter_map(|reason| reason.code.as_deref());
    html! {
        dl.facts {
            div { dt { (texts.again) } dd { strong { (decision.verdict.name()) } " " (seen(&codes.collect::<Vec<_>>().join(", "))) } }
            @if !differs.is_empty() { div { dt { (texts.replayed_other) } dd { code { (differs.join(", ")) } } } }
            div { dt { (texts.of_question) } dd {
                (entity(&question.principal)) " " code { (seen(id(&question.action))) } " " (entity(&question.resource)) " "
                a href=(query.with("ask", "1").behind("/console/ask")) { (texts.ask) }
            } }
        }
        @match why {
            Ok(explanation) => (explained(explanation, &asking, decision.verdict, texts)),
            Err(error) => p { (texts.unexplained) " " bdi { (seen(&error.to_string())) } },
        }
        (slice(question, decision, texts))
    }
}
