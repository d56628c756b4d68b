//! The checks of `doctor`, made by a form.

use std::sync::Arc;

use axum::response::Response;
use maud::{Markup, html};

use crate::commands::DoctorCheck;
use crate::entity::{code_words, seen};
use crate::errand_form::{errand_begun, errand_form, errand_refused};
use crate::language::Texts;
use crate::refusal::problem;
use crate::visit::Visit;

pub(super) const PLACE: &str = "/console/state/checks";

pub(crate) async fn page(visit: Visit) -> Response {
    let texts = visit.texts();
    if let Err(refused) = visit.desk.require_administration("/readyz") {
        return problem(&visit.frame(), &refused);
    }
    let state = visit.console.errands.doctor.about("");
    let contents = html! {
        div.lead {
            p { a href="/console/state" { (texts.state) } }
            h1 { (texts.doctor) }
            p { (code_words(texts.doctor_lead)) }
        }
        section.card id="errand" aria-live="polite" {
            (errand_form(&visit, PLACE, texts.doctor_run, &state))
            @if let Some(checks) = state.result() { (shown(checks, texts)) }
        }
    };
    visit.frame().page(texts.doctor, &contents)
}

/// Begins to look.
pub(crate) async fn begin(visit: Visit, body: String) -> Response {
    if let Some(refused) = errand_refused(&visit, &body, "/readyz") {
        return refused;
    }
    let commands = Arc::clone(&visit.console.commands);
    let errand = &visit.console.errands.doctor;
    let begun = errand.begin("".into(), move |_| Ok((commands.doctor)()));
    errand_begun(&visit, PLACE, &errand.about(""), begun)
}

fn state_word<'t>(state: &'t str, texts: &'t Texts) -> &'t str {
    match state {
        "ok" => texts.ok_word,
        "warning" => texts.warning_word,
        "wrong" => texts.wrong_word,
        other => other,
    }
}

fn shown(checks: &[DoctorCheck], texts: &Texts) -> Markup {
    let count = |state: &str| checks.iter().filter(|it| it.state == state).count();
    html! {
        p { (checks.len()) " " (texts.checks_word) ", " (count("wrong")) " " (texts.wrong_word) ", " (count("warning")) " " (texts.warnings_word) }
        ul.plain.checks {
            @for check in checks {
                li {
                    span.badge.allow[check.state == "ok"].deny[check.state == "wrong"] { span.tone { (state_word(check.state, texts)) } } " "
                    bdi { (seen(&check.text)) }
                }
            }
        }
    }
}
