//! The scope of a review.

use cedar_policy::{EntityId, EntityUid};
use serde_json::{Map, Value as Json, json};

use peppol_authz_engine::ReviewScope;
use peppol_authz_engine::schema::Schema;

/// The tenant of an id.
///
/// # Errors
/// A schema that does not say what a tenant is, an id that is none.
pub fn tenant(id: &str, schema: &Schema) -> Result<EntityUid, String> {
    let types = schema.entity_types();
    let tenants: Vec<_> = types.iter().filter(|it| it.tenant).collect();
    let [tenant] = tenants.as_slice() else {
        return Err(format!(
            "the schema marks {} types `@tenant`, and one is wanted; `--within ENTITY` needs none",
            tenants.len()
        ));
    };
    let uid = EntityUid::from_type_name_and_id(tenant.name.clone(), EntityId::new(id));
    schema.canonical(uid).map_err(|misfit| misfit.to_string())
}

/// The scope as a review writes it, so that two can be told to be of the same.
#[must_use]
pub fn scope_json(scope: &ReviewScope) -> Json {
    let mut shown = Map::new();
    let parts = [
        ("principal", &scope.principal),
        ("action", &scope.action),
        ("within", &scope.within),
    ];
    for (name, uid) in parts {
        if let Some(uid) = uid {
            shown.insert(name.to_owned(), uid.to_string().into());
        }
    }
    if !scope.contexts.is_empty() {
        let contexts = scope.contexts.iter();
        let contexts: Map<String, Json> = contexts
            .map(|(action, contexts)| (action.to_string(), json!(contexts)))
            .collect();
        shown.insert("contexts".to_owned(), Json::Object(contexts));
    }
    Json::Object(shown)
}
