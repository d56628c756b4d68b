//! Members of requests. Those that are not known are ignored, at every level, unless they could be
//! meant for one that is, or for one of a context; and `null` is absence.
//! A member of another type than its own is refused by name.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value as Json;

use super::super::problem::Problem;
use peppol_authz_engine::schema::{Misfit, could_mean};
use peppol_authz_engine::{Malformed, Members, MembersOfContexts, NamedEntity};

/// Checks that the one `Content-Type` is `application/json`, with any parameters.
pub(in crate::http) fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (all.next(), all.next()) else {
        return Err(Problem::NotJson);
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split_once(';').map_or(kind, |(kind, _)| kind);
    if kind.trim().eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Problem::NotJson)
    }
}

/// The object that a body is.
pub(super) fn object(json: Json) -> Result<Members, Malformed> {
    match json {
        Json::Object(members) => Ok(members),
        _ => Err(Malformed::question(Misfit::new("an object is wanted"))),
    }
}

/// The members of one of these items.
pub(super) fn item(json: &Json) -> Result<&Members, Malformed> {
    json.as_object()
        .ok_or_else(|| Malformed::question(Misfit::new("an object is wanted")))
}

/// Checks that what is ignored could not be meant for one of the members that are read.
pub(super) fn spelled(members: &Members, read: &[&str]) -> Result<(), Misfit> {
    ignored(members, read, |_| None)
}

/// The same for an object around a context or beside it: what is ignored could not be meant for a
/// member of the context either.
pub(super) fn placed(
    members: &Members,
    read: &[&str],
    contexts: MembersOfContexts<'_>,
) -> Result<(), Misfit> {
    ignored(members, read, |written| {
        let name = contexts.meant_by(written)?;
        let text = format!("write `{name}` into the context, if that is meant");
        Some(Misfit::new(text))
    })
}

fn ignored(
    members: &Members,
    read: &[&str],
    refused: impl Fn(&str) -> Option<Misfit>,
) -> Result<(), Misfit> {
    for written in members.keys().filter(|name| !read.contains(&&***name)) {
        let meant = read.iter().find(|name| could_mean(written, name));
        let misfit = match meant {
            Some(name) => Some(Misfit::new(format!("write `{name}`, if that is meant"))),
            None => refused(written),
        };
        if let Some(misfit) = misfit {
            return Err(misfit.within(written));
        }
    }
    Ok(())
}

/// An action's name and properties.
pub(super) type Action<'a> = (&'a str, Option<&'a Members>);

/// A subject or a resource.
pub(super) fn named<'a>(
    members: &'a Members,
    contexts: MembersOfContexts<'_>,
) -> Result<NamedEntity<'a>, Misfit> {
    placed(members, &["type", "id", "properties"], contexts)?;
    Ok(NamedEntity {
        kind: text(members, "type")?,
        id: text(members, "id")?,
        properties: optional(members, "properties")?,
    })
}

pub(super) fn action<'a>(
    members: &'a Members,
    contexts: MembersOfContexts<'_>,
) -> Result<Action<'a>, Misfit> {
    placed(members, &["name", "properties"], contexts)?;
    Ok((text(members, "name")?, optional(members, "properties")?))
}

pub(super) fn text<'a>(members: &'a Members, member: &str) -> Result<&'a str, Misfit> {
    match members.get(member) {
        None | Some(Json::Null) => Err(Misfit::new("is missing").within(member)),
        Some(Json::String(text)) => Ok(text),
        Some(_) => Err(Misfit::new("a string is wanted").within(member)),
    }
}

pub(super) fn optional<'a>(
    members: &'a Members,
    member: &str,
) -> Result<Option<&'a Members>, Misfit> {
    match members.get(member) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Object(members)) => Ok(Some(members)),
        Some(_) => Err(Misfit::new("an object is wanted").within(member)),
    }
}

/// A member that has to be there, read as an object.
pub(super) fn required<'a, T>(
    members: &'a Members,
    member: &str,
    read: impl Fn(&'a Members) -> Result<T, Misfit>,
) -> Result<T, Misfit> {
    let found = optional(members, member)?;
    let found = found.ok_or_else(|| Misfit::new("is missing").within(member))?;
    read(found).map_err(|misfit| misfit.within(member))
}
