//! Whom a token names.

use serde_json::{Map, Value};

use super::tokens::Reason;
use crate::config::{Constant, Principal};
use crate::schema::Designation;

type Members = Map<String, Value>;

/// Whom these claims name, by the first entry that fits.
pub(super) fn designate(claims: &Members, entries: &[Principal]) -> Result<Designation, Reason> {
    let fits = |entry: &&Principal| {
        let mut when = entry.when.iter();
        when.all(|(name, wanted)| find(claims, name).is_some_and(|found| is(found, wanted)))
    };
    let entry = entries
        .iter()
        .find(fits)
        .ok_or("no entry of `jwt.principal` fits")?;
    let value = match find(claims, &entry.claim) {
        Some(Value::String(value)) if !value.is_empty() => value.clone(),
        Some(_) => return Err("the claim that names who asks is not a string, or empty"),
        None => return Err("the claim that names who asks is missing"),
    };
    let name = entry.claim.rsplit('/').next().unwrap_or_default();
    if (name == "email" || entry.attribute.as_deref() == Some("email"))
        && !is_verified(claims, &entry.claim)
    {
        return Err("the e-mail address that names who asks is not verified");
    }
    Ok(Designation {
        kind: entry.kind.clone(),
        attribute: entry.attribute.clone(),
        value,
    })
}

/// A claim: a member, or by a JSON pointer.
fn find<'a>(claims: &'a Members, name: &str) -> Option<&'a Value> {
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

/// Whether a claim is a constant, or an array that holds it.
fn is(found: &Value, wanted: &Constant) -> bool {
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

/// Whether nothing says that an e-mail address is not verified: neither the token as a whole nor
/// what stands beside the address.
fn is_verified(claims: &Members, claim: &str) -> bool {
    const NAME: &str = "email_verified";
    let beside = match claim.rsplit_once('/') {
        Some((parent, _)) => find(claims, &format!("{parent}/{NAME}")),
        None => None,
    };
    [claims.get(NAME), beside]
        .into_iter()
        .flatten()
        .all(|verified| *verified == Value::Bool(true))
}

#[cfg(test)]
mod tests;
