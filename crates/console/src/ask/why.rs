//! Why a decision is as it is.

use maud::{Markup, html};

use super::asking::Asking;
use super::near::{near, ways};
use super::slice::slice;
use crate::cedar::source;
use crate::entity::{entity, seen};
use crate::language::Texts;
use crate::policy_title::titled;
use crate::visit::Visit;
use peppol_authz_engine::{Explanation, Verdict};
use peppol_authz_server::http::DeskDecision;

/// The explanation of a decision, or why there is none.
pub(super) fn why(visit: &Visit, asking: &Asking<'_>, given: &DeskDecision) -> Markup {
    let texts = visit.texts();
    let explanation = match &given.why {
        None => {
            return html! { section.card { h2 { (texts.why) } p.hint { (texts.not_explained) } } };
        }
        Some(Err(error)) => {
            let error = error.to_string();
            return html! {
                section.card { h2 { (texts.why) } p { (texts.unexplained) " " bdi { (seen(&error)) } } }
            };
        }
        Some(Ok(explanation)) => explanation,
    };
    html! {
        section.card {
            h2 { (texts.why) }
            (explained(explanation, asking, given.decided.decision.verdict, texts))
        }
        @if let Some(question) = &given.decided.question { (slice(question, &given.decided.decision, texts)) }
    }
}

/// An explanation in all of its parts.
pub(crate) fn explained(
    explanation: &Explanation,
    asking: &Asking<'_>,
    verdict: Verdict,
    texts: &Texts,
) -> Markup {
    html! {
        @for uid in &explanation.absent { p { (texts.absent) " " (entity(uid)) } }
        @if !explanation.policies.is_empty() {
            h3 { (texts.deciding) }
            @for policy in &explanation.policies {
                article.policy-card {
                    (titled(&policy.info, texts))
                    (source(policy.info.source(), &policy.values, texts))
                    @if policy.cut { p.hint { (texts.and_others) } }
                }
            }
        }
        @if !explanation.permits.is_empty() {
            h3 { (texts.otherwise_permits) }
            ul.plain { @for info in &explanation.permits { li { (titled(info, texts)) } } }
        }
        @if !explanation.ways.is_empty() && verdict == Verdict::Deny {
            h3 { (texts.against) }
            (ways(&explanation.ways, asking, texts))
        }
        @if !explanation.near.is_empty() && verdict == Verdict::Deny {
            h3 { (texts.nearly) }
            @if !explanation.policies.is_empty() { p { (texts.nothing_permits_either) } }
            p.hint { (texts.nearly_lead) }
            @for (place, permit) in explanation.near.iter().enumerate() {
                (near(permit, asking, place == 0, texts))
            }
        }
        @if explanation.cut { p.hint { (texts.cut) } }
    }
}
