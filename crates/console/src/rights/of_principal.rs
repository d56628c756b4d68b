//! The rights of a principal, everywhere.

use cedar_policy::EntityUid;
use maud::{Markup, html};
use serde_json::json;

use super::column::{ColumnPage, actions_for, columns};
use super::open_actions::open_actions;
use crate::entity::{entity, id, seen};
use crate::question_link::{in_words, target};
use crate::visit::Visit;
use peppol_authz_engine::schema::Schema;
use peppol_authz_server::http::{DeskPage, Problem};

/// Resources that are shown of each action.
const SHOWN: usize = 25;

/// The resources of an action in a context.
struct Line {
    action: EntityUid,
    context: serde_json::Value,
    /// `None` where that is too much to search.
    found: Option<(Vec<EntityUid>, bool)>,
}

pub(super) async fn rights(
    visit: &Visit,
    schema: &Schema,
    principal: &EntityUid,
) -> Result<Markup, Problem> {
    let texts = visit.texts();
    let actions = actions_for(schema, principal.type_name(), |action| &action.principals);
    let (columns, open) = columns(&actions, schema);
    let shown = ColumnPage::of(columns, &visit.query, true);
    let mut lines = Vec::new();
    for column in &shown.columns {
        let resources = schema
            .action(&column.action)
            .map(|it| it.resources.as_slice());
        for of in resources.unwrap_or_default() {
            let search = json!({
                "principal": {"type": principal.type_name().to_string(), "id": id(principal)},
                "action": column.action.to_string(),
                "resource": {"type": of.to_string()},
                "context": column.context,
            });
            let page = DeskPage {
                after: None,
                limit: SHOWN,
            };
            let found = match visit.desk.search(&search, &page).await {
                Ok(found) => Some((found.entities, found.more)),
                Err(Problem::TooWide(_)) => None,
                Err(problem) => return Err(problem),
            };
            if found.as_ref().is_none_or(|(found, _)| !found.is_empty()) {
                lines.push(Line {
                    action: column.action.clone(),
                    context: column.context.clone(),
                    found,
                });
            }
        }
    }
    Ok(html! {
        section.card {
            h2 { (texts.rights) " " (texts.attribute_of) " " (entity(principal)) }
            (shown.pages(&visit.query, texts))
            @if lines.is_empty() { p.hint { (texts.rights_none) } } @else {
                div.scroll tabindex="0" { table.rights {
                    thead { tr {
                        th scope="col" { (texts.action) }
                        th scope="col" { (texts.context_column) }
                        th scope="col" { (texts.results) }
                    } }
                    tbody {
                        @for line in &lines {
                            tr {
                                th scope="row" { code { (seen(id(&line.action))) } }
                                td { (seen(&in_words(&line.context))) }
                                td {
                                    @match &line.found {
                                        None => (texts.too_wide),
                                        Some((found, more)) => {
                                            @for uid in found {
                                                a.chip href=(target(principal, &line.action, uid, &line.context)) { (entity(uid)) }
                                            }
                                            @if *more { span.hint { (texts.more_results) } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                } }
            }
            (open_actions(&open, texts))
        }
    })
}
