//! The principal that a token names.

use serde_json::{Map, Value};

use super::reason::InvalidReason;
use crate::config::{Constant, Principal};
use peppol_authz_engine::schema::{Designation, Misfit, Schema};

type Members = Map<String, Value>;

/// Checks that the schema has the types and attributes of a setting's principals.
pub(super) fn check(entries: &[Principal], schema: &Schema, setting: &str) -> Result<(), Misfit> {
    entries.iter().try_for_each(|entry| {
        schema
            .check_designation(&entry.kind, entry.attribute.as_deref())
            .map_err(|misfit| misfit.within(setting))
    })
}

/// The principal that these claims name, by the first entry that fits.
pub(super) fn designate(
    claims: &Members,
    entries: &[Principal],
) -> Result<Designation, InvalidReason> {
    let fits = |entry: &&Principal| {
        let mut when = entry.when.iter();
        when.all(|(name, wanted)| find(claims, name).is_some_and(|found| is(found, wanted)))
    };
    let entry = entries
        .iter()
        .find(fits)
        .ok_or("no entry of `principal` fits")?;
    let value = match find(claims, &entry.claim) {
        Some(Value::String(value)) if !value.is_empty() => value.clone(),
        Some(_) => return Err("the claim that names who asks is not a string, or empty"),
        None => return Err("the claim that names who asks is missing"),
    };
    if is_address(entry) {
        match verified(claims, &entry.claim) {
            Some(true) => {}
            None if entry.unverified => {}
            None => return Err("it does not say that the e-mail address is verified"),
            Some(false) => return Err("the e-mail address that names who asks is not verified"),
        }
    }
    Ok(Designation {
        kind: entry.kind.clone(),
        attribute: entry.attribute.clone(),
        value,
    })
}

/// Finds a claim: a member, or by a JSON pointer.
pub fn find<'a>(claims: &'a Members, name: &str) -> Option<&'a Value> {
    let Some(path) = name.strip_prefix('/') else {
        return claims.get(name);
    };
    let (first, rest) = match path.find('/') {
        Some(end) => path.split_at(end),
        None => (path, ""),
    };
    let first = first.replace("~1", "/").replace("~0", "~");
    claims.get(&first)?.pointer(rest)
}

/// Returns true if a claim is the constant, or an array that holds it.
pub(super) fn is(found: &Value, wanted: &Constant) -> bool {
    let same = |found: &Value| match wanted {
        Constant::Truth(wanted) => found.as_bool() == Some(*wanted),
        Constant::Number(wanted) => found.as_i64() == Some(*wanted),
        Constant::Text(wanted) => found.as_str() == Some(wanted),
    };
    match found {
        Value::Array(all) => all.iter().any(same),
        one => same(one),
    }
}

/// Returns true if the principal is named by an e-mail address.
fn is_address(entry: &Principal) -> bool {
    // Also of `https://example.com/email`, and of a pointer to that.
    let claim = entry.claim.replace("~1", "/");
    claim.rsplit('/').next() == Some("email") || entry.attribute.as_deref() == Some("email")
}

/// True if the token says that the e-mail address is verified, as a whole or beside the address;
/// `None` if it says nothing of it.
fn verified(claims: &Members, claim: &str) -> Option<bool> {
    const NAME: &str = "email_verified";
    let beside = match claim.rsplit_once('/') {
        Some((parent, _)) => find(claims, &format!("{parent}/{NAME}")),
        None => None,
    };
    let said = [claims.get(NAME), beside];
    said.into_iter()
        .flatten()
        .map(is_true)
        .reduce(|one, other| one && other)
}

/// Returns true if a claim is true. Some providers write it as a string.
fn is_true(said: &Value) -> bool {
    match said {
        Value::Bool(said) => *said,
        Value::String(said) => said == "true",
        _ => false,
    }
}

#[cfg(test)]
mod tests;
