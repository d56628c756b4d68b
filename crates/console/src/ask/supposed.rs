//! The answer to a question as if the store had some changes.

use std::sync::Arc;
use std::time::Duration;

use maud::{Markup, html};
use serde_json::Value as Json;

use super::answer::{answer, verdict};
use super::asking::Asking;
use super::near::changed;
use super::slice::slice;
use super::supposing::SUPPOSE;
use super::why::explained;
use crate::entity::seen;
use crate::visit::Visit;
use peppol_authz_engine::store::{SupposedChange, SupposedValue};
use peppol_authz_engine::{Change, ChangeKind};
use peppol_authz_server::http::{DeskDecision, Problem, SupposedDecision};

/// How long such a question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Decides a question as if these changes had been made.
pub(super) async fn decided(
    visit: &Visit,
    question: &Json,
    changes: &[SupposedChange],
) -> Result<SupposedDecision, Problem> {
    let Ok(_turn) = visit.console.searches.try_acquire() else {
        return Err(Problem::Busy);
    };
    let decided = async {
        // Before the store is looked at.
        visit.desk.require_administration("/v1/data")?;
        let supposed = visit.desk.supposing(changes.to_vec()).await?;
        visit.desk.decide_in(&supposed, question).await
    };
    let decided = tokio::time::timeout(PATIENCE, decided).await;
    decided.map_err(|_| Problem::TimedOut)?
}

/// The answer in the supposed state, with the one as it is.
pub(super) fn shown(
    visit: &Visit,
    asking: &Asking<'_>,
    changes: &[SupposedChange],
    now: &DeskDecision,
    then: &SupposedDecision,
) -> Markup {
    let texts = visit.texts();
    html! {
        section.card {
            h2 { (texts.suppose) }
            ul.plain { @for change in changes { li { (changed(&told(change), texts)) } } }
            p.hint { (texts.suppose_lead) }
            p {
                (texts.suppose_now) " " strong { (verdict(now.decided.decision.verdict, texts)) } " "
                a.button href=(asking.query.without(SUPPOSE).behind("/console/ask")) { (texts.suppose_end) }
            }
        }
        (answer(&then.decision, texts.supposed_state, texts))
        section.card {
            h2 { (texts.why) }
            @match &then.why {
                // A caller that may have no explanation of the one as it is may have none of this.
                _ if now.why.is_none() => p.hint { (texts.not_explained) },
                Ok(explanation) => (explained(explanation, asking, then.decision.verdict, texts)),
                Err(error) => p { (texts.unexplained) " " bdi { (seen(&error.to_string())) } },
            }
        }
        @if now.why.is_some() { (slice(&then.question, &then.decision, texts)) }
    }
}

/// A change as explanations tell it.
fn told(change: &SupposedChange) -> Change {
    Change {
        of: Some(change.of.clone()),
        what: match &change.what {
            SupposedValue::Attribute(name, value) => {
                ChangeKind::Attribute(Arc::clone(name), value.clone())
            }
            SupposedValue::Tag(key, value) => ChangeKind::Tag(Arc::clone(key), value.clone()),
            SupposedValue::Parent(uid) => ChangeKind::Parent(uid.clone()),
        },
    }
}
