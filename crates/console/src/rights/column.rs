//! The questions that rights are looked for by: an action in each context that can be listed.

use cedar_policy::{EntityTypeName, EntityUid};
use maud::{Markup, html};
use serde_json::Value as Json;

use crate::language::Texts;
use crate::query::Parameters;

use peppol_authz_engine::schema::{ActionType, Schema};
use peppol_authz_engine::{OpenAction, listed_contexts};

/// The most columns of a page.
const MOST: usize = 100;

/// The parameter that names the first column, from 0.
const FIRST: &str = "column";

/// An action in a context.
pub(super) struct Column {
    pub(super) action: EntityUid,
    pub(super) context: Json,
}

/// Actions in all contexts that can be listed, and those that depend on more.
pub(super) fn columns(actions: &[&ActionType], schema: &Schema) -> (Vec<Column>, Vec<OpenAction>) {
    let (mut columns, mut open) = (Vec::new(), Vec::new());
    for action in actions {
        let (contexts, of_more) = listed_contexts(action, schema);
        open.extend(of_more);
        columns.extend(contexts.into_iter().map(|context| Column {
            action: action.uid.clone(),
            context,
        }));
    }
    (columns, open)
}

/// Columns of a page, of all that there are.
pub(super) struct ColumnPage {
    pub(super) columns: Vec<Column>,
    first: usize,
    all: usize,
}

impl ColumnPage {
    /// The page that the parameters name; of others than the named table the first.
    pub(super) fn of(mut all: Vec<Column>, query: &Parameters, is_named: bool) -> Self {
        let wanted = query.get(FIRST).filter(|_| is_named);
        let wanted: usize = wanted.and_then(|first| first.parse().ok()).unwrap_or(0);
        let count = all.len();
        let first = wanted.min(count.saturating_sub(1)) / MOST * MOST;
        let columns: Vec<Column> = all.drain(first..count.min(first + MOST)).collect();
        Self {
            columns,
            first,
            all: count,
        }
    }

    /// Which columns are shown, and the ways to the others; nothing where all are.
    pub(super) fn pages(&self, query: &Parameters, texts: &Texts) -> Markup {
        let end = self.first + self.columns.len();
        let at = |first: usize| {
            let query = query.without("after").with(FIRST, &first.to_string());
            query.behind("/console/rights")
        };
        html! {
            @if self.all > self.columns.len() {
                p.pages.columns {
                    (texts.columns_shown) " " (self.first + 1) "–" (end) " / " (self.all) ". " (texts.columns_lead) " "
                    @if self.first > 0 { a.button href=(at(self.first.saturating_sub(MOST))) { (texts.columns_before) } " " }
                    @if end < self.all { a.button href=(at(end)) { (texts.columns_after) } }
                }
            }
        }
    }
}

/// The actions for a type of resources, or of principals.
pub(super) fn actions_for<'s>(
    schema: &'s Schema,
    of: &EntityTypeName,
    types: impl Fn(&ActionType) -> &Vec<EntityTypeName>,
) -> Vec<&'s ActionType> {
    let actions = schema.actions().into_iter();
    actions
        .filter(|action| types(action).contains(of))
        .collect()
}
