//! The verdict, its reasons, and what it rests on.

use maud::{Markup, html};

use crate::entity::seen;
use crate::language::Texts;
use peppol_authz_engine::{Decision, Reason, Verdict};

/// An answer, without the explanation.
pub(super) fn answer(decision: &Decision, id: &str, texts: &Texts) -> Markup {
    let is_allowed = decision.verdict == Verdict::Allow;
    html! {
        section.verdict.allow[is_allowed].deny[!is_allowed] {
            h2 {
                span.sign aria-hidden="true" { (if is_allowed { "✓" } else { "✕" }) }
                (verdict(decision.verdict, texts))
            }
            (reasons(&decision.reasons, texts))
            @if !decision.obligations.is_empty() {
                h3 { (texts.obligations) }
                ul.plain { @for obligation in &decision.obligations { li { bdi { (seen(obligation)) } } } }
            }
            @if !decision.errors.is_empty() {
                h3 { (texts.errors) }
                ul.plain { @for error in &decision.errors { li { bdi { (seen(error)) } } } }
            }
            dl.facts {
                div { dt { (texts.decision_id) } dd { code { (id) } } }
                div { dt { (texts.revision_policies) } dd { code { (decision.policy_revision) } } }
                div { dt { (texts.revision_store) } dd { code { bdi { (seen(&decision.tenancy_revision)) } } } }
            }
        }
    }
}

/// A verdict in words.
pub(super) fn verdict(verdict: Verdict, texts: &Texts) -> &'static str {
    match verdict {
        Verdict::Allow => texts.allowed,
        Verdict::Deny => texts.denied,
    }
}

/// Reasons, each with its code, its rule and its policy.
pub(super) fn reasons(reasons: &[Reason], texts: &Texts) -> Markup {
    html! {
        @if reasons.is_empty() { p.hint { (texts.no_reasons) } }
        ul.reasons {
            @for reason in reasons {
                li {
                    @if let Some(message) = &reason.message { span.message { bdi { (seen(message)) } } }
                    span.marks {
                        @if let Some(code) = &reason.code { code.badge title=(texts.code) { (seen(code)) } }
                        @if let Some(rule) = &reason.rule { span.badge title=(texts.rule) { (seen(rule)) } }
                        @if let Some(policy) = &reason.policy { code.policy title=(texts.policy) { bdi { (seen(policy)) } } }
                    }
                }
            }
        }
    }
}
