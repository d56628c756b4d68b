//! The form by which somebody signs in.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::html;

use crate::console::Console;
use crate::entity::code_words;
use crate::entry::SIGN_IN;
use crate::frame::Frame;
use crate::guard::{cookie, set_cookie};
use crate::random::name;

/// The cookie that a form to sign in is bound to: nobody has a session yet.
pub(crate) const BEFORE: &str = "peppol-authz-before";

/// A page with the form. `to` is where it leads.
pub(crate) fn sign_in_form(
    console: &Console,
    frame: &Frame,
    headers: &HeaderMap,
    status: StatusCode,
    said: Option<&str>,
    to: &str,
) -> Response {
    let texts = frame.language.texts();
    let known = cookie(headers, BEFORE).filter(|known| known.len() >= 20);
    let fresh = match known {
        Some(_) => None,
        // Without random numbers there is a form that is refused.
        None => name().ok(),
    };
    let before = fresh.as_deref().or(known).unwrap_or_default();
    let contents = html! {
        section.card.narrow {
            h1 { (texts.sign_in) }
            @if let Some(said) = said { p.said role="status" { (said) } }
            p { (texts.sign_in_lead) }
            form.stack method="post" action=(SIGN_IN) autocomplete="off" {
                input type="hidden" name="form" value=(console.key.mark(&["sign-in", before]));
                input type="hidden" name="to" value=(to);
                label for="credential" { (texts.credential) }
                input id="credential" name="credential" type="password" required autofocus
                    autocomplete="off" spellcheck="false" aria-describedby="credential-hint";
                p.hint id="credential-hint" { (code_words(texts.credential_hint)) }
                button.primary type="submit" { (texts.sign_in) }
            }
        }
    };
    let mut response = frame.page_with(status, texts.sign_in, &contents);
    if let Some(fresh) = fresh {
        let cookie = set_cookie(BEFORE, &fresh, None, console.is_secure);
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
