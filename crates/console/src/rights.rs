//! Rights: who may do what on a resource, and what a principal may do everywhere. Each cell was decided, and leads to its
//! explanation.

mod column;
mod matrix;
mod of_principal;
mod open_actions;

use std::time::Duration;

use axum::response::Response;
use maud::{Markup, html};

use crate::asked_types::{asked_types, named_by};
use crate::entity::{seen, short};
use crate::language::Texts;
use crate::refusal::problem_box;
use crate::visit::Visit;
use peppol_authz_engine::schema::Schema;
use peppol_authz_server::http::Problem;

/// How long the searches of one page may take together.
const PATIENCE: Duration = Duration::from_secs(10);

/// The page: with rights where somebody or something is named.
pub(crate) async fn page(visit: Visit) -> Response {
    let texts = visit.texts();
    let state = visit.console.app.engine.state();
    let schema = &state.bundle.schema;
    let found = match (
        named_by(&visit.query, schema, "resource"),
        named_by(&visit.query, schema, "principal"),
    ) {
        (Some(Ok(uid)), _) => Some(within(&visit, matrix::matrix(&visit, schema, &uid)).await),
        (None, Some(Ok(uid))) => {
            Some(within(&visit, of_principal::rights(&visit, schema, &uid)).await)
        }
        (Some(Err(fault)), _) | (None, Some(Err(fault))) => {
            Some(html! { section.problem role="alert" { p { bdi { (seen(&fault)) } } } })
        }
        (None, None) => None,
    };
    let contents = html! {
        div.lead {
            h1 { (texts.rights) }
            p { (texts.rights_lead) }
        }
        div.cards {
            (form(&visit, schema, "resource", texts.who_on, texts))
            (form(&visit, schema, "principal", texts.what_of, texts))
        }
        @if let Some(found) = found { (found) }
    };
    visit.frame().page(texts.rights, &contents)
}

/// The result, found in turn with few others and not for ever.
async fn within(visit: &Visit, found: impl Future<Output = Result<Markup, Problem>>) -> Markup {
    let Ok(_turn) = visit.console.searches.try_acquire() else {
        return problem_box(visit.texts(), &Problem::Busy);
    };
    match tokio::time::timeout(PATIENCE, found).await {
        Ok(Ok(found)) => found,
        Ok(Err(problem)) => problem_box(visit.texts(), &problem),
        Err(_) => problem_box(visit.texts(), &Problem::TimedOut),
    }
}

fn form(visit: &Visit, schema: &Schema, member: &str, title: &str, texts: &Texts) -> Markup {
    let kind = format!("{member}-type");
    let ids = format!("{member}-ids");
    let types = asked_types(schema, member);
    let chosen = visit
        .query
        .get(&kind)
        .and_then(|name| schema.entity_type_called(name));
    let chosen = chosen.map(|of| &of.name).or_else(|| types.first());
    html! {
        form.card.line method="get" action="/console/rights" {
            h2 { (title) }
            div.fields {
                div.field {
                    label for=(kind) { (texts.kind) }
                    select id=(kind) name=(kind) data-kind-of=(member) {
                        @for of in &types { option value=(of) selected[chosen == Some(of)] { (short(of)) } }
                    }
                }
                div.field.wide {
                    label for=(member) { (texts.id) }
                    input id=(member) name=(member) value=(visit.query.get(member).unwrap_or_default()) required
                        autocomplete="off" spellcheck="false" placeholder=(texts.ids_hint) list=(ids)
                        data-complete=[chosen.map(ToString::to_string)];
                    datalist id=(ids) {}
                }
                button.primary type="submit" { (texts.show) }
            }
        }
    }
}
