//! The questions that rights are looked for by: an action in each context that can be listed.

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::Value as Json;

use peppol_authz_engine::schema::{ActionType, Schema};
use peppol_authz_engine::{OpenAction, listed_contexts};

/// The most columns of a page.
const MOST: usize = 100;

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
    columns.truncate(MOST);
    (columns, open)
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
