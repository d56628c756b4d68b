//! Signing in by a key or a token, and signing out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};

use crate::console::Console;
use crate::entry::SESSION;
use crate::frame::frame_of_nobody;
use crate::guard::{cookie, is_own_form, set_cookie};
use crate::language::Language;
use crate::query::Parameters;
use crate::refusal::{form_refused, problem};
use crate::sign_in_form::{BEFORE, sign_in_form};
use crate::visit::Visit;
use peppol_authz_server::http::{Desk, Problem};

/// The most bytes of this form.
const FORM: usize = 64 << 10;

/// The page with the form.
pub(crate) async fn page(State(console): State<Arc<Console>>, request: Request) -> Response {
    let frame = frame_of_nobody(Language::of(request.headers()), request.uri());
    sign_in_form(
        &console,
        &frame,
        request.headers(),
        StatusCode::OK,
        None,
        "/console",
    )
}

/// Begins a session by what the form shows.
pub(crate) async fn begin(State(console): State<Arc<Console>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let frame = frame_of_nobody(Language::of(headers), &parts.uri);
    let texts = frame.language.texts();
    let again =
        |status, said, to: &str| sign_in_form(&console, &frame, headers, status, Some(said), to);
    let text = axum::body::to_bytes(body, FORM).await.unwrap_or_default();
    let form = Parameters::read(&String::from_utf8_lossy(&text));
    let to = form
        .get("to")
        .filter(|to| is_own_place(to))
        .unwrap_or("/console");
    let before = cookie(headers, BEFORE).unwrap_or_default();
    let mark = form.get("form").unwrap_or_default();
    let is_marked = !before.is_empty() && console.key.is_mark(mark, &["sign-in", before]);
    if !is_own_form(headers) || !is_marked {
        return again(StatusCode::FORBIDDEN, texts.form_refused, to);
    }
    let Some(shown) = form.get("credential") else {
        return again(StatusCode::BAD_REQUEST, texts.refused_credential, to);
    };
    let connected = Desk::connected(&parts.extensions);
    match Desk::open(&console.app, connected, Some(shown), headers).await {
        Ok(desk) if desk.is_shown() => match session(&console, &desk, shown).await {
            Ok(name) => {
                tracing::info!(caller = desk.caller().id, "signed in at the console");
                let mut response = Redirect::to(to).into_response();
                let cookie = set_cookie(SESSION, &name, None, console.is_secure);
                response.headers_mut().append(SET_COOKIE, cookie);
                response
            }
            Err(why) => problem(&frame, &why),
        },
        Ok(_) | Err(Problem::CallerUnknown) => {
            again(StatusCode::UNAUTHORIZED, texts.refused_credential, to)
        }
        Err(Problem::CallerNotAllowed(_)) => {
            again(StatusCode::FORBIDDEN, texts.console_refused, to)
        }
        Err(other) => problem(&frame, &other),
    }
}

/// Begins a session, which the decision log has a line of.
async fn session(console: &Console, desk: &Desk, shown: &str) -> Result<String, Problem> {
    let caller = &desk.caller().id;
    let app = &console.app;
    app.note_act("console", caller, "sign in", None).await?;
    let begun = console.sessions.begin(shown, caller);
    begun.map_err(|error| Problem::Internal(error.to_string()))
}

/// Ends the session.
pub(crate) async fn end(visit: Visit, body: String) -> Response {
    if visit.form(&body).is_none() {
        return form_refused(&visit.frame());
    }
    visit.end_session();
    let mut response = Redirect::to("/console/sign-in").into_response();
    let over = set_cookie(SESSION, "", Some(0), visit.console.is_secure);
    response.headers_mut().append(SET_COOKIE, over);
    response
}

/// True of a target in this console: a form must lead nowhere else.
fn is_own_place(to: &str) -> bool {
    let rest = to.strip_prefix("/console");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        && to.chars().all(|it| it.is_ascii_graphic() && it != '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_nowhere_else() {
        for own in ["/console", "/console/ask?a=%20b", "/console?x"] {
            assert!(is_own_place(own), "{own}");
        }
        for other in [
            "",
            "/",
            "//a.example",
            "/consoles",
            "https://a.example/console",
            "/console/\\a",
            "/console/\r\nx: y",
        ] {
            assert!(!is_own_place(other), "{other}");
        }
    }
}
