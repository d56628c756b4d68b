//! The matrix of a resource: principals by actions, page by page.
//!
//! For each action a search finds the first principals behind the last page. Of all that they find, those count up to
//! which every search has looked: so each cell is known, and a page costs as much in a tenant of ten as of ten thousand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use maud::{Markup, html};
use serde_json::json;

use super::column::{Column, ColumnPage, actions_for, columns};
use super::open_actions::open_actions;
use crate::entity::{entity, id, seen, short};
use crate::language::Texts;
use crate::question_link::{in_words, target};
use crate::visit::Visit;
use peppol_authz_engine::schema::{Schema, Type, Value};
use peppol_authz_engine::store::{SupposedChange, SupposedValue};
use peppol_authz_server::http::{DeskPage, Problem, Supposed};

/// The parameter that names the value that is supposed.
const SUPPOSE: &str = "suppose";

/// Principals of a page.
const ROWS: usize = 50;

/// The principals that are allowed in a column, up to the end of the page, and true if there are more; `None` where that is too much to search.
type FoundRights = Option<(BTreeSet<String>, bool)>;

/// Part of a matrix.
struct Page {
    rows: Vec<String>,
    now: Vec<FoundRights>,
    /// The same in a state that is supposed.
    then: Option<Vec<FoundRights>>,
    more: bool,
}

pub(super) async fn matrix(
    visit: &Visit,
    schema: &Schema,
    resource: &EntityUid,
) -> Result<Markup, Problem> {
    let texts = visit.texts();
    let actions = actions_for(schema, resource.type_name(), |action| &action.resources);
    let mut types: Vec<&EntityTypeName> = actions.iter().flat_map(|it| &it.principals).collect();
    types.sort();
    types.dedup();
    let wanted = visit
        .query
        .get("of")
        .and_then(|name| schema.entity_type_called(name));
    let choices = choices(schema, resource.type_name());
    let chosen = choices
        .iter()
        .find(|it| visit.query.get(SUPPOSE) == Some(it.written.as_str()));
    let supposed = match chosen {
        Some(choice) => Some(
            visit
                .desk
                .supposing(vec![SupposedChange {
                    of: resource.clone(),
                    what: SupposedValue::Attribute(
                        Arc::clone(&choice.attribute),
                        Some(choice.value.clone()),
                    ),
                }])
                .await?,
        ),
        None => None,
    };
    let mut parts = Vec::new();
    let mut all_open = Vec::new();
    for of in types {
        let own = actions
            .iter()
            .copied()
            .filter(|it| it.principals.contains(of));
        let (columns, open) = columns(&own.collect::<Vec<_>>(), schema);
        all_open.extend(open);
        let is_named = wanted.is_some_and(|it| it.name == *of);
        let after = visit.query.get("after").filter(|_| is_named);
        let shown = ColumnPage::of(columns, &visit.query, is_named);
        let columns = &shown.columns;
        let now = search(visit, None, of, resource, columns, after).await?;
        let then = match &supposed {
            Some(supposed) => {
                Some(search(visit, Some(supposed), of, resource, columns, after).await?)
            }
            None => None,
        };
        let page = Page::of(now, then);
        parts.push(table(visit, of, resource, &shown, &page, texts));
    }
    Ok(html! {
        section.card {
            h2 { (texts.matrix_of) " " (entity(resource)) }
            (supposing(visit, &choices, texts))
            @for part in &parts { (part) }
            (open_actions(&all_open, texts))
        }
    })
}

impl Page {
    /// The rows are those up to which every search has looked: each of their cells is known.
    fn of(now: Vec<FoundRights>, then: Option<Vec<FoundRights>>) -> Self {
        let found = || now.iter().chain(then.iter().flatten()).flatten();
        let all: BTreeSet<&String> = found().flat_map(|(ids, _)| ids).collect();
        let ends = found()
            .filter(|(_, more)| *more)
            .filter_map(|(ids, _)| ids.last());
        let end = ends.min();
        let known = all.iter().filter(|id| end.is_none_or(|end| **id <= end));
        let rows: Vec<String> = known.take(ROWS).map(|id| (*id).clone()).collect();
        let more = rows.len() < all.len() || end.is_some();
        Self {
            rows,
            now,
            then,
            more,
        }
    }

    /// True if a row is allowed in a column, now and in the supposed state.
    fn cell(&self, row: &String, column: usize) -> Option<(bool, Option<bool>)> {
        let is = |found: &[FoundRights]| Some(found.get(column)?.as_ref()?.0.contains(row));
        let then = match &self.then {
            Some(then) => Some(is(then)?),
            None => None,
        };
        Some((is(&self.now)?, then))
    }
}

/// Another value that the resource could have.
struct Choice {
    written: String,
    attribute: Arc<str>,
    value: Value,
}

/// The attributes that are of a vocabulary, with all of its words.
fn choices(schema: &Schema, of: &EntityTypeName) -> Vec<Choice> {
    let shape = schema.entity_type(of).map(|of| of.shape.attributes.iter());
    let mut choices = Vec::new();
    for (name, member) in shape.into_iter().flatten() {
        let Type::Entity(word) = &member.ty else {
            continue;
        };
        let words = schema.entity_type(word).and_then(|of| of.choices.as_ref());
        choices.extend(words.into_iter().flatten().map(|id| Choice {
            written: format!("{name}:{id}"),
            attribute: Arc::clone(name),
            value: Value::Entity(
                EntityUid::from_type_name_and_id(word.clone(), EntityId::new(id)).into(),
            ),
        }));
    }
    choices
}

