//! Changes of the store that a question supposes: they are in its target, and so in a link to it.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::entity::id;
use crate::query::Parameters;
use peppol_authz_engine::schema::{JsonOrigin, Schema, Type};
use peppol_authz_engine::store::{SupposedChange, SupposedValue};
use peppol_authz_engine::{Change, ChangeKind};

/// The parameter with the changes, as JSON.
pub(super) const SUPPOSE: &str = "suppose";

/// The most changes of a question.
const MOST: usize = 50;

/// The changes that the parameters suppose.
///
/// # Errors
/// A change that does not fit the schema.
pub(super) fn changes(query: &Parameters, schema: &Schema) -> Result<Vec<SupposedChange>, String> {
    let Some(text) = query.whole(SUPPOSE) else {
        return Ok(Vec::new());
    };
    let read: Option<Json> = serde_json::from_str(text).ok();
    let Some(Json::Array(all)) =
        read.filter(|json| json.as_array().is_some_and(|all| all.len() <= MOST))
    else {
        return Err(format!(
            "`{SUPPOSE}`: a list of at most {MOST} changes is wanted"
        ));
    };
    let changes = all.iter().map(|json| change(json, schema));
    changes
        .collect::<Result<_, String>>()
        .map_err(|fault| format!("`{SUPPOSE}`: {fault}"))
}

fn change(json: &Json, schema: &Schema) -> Result<SupposedChange, String> {
    let said = |misfit: &dyn std::fmt::Display| misfit.to_string();
    let of = json.get("of").unwrap_or(&Json::Null);
    let of = schema.entity(of).map_err(|misfit| said(&misfit))?;
    let Some(of_type) = schema.entity_type(of.type_name()) else {
        return Err(format!("`{of}` is of no type of the schema"));
    };
    let text = |name: &str| json.get(name).and_then(Json::as_str).map(Arc::<str>::from);
    let value = |ty: &Type| {
        let value = json.get("value");
        let read = value.map(|value| schema.value(value, ty, JsonOrigin::Column));
        read.transpose().map_err(|misfit| said(&misfit))
    };
    let what = if let Some(name) = text("attribute") {
        let Some(member) = of_type.shape.attributes.get(&name) else {
            return Err(format!("`{of}` has no attribute `{name}`"));
        };
        let value = value(&member.ty)?;
        if value.is_none() && member.required {
            return Err(format!("`{of}` is never without `{name}`"));
        }
        SupposedValue::Attribute(name, value)
    } else if let Some(key) = text("tag") {
        let Some(ty) = &of_type.tags else {
            return Err(format!("`{of}` has no tags"));
        };
        SupposedValue::Tag(key, value(ty)?)
    } else {
        let parent = json.get("parent").unwrap_or(&Json::Null);
        let parent = schema.entity(parent).map_err(|misfit| said(&misfit))?;
        if !of_type.ancestors.contains(parent.type_name()) {
            return Err(format!("`{of}` cannot be in `{parent}`"));
        }
        SupposedValue::Parent(parent)
    };
    Ok(SupposedChange { of, what })
}

/// The parameters with further changes of the store; `None` where a change is of the context.
pub(super) fn with_changes(query: &Parameters, more: &[&Change]) -> Option<Parameters> {
    let before = query.whole(SUPPOSE).map(serde_json::from_str);
    let mut all: Vec<Json> = before.transpose().ok()?.unwrap_or_default();
    for change in more {
        let of = change.of.as_ref()?;
        let entity = |uid: &cedar_policy::EntityUid| json!({"type": uid.type_name().to_string(), "id": id(uid)});
        let mut json = match &change.what {
            ChangeKind::Attribute(name, _) => json!({"of": entity(of), "attribute": name}),
            ChangeKind::Tag(key, _) => json!({"of": entity(of), "tag": key}),
            ChangeKind::Parent(parent) => json!({"of": entity(of), "parent": entity(parent)}),
        };
        if let (
            ChangeKind::Attribute(_, Some(value)) | ChangeKind::Tag(_, Some(value)),
            Some(members),
        ) = (&change.what, json.as_object_mut())
        {
            members.insert("value".to_owned(), value.to_json());
        }
        all.push(json);
    }
    Some(query.with(SUPPOSE, &Json::Array(all).to_string()))
}
