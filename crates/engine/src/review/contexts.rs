//! The contexts in which an action can be asked.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::OpenAction;
use crate::schema::{ActionType, RecordType, Schema, Type};

/// The most contexts of an action that are listed.
const MOST: usize = 64;

/// The contexts of an action.
pub(super) struct Contexts {
    /// Each that can be listed.
    pub(super) listed: Vec<Json>,
    /// The members that have too many values for that.
    pub(super) open: Option<OpenAction>,
}

/// The contexts in which a review asks an action, and the members of it that take too many values for that.
#[must_use]
pub fn listed_contexts(action: &ActionType, schema: &Schema) -> (Vec<Json>, Option<OpenAction>) {
    let found = contexts(action, schema);
    (found.listed, found.open)
}

/// Lists the contexts of an action: every choice of a vocabulary and of a `Bool`; an optional member also
/// left out, and one that can be anything only left out.
pub(super) fn contexts(action: &ActionType, schema: &Schema) -> Contexts {
    let (mut open, mut required) = (Vec::new(), false);
    let mut listed = vec![Map::new()];
    for (name, member) in &action.context.attributes {
        let values = values(&member.ty, schema);
        match values.and_then(|values| with_member(&listed, name, member.required, values)) {
            Some(longer) => listed = longer,
            None => {
                open.push((Arc::clone(name), type_name(&member.ty)));
                required |= member.required;
            }
        }
    }
    if required {
        listed.clear();
    }
    Contexts {
        listed: listed.into_iter().map(Json::Object).collect(),
        open: (!open.is_empty()).then(|| OpenAction {
            action: action.uid.clone(),
            members: open,
            required,
        }),
    }
}

/// Each record with each value of one more member; `None` where that is too many.
fn with_member(
    records: &[Map<String, Json>],
    name: &str,
    required: bool,
    values: Vec<Json>,
) -> Option<Vec<Map<String, Json>>> {
    let absent = (!required).then_some(None);
    let ways: Vec<Option<Json>> = absent
        .into_iter()
        .chain(values.into_iter().map(Some))
        .collect();
    if records.len().saturating_mul(ways.len()) > MOST {
        return None;
    }
    let each = records.iter().flat_map(|before| {
        ways.iter().map(|value| {
            let mut record = before.clone();
            if let Some(value) = value {
                record.insert(name.to_owned(), value.clone());
            }
            record
        })
    });
    Some(each.collect())
}

/// All values of a type, where these are few.
fn values(ty: &Type, schema: &Schema) -> Option<Vec<Json>> {
    match ty {
        Type::Bool => Some(vec![Json::Bool(false), Json::Bool(true)]),
        Type::Entity(name) => {
            let choices = schema.entity_type(name)?.choices.as_ref()?;
            Some(choices.iter().map(|id| Json::from(id.as_str())).collect())
        }
        Type::Record(record) => record_values(record, schema),
        Type::Long | Type::String | Type::Set(_) | Type::Extension(_) => None,
    }
}

fn record_values(record: &RecordType, schema: &Schema) -> Option<Vec<Json>> {
    let mut all = vec![Map::new()];
    for (name, member) in &record.attributes {
        let values = values(&member.ty, schema)?;
        all = with_member(&all, name, member.required, values)?;
    }
    Some(all.into_iter().map(Json::Object).collect())
}

/// A type as its schema calls it.
fn type_name(ty: &Type) -> String {
    match ty {
        Type::Bool => "Bool".to_owned(),
        Type::Long => "Long".to_owned(),
        Type::String => "String".to_owned(),
        Type::Entity(name) => name.to_string(),
        Type::Set(of) => format!("Set<{}>", type_name(of)),
        Type::Record(_) => "a record".to_owned(),
        Type::Extension(extension) => extension.function().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(context: &str) -> (Vec<Json>, Option<OpenAction>) {
        let schema = Schema::parse(&format!(
            "entity User; entity Mode enum [\"A\", \"B\"];
             action see appliesTo {{ principal: User, resource: User, context: {{ {context} }} }};"
        ));
        let schema = schema.unwrap();
        let found = contexts(schema.actions()[0], &schema);
        (found.listed, found.open)
    }

    #[test]
    fn what_is_finite_is_listed_and_what_is_not_is_named() {
        assert_eq!(of(""), (vec![json!({})], None));
        let (listed, open) = of("mode: Mode, sure?: Bool");
        assert_eq!((listed.len(), open), (6, None));
        assert!(listed.contains(&json!({"mode": "B", "sure": true})));
        let (listed, open) = of("mode: Mode, who: User");
        let open = open.unwrap();
        assert!(listed.is_empty() && open.required);
        assert_eq!(open.members, [("who".into(), "User".to_owned())]);
        let (listed, open) = of("mode: Mode, why?: Set<String>");
        assert_eq!(listed, [json!({"mode": "A"}), json!({"mode": "B"})]);
        let open = open.unwrap();
        assert_eq!(open.members, [("why".into(), "Set<String>".to_owned())]);
        assert!(!open.required);
        let (listed, open) = of("flags: { a: Bool, b: Bool, mode?: Mode }");
        assert_eq!((listed.len(), open), (12, None));
    }
}
