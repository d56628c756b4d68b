//! The results of the suites for the policies in force, run by a form.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use maud::{Markup, html};
use tokio::runtime::Handle;

use crate::entity::{code_words, seen};
use crate::errand::ErrandState;
use crate::errand_form::{errand_begun, errand_form, errand_refused};
use crate::language::Texts;
use crate::refusal::problem;
use crate::tested::{MatrixTally, TestedSuites};
use crate::visit::Visit;
use peppol_authz_author::suite::Coverage;
use peppol_authz_engine::text::duration;

pub(super) const PLACE: &str = "/console/policies/suites";

pub(crate) async fn page(visit: Visit) -> Response {
    let texts = visit.texts();
    if let Err(refused) = visit.desk.require_administration("/v1/policies") {
        return problem(&visit.frame(), &refused);
    }
    let state = state(&visit);
    let contents = html! {
        div.lead {
            p { a href="/console/policies" { (texts.policies) } }
            h1 { (texts.suites) }
            p { (code_words(texts.suites_lead)) }
        }
        section.card id="errand" aria-live="polite" {
            @match visit.console.commands.suites {
                None => p { (texts.suites_none) " " code { "peppol-authz serve --reload-suites DIR" } },
                Some(_) => (errand_form(&visit, PLACE, texts.suites_run, &state)),
            }
            @if let Some(tested) = state.result() { (shown(tested, texts)) }
        }
    };
    visit.frame().page(texts.suites, &contents)
}

/// Begins to run them.
pub(crate) async fn begin(visit: Visit, body: String) -> Response {
    if let Some(refused) = errand_refused(&visit, &body, "/v1/policies") {
        return refused;
    }
    let (bundle, handle) = (
        Arc::clone(&visit.console.app.engine.state().bundle),
        Handle::current(),
    );
    let commands = Arc::clone(&visit.console.commands);
    let about = Arc::clone(&bundle.revision);
    let begun = visit.console.errands.suites.begin(about, move |_| {
        let Some(read) = &commands.suites else {
            return Err("`reload.suites` names no suites".to_owned());
        };
        let suites = read()?;
        handle.block_on(TestedSuites::of(&suites, &bundle))
    });
    errand_begun(&visit, PLACE, &state(&visit), begun)
}

/// How far they are, for the policies in force.
pub(super) fn state(visit: &Visit) -> ErrandState<TestedSuites> {
    let revision = &visit.console.app.engine.state().bundle.revision;
    visit.console.errands.suites.about(revision)
}

fn shown(tested: &TestedSuites, texts: &Texts) -> Markup {
    let name = |path: &std::path::Path| path.display().to_string();
    html! {
        dl.facts {
            div { dt { (texts.questions) } dd { (tested.questions()) } }
            div { dt { (texts.failed) } dd { (tested.failed()) } }
        }
        @for failure in &tested.failures { pre tabindex="0" { code { bdi { (seen(failure.trim_end())) } } } }
        @for note in &tested.left_out { p.hint { (texts.left_out) " " bdi { (seen(note)) } } }
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (texts.file) }
                th.number scope="col" { (texts.questions) }
                th.number scope="col" { (texts.failed) }
                th.number scope="col" { (texts.took_head) }
            } }
            tbody {
                @for (path, tally) in &tested.suites {
                    tr {
                        th scope="row" { bdi { (seen(&name(path))) } }
                        (counts(tally.questions, tally.failed))
                        td.number { (milliseconds(tally.took)) }
                    }
                }
                @for matrix in &tested.matrices {
                    tr {
                        th scope="row" { bdi { (seen(&name(&matrix.golden))) } }
                        (counts(matrix.questions, matrix.differing))
                        td {}
                    }
                }
            }
        } }
        @for matrix in tested.matrices.iter().filter(|it| it.differing > 0) { (differing(matrix, texts)) }
        (covered(&tested.coverage, texts))
    }
}

fn counts(questions: usize, failed: usize) -> Markup {
    html! {
        td.number { (questions) }
        td.number.deny[failed > 0] { @if failed > 0 { strong.tone { (failed) } } @else { "0" } }
    }
}

fn milliseconds(took: Duration) -> String {
    duration::format(Duration::from_millis(
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    ))
}

fn differing(matrix: &MatrixTally, texts: &Texts) -> Markup {
    let more = matrix.differing.saturating_sub(matrix.lines.len());
    html! {
        h2 { (texts.matrix_differs) " " bdi { (seen(&matrix.golden.display().to_string())) } }
        pre tabindex="0" { code { bdi { (seen(&matrix.lines.join("\n"))) } } }
        @if more > 0 { p.hint { (texts.and_others) " (" (more) ")" } }
    }
}

fn covered(coverage: &Coverage, texts: &Texts) -> Markup {
    let policies: Vec<&str> = coverage.untested_policies.iter().map(|id| &**id).collect();
    let strings = |all: &'_ [String]| all.to_vec();
    let gaps: [(&str, Vec<String>); 5] = [
        (
            texts.untested_policies,
            policies.iter().map(|id| (*id).to_owned()).collect(),
        ),
        (texts.untested_rules, strings(&coverage.untested_rules)),
        (texts.unknown_rules, strings(&coverage.unknown_rules)),
        (texts.stale_exemptions, strings(&coverage.stale_exemptions)),
        (texts.untested_actions, strings(&coverage.untested_actions)),
    ];
    let rules = coverage.rules.len() + coverage.untested_rules.len();
    html! {
        h2 { (texts.coverage) }
        p {
            (coverage.policies.len()) " / " (coverage.policies.len() + coverage.untested_policies.len()) " " (texts.policies_tested)
            @if rules > 0 { ", " (coverage.rules.len()) " / " (rules) " " (texts.rules_tested) }
            @if coverage.is_complete() { ". " strong { (texts.coverage_complete) } }
        }
        @for (title, ids) in gaps.iter().filter(|(_, ids)| !ids.is_empty()) {
            h3 { (title) " (" (ids.len()) ")" }
            ul.names { @for id in ids { li { code { bdi { (seen(id)) } } } } }
        }
    }
}
