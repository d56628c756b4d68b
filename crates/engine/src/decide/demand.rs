//! How new the state of the store has to be that a question is answered from.

use serde_json::{Map, Value as Json};

use super::malformed::Malformed;
use crate::schema::Misfit;
use crate::slice::Demand;
use crate::store::{Revision, Store};
use crate::text::duration;

/// Reads the members `atLeast` and `maxAge` of a question or of a batch.
///
/// # Errors
/// A text that is no revision of the store, or no length of time.
pub(crate) fn read(members: &Map<String, Json>, store: &dyn Store) -> Result<Demand, Malformed> {
    let mut demand = Demand::default();
    if let Some(text) = text(members, "atLeast")? {
        at_least(&mut demand, "atLeast", text, store)?;
    }
    if let Some(text) = text(members, "maxAge")? {
        max_age(&mut demand, "maxAge", text)?;
    }
    Ok(demand)
}

fn text<'a>(members: &'a Map<String, Json>, member: &str) -> Result<Option<&'a str>, Malformed> {
    match members.get(member) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(member, "a string is wanted")),
    }
}

/// Adds that a state has to hold the one of that name. `member` is where it was
/// written.
///
/// # Errors
/// A text that is no revision of the store.
pub(crate) fn at_least(
    demand: &mut Demand,
    member: &str,
    text: &str,
    store: &dyn Store,
) -> Result<(), Malformed> {
    let revision = Revision::parse(text).filter(|revision| store.names(revision));
    let revision =
        revision.ok_or_else(|| malformed(member, "no revision of this tenancy store"))?;
    demand.at_least.push(revision);
    Ok(())
}

/// Adds that a state has to have been the newest that short a time ago.
///
/// # Errors
/// A text that is no length of time.
pub(crate) fn max_age(demand: &mut Demand, member: &str, text: &str) -> Result<(), Malformed> {
    let age = duration::parse(text)
        .ok_or_else(|| malformed(member, "a duration as `200ms` or `5s` is wanted"))?;
    demand.max_age = Some(demand.max_age.map_or(age, |other| other.min(age)));
    Ok(())
}

fn malformed(member: &str, problem: &str) -> Malformed {
    Malformed {
        code: "MALFORMED_QUESTION",
        misfit: Misfit::new(problem).within(member),
    }
}
