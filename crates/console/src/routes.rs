//! All pages, by their paths.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::html;

use crate::console::Console;
use crate::guard::{guarded, set_cookie};
use crate::language::{COOKIE, Language};
use crate::query::Parameters;
use crate::visit::Visit;
use crate::{ask, assets, complete, decisions, policies, review, rights, sign_in, state};
use peppol_authz_server::http::beside;

/// The most bytes of a form: a file of policies may be long.
const FORM: usize = 2 << 20;

/// How long a language is kept, in seconds.
const YEAR: u64 = 31_536_000;

/// The routes of the console, to be merged with those of a listener.
pub fn router(console: Console) -> Router {
    let app = Arc::clone(&console.app);
    let is_secure = console.is_secure;
    let spoken = move |request: Request, next: Next| spoken(is_secure, request, next);
    let routes = Router::new()
        .route("/console", get(async || Redirect::to("/console/ask")))
        .route("/console/", get(async || Redirect::to("/console/ask")))
        .route("/console/ask", get(ask::page))
        .route("/console/rights", get(rights::page))
        .route("/console/policies", get(policies::page))
        .route(
            "/console/policies/draft",
            get(policies::draft::page).post(policies::draft::compared),
        )
        .route(
            "/console/policies/suites",
            get(policies::suites::page).post(policies::suites::begin),
        )
        .route(
            "/console/policies/proofs",
            get(policies::proofs::page).post(policies::proofs::begin),
        )
        .route("/console/decisions", get(decisions::page))
        .route("/console/decisions/shadow", get(decisions::shadow::page))
        .route(
            "/console/review",
            get(review::page).post(review::file.layer(DefaultBodyLimit::max(review::UPLOAD))),
        )
        .route("/console/state", get(state::page))
        .route(
            "/console/state/checks",
            get(state::checks::page).post(state::checks::begin),
        )
        .route("/console/icon.svg", get(assets::icon))
        .route("/console/complete", get(complete::ids))
        .route("/console/sign-in", get(sign_in::page).post(sign_in::begin))
        .route("/console/sign-out", post(sign_in::end))
        .route("/console/console.css", get(assets::style))
        .route("/console/console.js", get(assets::script))
        .route("/console/{*other}", get(not_found))
        .method_not_allowed_fallback(async || StatusCode::METHOD_NOT_ALLOWED)
        .layer(DefaultBodyLimit::max(FORM))
        .layer(from_fn(spoken))
        .layer(from_fn(guarded))
        .with_state(Arc::new(console));
    beside(app, routes)
}

async fn not_found(visit: Visit) -> Response {
    let texts = visit.texts();
    let text = html! { section.problem { h1 { (texts.not_found) } } };
    visit
        .frame()
        .page_with(StatusCode::NOT_FOUND, texts.not_found, &text)
}

/// Keeps the language that a link asks for.
async fn spoken(is_secure: bool, request: Request, next: Next) -> Response {
    let query = Parameters::read(request.uri().query().unwrap_or_default());
    let asked = query.get("lang").and_then(Language::named);
    let Some(language) = asked.filter(|_| request.method() == axum::http::Method::GET) else {
        return next.run(request).await;
    };
    let target = query.without("lang").behind(request.uri().path());
    let mut response = Redirect::to(&target).into_response();
    let cookie = set_cookie(COOKIE, language.tag(), Some(YEAR), is_secure);
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}
