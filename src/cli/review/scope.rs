//! The scope of a review, from its arguments.

use std::collections::BTreeMap;

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use crate::cli::args::ReviewArgs;
use crate::cli::asking::action;
use crate::cli::entity_argument::{EntityPlace, entity_argument};
use crate::cli::input::question_in;
use peppol_authz_engine::ReviewScope;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::Schema;
use peppol_authz_server::review::tenant;

/// Reads the scope.
///
/// # Errors
/// The first argument that does not fit the schema.
pub(super) fn read(
    args: &ReviewArgs,
    bundle: &Bundle,
    depth: usize,
) -> Result<ReviewScope, String> {
    let schema = &bundle.schema;
    let entity = |flag: &str, text: &Option<String>| {
        let text = text.as_ref();
        text.map(|text| entity(flag, text, schema)).transpose()
    };
    let within = match &args.organisation {
        Some(id) => Some(tenant(id, schema).map_err(|error| format!("`--organisation`: {error}"))?),
        None => entity("--within", &args.within)?,
    };
    Ok(ReviewScope {
        principal: match &args.principal {
            Some(text) => {
                let (name, place) = ("--principal", EntityPlace::Principal);
                Some(entity_argument(name, text, schema, None, place)?)
            }
            None => None,
        },
        action: match &args.action {
            Some(name) => Some(action_named(name, bundle)?),
            None => None,
        },
        within,
        contexts: match &args.contexts {
            Some(path) => contexts(&question_in(path, depth)?, bundle)?,
            None => BTreeMap::new(),
        },
    })
}

fn entity(flag: &str, text: &str, schema: &Schema) -> Result<EntityUid, String> {
    let read = schema.entity(&Json::from(text));
    read.map_err(|misfit| format!("`{flag}`: {misfit}"))
}

fn action_named(name: &str, bundle: &Bundle) -> Result<EntityUid, String> {
    let literal = action(name, bundle)?;
    let parsed: Result<EntityUid, _> = literal.parse();
    let uid = parsed.map_err(|error| format!("`action`: {error}"))?;
    match bundle.schema.action(&uid) {
        Some(_) => Ok(uid),
        None => Err(format!("`action`: none is called `{name}`")),
    }
}

fn contexts(json: &Json, bundle: &Bundle) -> Result<BTreeMap<EntityUid, Vec<Json>>, String> {
    let Json::Object(actions) = json else {
        return Err(
            "`--contexts`: an object is wanted, with an array of contexts for each action"
                .to_owned(),
        );
    };
    let read = actions.iter().map(|(name, contexts)| {
        let wrong = |problem: &str| format!("`--contexts`: `{name}`: {problem}");
        let uid = action_named(name, bundle).map_err(|problem| wrong(&problem))?;
        match contexts {
            Json::Array(contexts) if contexts.iter().all(Json::is_object) => {
                Ok((uid, contexts.clone()))
            }
            Json::Object(_) => Ok((uid, vec![contexts.clone()])),
            _ => Err(wrong("an array of objects is wanted")),
        }
    });
    read.collect()
}
