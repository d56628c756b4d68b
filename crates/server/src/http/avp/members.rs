//! Members and unions of requests.

use serde_json::{Map, Value as Json};

use super::super::limits::Limits;
use peppol_authz_engine::schema::{Misfit, parse_json};
use peppol_authz_engine::text::did_you_mean;

/// A part of a request into its native form.
pub(super) type ReadMember = fn(Json) -> Result<Json, Misfit>;

/// A union of the service's own form, `own`, and of `cedarJson`, Cedar's as a text.
pub(super) fn either(
    json: Json,
    own: &str,
    read: ReadMember,
    limits: &Limits,
) -> Result<Json, Misfit> {
    let wanted = format!("one of `{own}` and `cedarJson`");
    let (name, json) = one(json, &wanted)?;
    let value = match json {
        json if name == own => read(json),
        Json::String(text) if name == "cedarJson" => parse_json(text.as_bytes(), limits.json_depth)
            .map_err(|error| Misfit::new(format!("no JSON: {error}"))),
        _ if name == "cedarJson" => Err(Misfit::new("a string is wanted")),
        _ => return Err(Misfit::new(format!("{wanted} is wanted"))),
    };
    value.map_err(|misfit| misfit.within(&name))
}

/// The members of an object that has none but these. What another one would mean is not
/// known here, so it is not passed over.
pub(super) fn record(json: Json, known: &[&str]) -> Result<Map<String, Json>, Misfit> {
    let Json::Object(members) = json else {
        return Err(Misfit::new("an object is wanted"));
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(surplus) => {
            let near = did_you_mean(surplus, known.iter().copied());
            Err(Misfit::new(format!("no such member{near}")).within(surplus))
        }
        None => Ok(members),
    }
}

/// The one member of a union.
pub(super) fn one(json: Json, wanted: &str) -> Result<(String, Json), Misfit> {
    match json {
        Json::Object(members) if members.len() == 1 => members.into_iter().next(),
        _ => None,
    }
    .ok_or_else(|| Misfit::new(format!("{wanted} is wanted")))
}