/// The links to the states that can be supposed.
fn supposing(visit: &Visit, choices: &[Choice], texts: &Texts) -> Markup {
    let query = visit.query.without("after");
    let chosen = visit.query.get(SUPPOSE);
    html! {
        @if !choices.is_empty() {
            form.suppose method="get" action="/console/rights" {
                @for (name, value) in query.without(SUPPOSE).all() { input type="hidden" name=(name) value=(value); }
                label for=(SUPPOSE) { (texts.suppose) }
                select id=(SUPPOSE) name=(SUPPOSE) data-submit {
                    option value="" { (texts.as_it_is) }
                    @for choice in choices {
                        option value=(choice.written) selected[chosen == Some(choice.written.as_str())] { (seen(&choice.written.replacen(':', " = ", 1))) }
                    }
                }
                button type="submit" { (texts.show) }
                @if choices.iter().any(|it| chosen == Some(it.written.as_str())) { span.legend { b.gained { "+" } " " (texts.gained) " " b.lost { "−" } " " (texts.lost) } }
            }
        }
    }
}

async fn search(
    visit: &Visit,
    supposed: Option<&Supposed>,
    of: &EntityTypeName,
    resource: &EntityUid,
    columns: &[Column],
    after: Option<&str>,
) -> Result<Vec<FoundRights>, Problem> {
    let mut all = Vec::new();
    for column in columns {
        let search = json!({
            "principal": {"type": of.to_string()},
            "action": column.action.to_string(),
            "resource": {"type": resource.type_name().to_string(), "id": id(resource)},
            "context": column.context,
        });
        let page = DeskPage {
            after: after.map(Arc::from),
            limit: ROWS,
        };
        match visit.desk.search_in(supposed, &search, &page).await {
            Ok(found) => {
                let ids = found.entities.iter().map(|it| id(it).to_owned());
                all.push(Some((ids.collect(), found.more)));
            }
            Err(Problem::TooWide(_)) => all.push(None),
            Err(problem) => return Err(problem),
        }
    }
    Ok(all)
}

fn table(
    visit: &Visit,
    of: &EntityTypeName,
    resource: &EntityUid,
    shown: &ColumnPage,
    page: &Page,
    texts: &Texts,
) -> Markup {
    let columns = &shown.columns;
    let mut heads: BTreeMap<usize, usize> = BTreeMap::new();
    let mut first = 0;
    for (place, column) in columns.iter().enumerate() {
        if columns
            .get(first)
            .is_some_and(|it| it.action != column.action)
        {
            first = place;
        }
        *heads.entry(first).or_default() += 1;
    }
    let uid = |id: &str| EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id));
    let query = visit.query.with("of", &of.to_string());
    html! {
        h3 { (short(of)) }
        (shown.pages(&query, texts))
        @if page.rows.is_empty() { p.hint { (texts.rights_none) } } @else {
            div.scroll.matrix tabindex="0" { table {
                caption.unseen { (texts.matrix_of) " " (seen(&resource.to_string())) ": " (short(of)) }
                thead {
                    tr {
                        th.corner rowspan="2" scope="col" { (texts.id) }
                        @for (place, span) in &heads {
                            @if let Some(column) = columns.get(*place) {
                                th.action colspan=(span) scope="colgroup" { span { (seen(id(&column.action))) } }
                            }
                        }
                    }
                    tr.contexts {
                        @for column in columns { (context_head(column)) }
                    }
                }
                tbody {
                    @for row in &page.rows {
                        tr {
                            th scope="row" { bdi.id { (seen(row)) } }
                            @for (place, column) in columns.iter().enumerate() {
                                @match page.cell(row, place) {
                                    None => td.unknown title=(texts.too_wide) { span.unseen { (texts.too_wide) } "?" },
                                    Some((is, then)) => (cell(is, then, id(&column.action), &target(&uid(row), &column.action, resource, &column.context), texts)),
                                }
                            }
                        }
                    }
                }
            } }
            p.pages {
                @if visit.query.get("after").is_some() { a.button href=(query.without("after").behind("/console/rights")) { (texts.first_page) } " " }
                @if let (true, Some(last)) = (page.more, page.rows.last()) {
                    a.button href=(query.with("after", last).behind("/console/rights")) { (texts.next_page) }
                }
            }
        }
    }
}

/// The context of a column; one without has nothing to say.
fn context_head(column: &Column) -> Markup {
    let words = in_words(&column.context);
    html! {
        @if words.is_empty() { td {} } @else { th scope="col" { span { (seen(&words)) } } }
    }
}

/// A cell: the decision, and the one under the change that is supposed.
fn cell(is: bool, then: Option<bool>, action: &str, target: &str, texts: &Texts) -> Markup {
    let (class, sign, words) = match (is, then) {
        (true, None | Some(true)) => ("yes", "✓", texts.cell_allowed),
        (false, None | Some(false)) => ("no", "·", texts.cell_denied),
        (false, Some(true)) => ("no gained", "+", texts.gained),
        (true, Some(false)) => ("yes lost", "−", texts.lost),
    };
    html! {
        td class=(class) {
            a href=(target) title=(format!("{action}: {words}")) {
                span aria-hidden="true" { (sign) }
                span.unseen { (words) }
            }
        }
    }
}
