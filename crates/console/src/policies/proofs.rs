//! Proofs of the policies in force, begun by a form.

use std::sync::Arc;

use axum::response::Response;
use maud::{Markup, html};
use tokio::runtime::Handle;

use crate::entity::{code_words, seen};
use crate::errand::ErrandState;
use crate::errand_form::{errand_begun, errand_form, errand_refused};
use crate::language::Texts;
use crate::proved::proved;
use crate::refusal::problem;
use crate::visit::Visit;
use peppol_authz_author::proof::{
    InvariantFinding, InvariantResult, InvariantStatement, NotProvedReason,
};

pub(super) const PLACE: &str = "/console/policies/proofs";

/// The results of all invariants.
pub(super) type Proofs = ErrandState<Vec<InvariantResult>>;

pub(crate) async fn page(visit: Visit) -> Response {
    let texts = visit.texts();
    if let Err(refused) = visit.desk.require_administration("/v1/policies") {
        return problem(&visit.frame(), &refused);
    }
    let state = state(&visit);
    let reads_links = visit.console.app.engine.state().bundle.reads_links();
    let contents = html! {
        div.lead {
            p { a href="/console/policies" { (texts.policies) } }
            h1 { (texts.proofs) }
            p { (code_words(texts.proofs_lead)) }
        }
        section.card id="errand" aria-live="polite" {
            (errand_form(&visit, PLACE, texts.prove, &state))
            @if let Some(all) = state.result() {
                p {
                    (all.iter().filter(|it| it.holds()).count()) " / " (all.len()) " " (texts.proved)
                    @if reads_links { ". " (texts.links_unproved) }
                }
                (table(all, texts))
                @for result in all.iter().filter(|it| !it.holds()) { (findings(result, texts)) }
            }
        }
    };
    visit.frame().page(texts.proofs, &contents)
}

/// Begins to prove.
pub(crate) async fn begin(visit: Visit, body: String) -> Response {
    if let Some(refused) = errand_refused(&visit, &body, "/v1/policies") {
        return refused;
    }
    let (app, handle) = (Arc::clone(&visit.console.app), Handle::current());
    let bundle = Arc::clone(&app.engine.state().bundle);
    let places = visit.console.policies.clone();
    let about = Arc::clone(&bundle.revision);
    let begun = visit.console.errands.proofs.begin(about, move |steps| {
        let sources = places.read().map_err(|error| error.to_string())?;
        let is_in_force = || app.engine.state().bundle.revision == bundle.revision;
        let directory = places.policies.as_deref();
        handle.block_on(proved(&bundle, directory, &sources, steps, is_in_force))
    });
    errand_begun(&visit, PLACE, &state(&visit), begun)
}

/// How far they are, for the policies in force.
pub(super) fn state(visit: &Visit) -> Proofs {
    let revision = &visit.console.app.engine.state().bundle.revision;
    visit.console.errands.proofs.about(revision)
}

/// The proofs of one rule.
pub(super) fn of_rule(proofs: &Proofs, rule: &str, texts: &Texts) -> Markup {
    let all = proofs.result().into_iter().flatten();
    let own = all.filter(|it| it.rule.as_deref() == Some(rule));
    html! {
        @for result in own {
            p.proof {
                (holds(result, texts)) " " code { bdi { (seen(&result.name)) } } " "
                span.hint { bdi { (seen(&result.text)) } " " (seconds(result)) }
            }
        }
    }
}

fn holds(result: &InvariantResult, texts: &Texts) -> Markup {
    let holds = result.holds();
    html! {
        span.badge.allow[holds].deny[!holds] { span.tone { (if holds { texts.proved_word } else { texts.unproved_word }) } }
    }
}

fn seconds(result: &InvariantResult) -> String {
    format!("{:.2} s", result.elapsed.as_secs_f64())
}

fn table(all: &[InvariantResult], texts: &Texts) -> Markup {
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                @for title in [texts.invariant, texts.rule, texts.result] { th scope="col" { (title) } }
                th.number scope="col" { (texts.request_kinds) }
                th.number scope="col" { (texts.took_head) }
            } }
            tbody {
                @for result in all {
                    tr {
                        th scope="row" {
                            code { bdi { (seen(&result.name)) } }
                            div.hint {
                                @if let Some(statement) = result.statement { (InvariantStatement::name(statement)) ": " }
                                bdi { (seen(&result.text)) }
                            }
                        }
                        td { @if let Some(rule) = &result.rule { bdi { (seen(rule)) } } }
                        td { (holds(result, texts)) }
                        td.number { (result.kinds) }
                        td.number { (seconds(result)) }
                    }
                }
            }
        } }
    }
}

fn findings(result: &InvariantResult, texts: &Texts) -> Markup {
    html! {
        h2 { code { bdi { (seen(&result.name)) } } }
        @for finding in &result.findings { (found(finding, texts)) }
    }
}

fn found(finding: &InvariantFinding, texts: &Texts) -> Markup {
    let (title, told) = match &finding.wrong {
        NotProvedReason::Refuted(found) => (texts.refuted, Some(found.to_string())),
        NotProvedReason::Unconfirmed(found) => (texts.unconfirmed, Some(found.to_string())),
        NotProvedReason::NotProved(error) => (texts.unproved_word, Some(error.to_string())),
        NotProvedReason::Empty(ids) => (texts.about_nothing, Some(ids.join(", "))),
    };
    html! {
        p {
            strong { (title) }
            @if let Some(kind) = &finding.kind { " " code { bdi { (seen(&kind.to_string())) } } }
        }
        @if let Some(told) = &told { pre tabindex="0" { code { bdi { (seen(told)) } } } }
    }
}
