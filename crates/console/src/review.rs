//! Access reviews: a form, and the file that it is answered with.

mod sent;

use std::fs::File;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use maud::{Markup, html};
use sent::{NotTaken, SentForm, sent};

use crate::asked_types::{asked_types, named_by};
use crate::entity::short;
use crate::entry::FORM_MARK;
use crate::language::Texts;
use crate::query::Parameters;
use crate::refusal::{form_refused, problem, problem_box};
use crate::visit::Visit;
use peppol_authz_engine::schema::{Misfit, Schema};
use peppol_authz_engine::{Malformed, ReviewScope};
use peppol_authz_server::config::LogTarget;
use peppol_authz_server::http::{Problem, WantedReview};

use peppol_authz_server::review::{ReviewForm, tenant};

pub(crate) use sent::UPLOAD;

const PATH: &str = "/console/review";

/// The field with an earlier review.
const SINCE: &str = "since";

const FORMS: [(&str, ReviewForm); 3] = [
    ("html", ReviewForm::Html),
    ("csv", ReviewForm::Csv),
    ("json", ReviewForm::Json),
];

/// The page with the form.
pub(crate) async fn page(visit: Visit) -> Response {
    match visit.desk.require_administration("/v1/data") {
        Ok(()) => shown(&visit, &visit.query, None),
        Err(refused) => problem(&visit.frame(), &refused),
    }
}

/// The review that the form asks for, to be kept.
pub(crate) async fn file(visit: Visit, request: Request) -> Response {
    // Nothing is taken in for who may have no review.
    if let Err(refused) = visit.desk.require_administration("/v1/data") {
        return problem(&visit.frame(), &refused);
    }
    let SentForm { fields, file } = match sent(&visit, SINCE, request).await {
        Ok(form) => form,
        Err(NotTaken::Foreign) => return form_refused(&visit.frame()),
        Err(NotTaken::Problem(refused)) => return problem(&visit.frame(), &refused),
    };
    match reviewed(&visit, &fields, file).await {
        Ok((kind, body, length)) => {
            let name = format!("attachment; filename=\"review.{}\"", kind.ending());
            let mut response = Response::new(body);
            let headers = response.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind.media_type()));
            if let Ok(name) = HeaderValue::try_from(name) {
                headers.insert(CONTENT_DISPOSITION, name);
            }
            response
        }
        Err(refused) => {
            refused.log();
            let mut response = shown(&visit, &fields, Some(&refused));
            *response.status_mut() = refused.status();
            response
        }
    }
}

async fn reviewed(
    visit: &Visit,
    form: &Parameters,
    since: Option<File>,
) -> Result<(ReviewForm, Body, u64), Problem> {
    let state = visit.console.app.engine.state();
    let scope = scope(form, &state.bundle.schema)?;
    let wanted = form.get("format").unwrap_or_default();
    let found = FORMS.iter().find(|(name, _)| *name == wanted);
    let kind = found.map_or(ReviewForm::Html, |(_, kind)| *kind);
    let log = match &visit.console.log.to {
        LogTarget::File(path) => Some(path.clone()),
        _ => None,
    };
    let wanted = WantedReview {
        scope,
        form: kind,
        log,
        since,
    };
    let turns = &visit.console.reviews;
    let (body, length) = visit.desk.review(wanted, turns).await?;
    Ok((kind, body, length))
}

fn scope(form: &Parameters, schema: &Schema) -> Result<ReviewScope, Problem> {
    let misfit = |problem: String| {
        Problem::Malformed(Malformed {
            code: "MALFORMED_SEARCH",
            misfit: Misfit::new(problem),
        })
    };
    let within = form.get("organisation").map(|id| tenant(id, schema));
    let principal = named_by(form, schema, "principal");
    Ok(ReviewScope {
        within: within
            .transpose()
            .map_err(|problem| misfit(format!("`organisation`: {problem}")))?,
        principal: principal.transpose().map_err(misfit)?,
        ..ReviewScope::default()
    })
}

fn shown(visit: &Visit, written: &Parameters, refused: Option<&Problem>) -> Response {
    let texts = visit.texts();
    let contents = html! {
        div.lead {
            h1 { (texts.review) }
            p { (texts.review_lead) }
        }
        @if let Some(refused) = refused { (problem_box(texts, refused)) }
        (form(visit, written, texts))
    };
    visit.frame().page(texts.review, &contents)
}

fn form(visit: &Visit, written: &Parameters, texts: &Texts) -> Markup {
    let state = visit.console.app.engine.state();
    let schema = &state.bundle.schema;
    let tenant = schema.entity_types().into_iter().find(|of| of.tenant);
    let value = |name: &str| written.get(name).unwrap_or_default();
    let types = asked_types(schema, "principal");
    let chosen = schema.entity_type_called(value("principal-type"));
    let chosen = chosen.map(|of| &of.name).or_else(|| types.first());
    html! {
        form.card.line method="post" action=(PATH) enctype="multipart/form-data" {
            // First: nothing else is taken without it.
            input type="hidden" name=(FORM_MARK) value=(visit.form_mark());
            div.fields {
                @if let Some(tenant) = tenant {
                    div.field {
                        label for="organisation" { (texts.review_within) }
                        input id="organisation" name="organisation" value=(value("organisation")) autocomplete="off"
                            spellcheck="false" placeholder=(texts.ids_hint) list="organisation-ids" data-complete=(tenant.name);
                        datalist id="organisation-ids" {}
                    }
                }
                div.field {
                    label for="principal-type" { (texts.review_of) }
                    select id="principal-type" name="principal-type" data-kind-of="principal" {
                        @for of in &types { option value=(of) selected[chosen == Some(of)] { (short(of)) } }
                    }
                }
                div.field {
                    label for="principal" { (texts.id) }
                    input id="principal" name="principal" value=(value("principal")) autocomplete="off" spellcheck="false"
                        placeholder=(texts.ids_hint) list="principal-ids" data-complete=[chosen.map(ToString::to_string)];
                    datalist id="principal-ids" {}
                }
                div.field.wide {
                    label for=(SINCE) { (texts.review_since) }
                    input id=(SINCE) name=(SINCE) type="file" accept=".json,application/json" aria-describedby="since-hint";
                }
                div.field {
                    label for="format" { (texts.review_format) }
                    select id="format" name="format" {
                        @for (name, _) in FORMS { option value=(name) selected[name == value("format")] { (name.to_uppercase()) } }
                    }
                }
                button.primary type="submit" { (texts.review_make) }
            }
            p.hint id="since-hint" { (texts.review_since_hint) }
        }
    }
}
