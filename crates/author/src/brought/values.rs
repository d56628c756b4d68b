//! Values of a type, to ask with.

use cedar_policy::EntityTypeName;
use peppol_authz_engine::schema::{RecordType, Type};
use serde_json::{Map, Value as Json, json};

/// How full a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// Members that have to be there, `false`, empty sets.
    Least,
    /// All members, `true`, sets of one.
    Most,
}

/// A record of a type; `entity` names an entity of a type.
pub(super) fn record(
    record: &RecordType,
    fill: Fill,
    entity: &impl Fn(&EntityTypeName) -> Json,
) -> Json {
    let members = record.attributes.iter();
    let members = members.filter(|(_, member)| member.required || fill == Fill::Most);
    let members = members.map(|(name, member)| (name.to_string(), value(&member.ty, fill, entity)));
    Json::Object(members.collect::<Map<_, _>>())
}

/// A value of a type.
pub(super) fn value(ty: &Type, fill: Fill, entity: &impl Fn(&EntityTypeName) -> Json) -> Json {
    match ty {
        Type::Bool => (fill == Fill::Most).into(),
        Type::Long => i64::from(fill == Fill::Most).into(),
        Type::String => "sample".into(),
        Type::Entity(name) => entity(name),
        Type::Set(of) => match fill {
            Fill::Least => json!([]),
            Fill::Most => json!([value(of, fill, entity)]),
        },
        Type::Record(of) => record(of, fill, entity),
        Type::Extension(extension) => {
            let (function, text) = (extension.function(), extension.example());
            json!({"__extn": {"fn": function, "arg": text}})
        }
    }
}
