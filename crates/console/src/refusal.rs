//! The pages of what is refused.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};

use crate::console::Console;
use crate::entity::seen;
use crate::entry::{NotEntered, SESSION};
use crate::frame::{Frame, frame_of_nobody};
use crate::guard::set_cookie;
use crate::language::{Language, Texts};
use crate::sign_in_form::sign_in_form;
use peppol_authz_server::http::Problem;

/// The page for a problem.
pub(crate) fn problem(frame: &Frame, problem: &Problem) -> Response {
    problem.log();
    frame.page_with(
        problem.status(),
        frame.language.texts().problem,
        &problem_box(frame.language.texts(), problem),
    )
}

/// A problem within a page.
pub(crate) fn problem_box(texts: &Texts, problem: &Problem) -> Markup {
    html! {
        section.problem role="alert" {
            h2 { (texts.problem) }
            p { bdi { (seen(&problem.detail())) } }
            p.code { (problem.code()) }
        }
    }
}

/// The page for who is not let in: with a form to sign in by, where that can help.
pub(crate) fn refused(
    console: &Console,
    language: Language,
    at: &Uri,
    headers: &HeaderMap,
    why: &NotEntered,
) -> Response {
    let (texts, frame) = (language.texts(), frame_of_nobody(language, at));
    let (status, said) = match why {
        NotEntered::SessionOver => (StatusCode::UNAUTHORIZED, texts.session_over),
        NotEntered::Foreign => {
            let text = html! { section.problem role="alert" { p { (texts.form_refused) } } };
            return frame.page_with(StatusCode::FORBIDDEN, texts.problem, &text);
        }
        NotEntered::Problem(Problem::CallerUnknown) => {
            (StatusCode::UNAUTHORIZED, texts.not_admitted)
        }
        NotEntered::Problem(Problem::CallerNotAllowed(_)) => {
            (StatusCode::FORBIDDEN, texts.console_refused)
        }
        NotEntered::Problem(other) => return problem(&frame, other),
    };
    let to = at.path_and_query().map_or("/console", |to| to.as_str());
    let mut response = sign_in_form(console, &frame, headers, status, Some(said), to);
    if matches!(why, NotEntered::SessionOver) {
        let over = set_cookie(SESSION, "", Some(0), console.is_secure);
        response.headers_mut().append(SET_COOKIE, over);
    }
    response
}

/// The page for a form that no page of this console has sent.
pub(crate) fn form_refused(frame: &Frame) -> Response {
    let texts = frame.language.texts();
    let text = html! { section.problem role="alert" { p { (texts.form_refused) } } };
    frame.page_with(StatusCode::FORBIDDEN, texts.problem, &text)
}
