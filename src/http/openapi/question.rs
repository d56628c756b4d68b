//! What a question may be, in JSON Schema, from the Cedar schema in force: one object for
//! each action, with the types and the context that it takes.

use serde_json::{Map, Value as Json, json};

use super::later;
use super::schema::{long, matching, object, or_null, reference, string};
use crate::http::Limits;
use crate::schema::{ActionType, Attribute, EntityType, ExtensionType, RecordType, Schema, Type};
use crate::store::{Revision, Store};

later! {
    /// May this principal do this action on this resource?
    Question;
    /// Questions that are answered from one state.
    Batch;
    /// The name of a state of the store.
    TenancyRevision;
    /// How long ago a state may have been the newest.
    MaxAge;
}

pub(super) const IP: &str = r"^[0-9a-fA-F.:/]{1,44}$";
pub(super) const DECIMAL: &str = r"^-?[0-9]{1,15}\.[0-9]{1,4}$";
pub(super) const DATETIME: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?(Z|[+-][0-9]{4}))?$";
pub(super) const DURATION: &str = r"^-?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

/// What stands between the quotes of a Cedar literal.
const LITERAL: &str = r#"([^"\\]|\\(["'\\0nrt]|x[0-7][0-9A-Fa-f]|u\{[0-9A-Fa-f]{1,3}\}))*"#;

pub(super) fn schemas(schema: &Schema, store: &dyn Store, limits: &Limits) -> Map<String, Json> {
    let mut schemas = Map::new();
    for entity_type in schema.entity_types() {
        schemas.insert(component(&entity_type.name), entity(entity_type));
    }
    let described = described(schema, store, limits);
    let questions: Vec<Json> = schema
        .actions()
        .into_iter()
        .map(|action| question(action, schema, &described))
        .collect();
    let anything =
        json!({"description": "Anything else, which is answered with an error in its place."});
    let named = [
        ("Question", json!({"anyOf": questions})),
        (
            "Batch",
            object(
                &["requests"],
                [
                    (
                        "requests",
                        json!({
                            "type": "array",
                            "maxItems": limits.batch,
                            "items": {"anyOf": [reference("Question"), anything]},
                        }),
                    ),
                    ("atLeast", or_null(reference("TenancyRevision"))),
                    ("maxAge", or_null(reference("MaxAge"))),
                ],
            ),
        ),
        ("TenancyRevision", matching(revision(store))),
        ("MaxAge", matching("^[0-9]{1,9}(ms|s|m|h)$")),
    ];
    schemas.extend(named.map(|(name, schema)| (name.to_owned(), schema)));
    schemas
}

/// The names that the store gives its states.
fn revision(store: &dyn Store) -> &'static str {
    let names = |text| Revision::parse(text).is_some_and(|revision| store.names(&revision));
    match (names("1"), names("1:1:")) {
        (true, false) => "^[0-9]{1,18}$",
        (true, true) => "^([0-9]{1,18}|[0-9]{1,18}:[0-9]{1,18}:([0-9]{1,18}(,[0-9]{1,18})*)?)$",
        _ => "^[0-9a-f]{1,64}$",
    }
}

fn question(action: &ActionType, schema: &Schema, described: &Json) -> Json {
    let one_of = |types: &[cedar_policy::EntityTypeName]| {
        let types: Vec<Json> = types
            .iter()
            .map(|name| reference(&component(name)))
            .collect();
        json!({ "anyOf": types })
    };
    let (name, id): (String, &str) = (action.uid.type_name().to_string(), action.uid.id().as_ref());
    let context = record(&action.context, schema);
    let mut required = vec!["principal", "action", "resource"];
    let context = if action
        .context
        .attributes
        .values()
        .any(|attribute| attribute.required)
    {
        required.push("context");
        context
    } else {
        or_null(context)
    };
    let mut question = object(
        &required,
        [
            ("principal", one_of(&action.principals)),
            (
                "action",
                forms(
                    &name,
                    &json!({"const": id}),
                    &json!({"const": action.uid.to_string()}),
                ),
            ),
            ("resource", one_of(&action.resources)),
            ("context", context),
            ("entities", described.clone()),
            ("additional_entities", described.clone()),
            (
                "policies",
                json!({"type": "null", "description": "What a client of cedar-agent writes; policies are never taken from a question."}),
            ),
            ("atLeast", or_null(reference("TenancyRevision"))),
            ("maxAge", or_null(reference("MaxAge"))),
        ],
    );
    if let Json::Object(question) = &mut question {
        question.insert("title".to_owned(), id.into());
    }
    question
}

/// An entity where its type is not known from the place.
fn entity(entity_type: &EntityType) -> Json {
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
fn forms(name: &str, id: &Json, literal: &Json) -> Json {
    let plain = object(
        &["type", "id"],
        [("type", json!({"const": name})), ("id", id.clone())],
    );
    let escaped = object(&["__entity"], [("__entity", plain.clone())]);
    json!({"anyOf": [literal, plain, escaped]})
}

/// Entities that a caller may describe: of types that the store does not serve.
fn described(schema: &Schema, store: &dyn Store, limits: &Limits) -> Json {
    let items: Vec<Json> = schema
        .entity_types()
        .into_iter()
        .filter(|entity_type| entity_type.choices.is_none() && !store.serves(&entity_type.name))
        .map(|entity_type| description(entity_type, schema))
        .collect();
    let array = if items.is_empty() {
        json!({"type": "array", "maxItems": 0})
    } else {
        json!({"type": "array", "maxItems": limits.entities, "items": {"anyOf": items}})
    };
    or_null(array)
}

fn description(entity_type: &EntityType, schema: &Schema) -> Json {
    let mut members = vec![
        ("uid", reference(&component(&entity_type.name))),
        ("attrs", record(&entity_type.shape, schema)),
    ];
    let parents: Vec<Json> = entity_type
        .member_of
        .iter()
        .map(|name| reference(&component(name)))
        .collect();
    members.push((
        "parents",
        match parents.is_empty() {
            true => json!({"type": "array", "maxItems": 0}),
            false => json!({"type": "array", "items": {"anyOf": parents}}),
        },
    ));
    members.push((
        "tags",
        match &entity_type.tags {
            Some(tags) => json!({"type": "object", "additionalProperties": value(tags, schema)}),
            None => json!({"type": "object", "maxProperties": 0}),
        },
    ));
    let obligatory = entity_type
        .shape
        .attributes
        .values()
        .any(|attribute| attribute.required);
    let required = if obligatory {
        &["uid", "attrs"][..]
    } else {
        &["uid"]
    };
    object(required, members)
}

fn record(ty: &RecordType, schema: &Schema) -> Json {
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

fn value(ty: &Type, schema: &Schema) -> Json {
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
            let call = object(
                &["fn", "arg"],
                [
                    ("fn", json!({"const": extension.function()})),
                    ("arg", text.clone()),
                ],
            );
            json!({"anyOf": [text, object(&["__extn"], [("__extn", call)])]})
        }
    }
}

fn component(name: &cedar_policy::EntityTypeName) -> String {
    format!("Entity.{}", name.to_string().replace("::", "."))
}
