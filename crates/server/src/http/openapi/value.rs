//! Values and entities in JSON Schema, by their Cedar types.

use serde_json::{Value as Json, json};

use super::schema::{long, matching, object, string};
use peppol_authz_engine::schema::{Attribute, EntityType, ExtensionType, RecordType, Schema, Type};

pub(super) const IP: &str = r"^[0-9a-fA-F.:/]{1,44}$";
pub(super) const DECIMAL: &str = r"^-?[0-9]{1,15}\.[0-9]{1,4}$";
pub(super) const DATETIME: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?(Z|[+-][0-9]{4}))?$";
pub(super) const DURATION: &str = r"^-?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

/// The text between the quotes of a Cedar literal.
const LITERAL: &str = r#"([^"\\]|\\(["'\\0nrt]|x[0-7][0-9A-Fa-f]|u\{[0-9A-Fa-f]{1,3}\}))*"#;

/// An entity where its type is not known from the place.
pub(super) fn entity(entity_type: &EntityType) -> Json {
    let name = entity_type.name.to_string();
    match &entity_type.choices {
        Some(choices) => {
            let literals: Vec<String> =
                choices.iter().map(|id| format!("{name}::{id:?}")).collect();
            forms(
                &name,
                &json!({ "enum": choices }),
                &json!({ "enum": literals }),
            )
        }
        None => {
            let literal = matching(&format!("^{name}::\"{LITERAL}\"$"));
            forms(&name, &string(), &literal)
        }
    }
}

/// The three forms of an entity.
pub(super) fn forms(name: &str, id: &Json, literal: &Json) -> Json {
    let plain = object(
        &["type", "id"],
        [("type", json!({"const": name})), ("id", id.clone())],
    );
    let escaped = object(&["__entity"], [("__entity", plain.clone())]);
    json!({"anyOf": [literal, plain, escaped]})
}

pub(super) fn record(ty: &RecordType, schema: &Schema) -> Json {
    let required: Vec<&str> = ty
        .attributes
        .iter()
        .filter(|(_, attribute)| attribute.required)
        .map(|(name, _)| &**name)
        .collect();
    let member = |(name, attribute): (&'_ std::sync::Arc<str>, &Attribute)| {
        (name.to_string(), value(&attribute.ty, schema))
    };
    object(&required, ty.attributes.iter().map(member))
}

pub(super) fn value(ty: &Type, schema: &Schema) -> Json {
    match ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::Long => long(),
        Type::String => string(),
        Type::Entity(name) => {
            let choices = schema
                .entity_type(name)
                .and_then(|found| found.choices.as_ref());
            // Its type is known, so the id alone will do.
            let id = choices.map_or_else(string, |ids| json!({ "enum": ids }));
            forms(&name.to_string(), &id, &id)
        }
        Type::Set(element) => json!({"type": "array", "items": value(element, schema)}),
        Type::Record(ty) => record(ty, schema),
        Type::Extension(extension) => {
            let text = matching(match extension {
                ExtensionType::IpAddr => IP,
                ExtensionType::Decimal => DECIMAL,
                ExtensionType::DateTime => DATETIME,
                ExtensionType::Duration => DURATION,
            });
            let function = json!({"const": extension.function()});
            let one = object(
                &["fn", "arg"],
                [("fn", function.clone()), ("arg", text.clone())],
            );
            let arguments = json!({"type": "array", "items": text, "minItems": 1, "maxItems": 1});
            let listed = object(&["fn", "args"], [("fn", function), ("args", arguments)]);
            let call = json!({"anyOf": [one, listed]});
            json!({"anyOf": [text, call, object(&["__extn"], [("__extn", call.clone())])]})
        }
    }
}

pub(super) fn component(name: &cedar_policy::EntityTypeName) -> String {
    format!("Entity.{}", name.to_string().replace("::", "."))
}
