//! The policies in force, by rule and by file, and their schema.

mod compared;
pub(crate) mod draft;
pub(crate) mod proofs;
mod schema;
pub(crate) mod suites;

use std::collections::BTreeMap;

use axum::response::Response;
use cedar_policy::Effect;
use maud::{Markup, html};

use crate::cedar::source;
use crate::entity::seen;
use crate::errand::ErrandState;
use crate::language::Texts;
use crate::policy_title::titled;
use crate::refusal::problem;
use crate::tested::TestedSuites;
use crate::visit::Visit;
use peppol_authz_engine::policy::PolicyInfo;
use schema::schema;

pub(crate) async fn page(visit: Visit) -> Response {
    let texts = visit.texts();
    for path in ["/v1/policies", "/v1/schema"] {
        if let Err(refused) = visit.desk.require_administration(path) {
            return problem(&visit.frame(), &refused);
        }
    }
    let state = visit.console.app.engine.state();
    let bundle = &state.bundle;
    let by_file = visit.query.get("by") == Some("file");
    let wanted = visit.query.get("q").unwrap_or_default();
    let mut groups: BTreeMap<&str, Vec<&PolicyInfo>> = BTreeMap::new();
    for info in bundle.written().filter(|info| fits(info, wanted)) {
        let group = match by_file {
            true => info.file.name.as_str(),
            false => info.rule.as_deref().unwrap_or_default(),
        };
        groups.entry(group).or_default().push(info);
    }
    let other = match by_file {
        true => (texts.by_rule, visit.query.without("by")),
        false => (texts.by_file, visit.query.with("by", "file")),
    };
    let (tested, proofs) = (suites::state(&visit), proofs::state(&visit));
    let contents = html! {
        div.lead {
            h1 { (texts.policies) }
            p { (texts.policies_lead) " " code { (bundle.revision) } }
        }
        form.card.line method="get" action="/console/policies" role="search" {
            @if by_file { input type="hidden" name="by" value="file"; }
            div.fields {
                div.field.wide {
                    label for="q" { (texts.policy) ", " (texts.rule) ", " (texts.code) }
                    input id="q" name="q" type="search" value=(wanted) autocomplete="off" spellcheck="false";
                }
                button.primary type="submit" { (texts.filter) }
                a.button href=(other.1.behind("/console/policies")) { (other.0) }
                a.button href="/console/policies/draft" { (texts.draft) }
            }
        }
        section.card {
            h2 { (texts.checked) }
            dl.facts {
                div { dt { a href=(suites::PLACE) { (texts.suites) } } dd { (in_short(&tested, texts)) } }
                div { dt { a href=(proofs::PLACE) { (texts.proofs) } } dd { (proved_in_short(&proofs, texts)) } }
            }
        }
        @for (name, policies) in &groups {
            section.card {
                h2 { @if name.is_empty() { (texts.no_rule) } @else { bdi { (seen(name)) } } " " span.hint { (policies.len()) } }
                @if !by_file { (proofs::of_rule(&proofs, name, texts)) }
                @for info in policies { (policy(info, wanted, tested.result(), texts)) }
            }
        }
        (schema(&bundle.schema, texts))
    };
    visit.frame().page(texts.policies, &contents)
}

/// The results of the suites in a few words.
fn in_short(tested: &ErrandState<TestedSuites>, texts: &Texts) -> Markup {
    html! {
        @match (tested, tested.result()) {
            (_, Some(tested)) => {
                @let untested = tested.coverage.untested_policies.len();
                (tested.questions()) " " (if tested.questions() == 1 { texts.question_word } else { texts.questions_word }) ", " (tested.failed()) " " (texts.failed_word) "; "
                (untested) " " (if untested == 1 { texts.policy_untested } else { texts.policies_untested })
            }
            (ErrandState::Running(_), None) => (texts.errand_running_short),
            (ErrandState::Done(_), None) => (texts.errand_failed),
            (ErrandState::Never, None) => (texts.errand_never),
        }
    }
}

/// The proofs in a few words.
fn proved_in_short(proofs: &proofs::Proofs, texts: &Texts) -> Markup {
    html! {
        @match (proofs, proofs.result()) {
            (_, Some(all)) => { (all.iter().filter(|it| it.holds()).count()) " / " (all.len()) " " (texts.proved) },
            (ErrandState::Running(_), None) => (texts.errand_running_short),
            (ErrandState::Done(_), None) => (texts.errand_failed),
            (ErrandState::Never, None) => (texts.errand_never),
        }
    }
}

/// True of a policy whose id, rule, code or message has these words.
fn fits(info: &PolicyInfo, wanted: &str) -> bool {
    let parts = [
        Some(&info.id),
        info.rule.as_ref(),
        info.code.as_ref(),
        info.message.as_ref(),
    ];
    let wanted = wanted.to_lowercase();
    let mut parts = parts.into_iter().flatten();
    parts.any(|part| part.to_lowercase().contains(&wanted))
}

fn policy(info: &PolicyInfo, wanted: &str, tested: Option<&TestedSuites>, texts: &Texts) -> Markup {
    let is_tested = tested.and_then(|tested| tested.tests(&info.id));
    let is_permit = info.effect == Effect::Permit;
    html! {
        details.policy-card open[*info.id == *wanted] {
            summary {
                span.effect.allow[is_permit].deny[!is_permit] { (if is_permit { texts.permit_word } else { texts.forbid_word }) } " "
                (titled(info, texts))
                @if let Some(is_tested) = is_tested {
                    " " span.badge.allow[is_tested].deny[!is_tested] { span.tone { (if is_tested { texts.tested_word } else { texts.untested_word }) } }
                }
                @if let Some(message) = &info.message { div.hint { bdi { (seen(message)) } } }
            }
            (source(info.source(), &[], texts))
        }
    }
}
