//! Files in JSON, which may hold policies, entities, a schema or anything else.

use crate::schema::parse_json;

/// Members of a policy set in Cedar's JSON.
const OF_SETS: [&str; 3] = ["staticPolicies", "templates", "templateLinks"];

/// Members of a policy in Cedar's JSON.
const OF_POLICIES: [&str; 4] = ["effect", "principal", "action", "resource"];

/// Levels of arrays and objects. What is deeper is deeper than a policy may be.
pub(in crate::policy) const MAX_NESTED: usize = 120;

/// The contents of a file in JSON.
pub(super) enum JsonKind {
    /// Policies.
    Policies,
    /// Anything else.
    Other,
}

/// Returns true if policies of a text are in JSON. In Cedar's own syntax none begins like that.
pub(in crate::policy) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The kind of contents. A text that may have been policies, and cannot be read, is an error.
pub(super) fn kind_of(text: &str) -> Result<JsonKind, String> {
    if !is_json(text) {
        return Ok(JsonKind::Other);
    }
    let json = parse_json(text.as_bytes(), MAX_NESTED).map_err(|error| error.to_string())?;
    let has = |name: &&str| json.get(*name).is_some();
    let is_policies = OF_SETS.iter().any(has) || OF_POLICIES.iter().all(has);
    Ok(match is_policies {
        true => JsonKind::Policies,
        false => JsonKind::Other,
    })
}
