//! The form that begins an errand, and how far it is.

use std::time::SystemTime;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use crate::entity::seen;
use crate::entry::FORM_MARK;
use crate::errand::{ErrandState, NotBegun};
use crate::language::Texts;
use crate::refusal::{form_refused, problem};
use crate::visit::Visit;
use peppol_authz_engine::text::duration;
use peppol_authz_server::http::Problem;
use peppol_authz_server::instant;

/// The form that begins an errand, at the page with its results, and how far it is. While it runs the page looks again by itself.
pub(crate) fn errand_form<T>(
    visit: &Visit,
    place: &str,
    button: &str,
    state: &ErrandState<T>,
) -> Markup {
    let texts = visit.texts();
    let is_running = matches!(state, ErrandState::Running(_));
    html! {
        form.errand method="post" action=(place) {
            input type="hidden" name=(FORM_MARK) value=(visit.form_mark());
            @if !is_running { button.primary type="submit" { (button) } }
            @match state {
                ErrandState::Never => span.hint { (texts.errand_never) },
                ErrandState::Running(steps) => {
                    span.hint data-running {
                        (texts.errand_running) " " (instant(steps.began))
                        @if let Some((done, all)) = steps.far() { ": " (done) " / " (all) }
                    }
                    a.button href=(place) { (texts.look_again) }
                }
                ErrandState::Done(done) => span.hint {
                    (texts.errand_done) " " (instant(done.began)) ", " (texts.took) " " (duration::format(done.took))
                },
            }
        }
        @if let ErrandState::Done(done) = state {
            @if let Err(why) = &done.result { (failed(why, texts)) }
        }
    }
}

fn failed(why: &str, texts: &Texts) -> Markup {
    html! {
        div.said role="alert" { strong { (texts.errand_failed) } " " bdi { (seen(why)) } }
    }
}

/// A time, to the second.
pub(crate) fn instant(at: SystemTime) -> Markup {
    let text = instant::milliseconds(at);
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let time = time.split_once('.').map_or(time, |(seconds, _)| seconds);
    html! { time datetime=(text) { (day) " " (time) " UTC" } }
}

/// The refusal of a form that begins an errand, if it is not its own or not an operator's at this path.
pub(crate) fn errand_refused(visit: &Visit, body: &str, path: &'static str) -> Option<Response> {
    if visit.form(body).is_none() {
        return Some(form_refused(&visit.frame()));
    }
    let refused = visit.desk.require_administration(path).err()?;
    Some(problem(&visit.frame(), &refused))
}

/// The answer to the form: to the page where its results will be. One that runs already is shown there too.
pub(crate) fn errand_begun<T>(
    visit: &Visit,
    place: &str,
    state: &ErrandState<T>,
    begun: Result<(), NotBegun>,
) -> Response {
    match begun {
        Ok(()) => Redirect::to(place).into_response(),
        Err(NotBegun::Busy) if matches!(state, ErrandState::Running(_)) => {
            Redirect::to(place).into_response()
        }
        Err(NotBegun::Busy) => {
            let texts = visit.texts();
            let text = html! {
                section.problem role="alert" {
                    h1 { (texts.errand_busy) }
                    p { (texts.errand_busy_lead) }
                    p { a.button href=(place) { (texts.look_again) } }
                }
            };
            visit
                .frame()
                .page_with(StatusCode::CONFLICT, texts.errand_busy, &text)
        }
        Err(NotBegun::Failed(why)) => problem(&visit.frame(), &Problem::Internal(why)),
    }
}
