//! The kinds of JSON that a set can hold, by their members.

use serde_json::Value as Json;

use super::amazon::is_amazon;
use peppol_authz_engine::policy::LinkText;

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A schema in Cedar's JSON.
    Schema,
    /// Policies in Cedar's JSON: a set, or one.
    Policies,
    /// Entities in Cedar's JSON.
    Entities,
    /// Links, as Cedar's command line keeps them.
    Links,
    /// Policies of cedar-agent: an array of `{"id", "content"}`.
    AgentPolicies,
    /// A document of Amazon Verified Permissions.
    Amazon,
    /// A question of Cedar's command line or of cedar-agent.
    Question,
    /// Something else.
    Other,
}

impl Kind {
    pub(super) fn of(json: &Json) -> Self {
        match json {
            _ if is_amazon(json) => Self::Amazon,
            Json::Array(entries) if !entries.is_empty() => {
                let all = |members: &[&str]| entries.iter().all(|entry| has(entry, members));
                if all(&["uid"]) {
                    Self::Entities
                } else if all(&["template_id", "link_id"]) {
                    Self::Links
                } else if all(&["id", "content"]) {
                    Self::AgentPolicies
                } else {
                    Self::Other
                }
            }
            Json::Object(members) => {
                let is_namespace = |value: &Json| has(value, &["entityTypes", "actions"]);
                let any = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
                if any(&["staticPolicies", "templates", "templateLinks"])
                    || has(json, &["effect", "principal", "action", "resource"])
                {
                    Self::Policies
                } else if has(json, &["principal", "action", "resource"]) {
                    Self::Question
                } else if !members.is_empty() && members.values().all(is_namespace) {
                    Self::Schema
                } else {
                    Self::Other
                }
            }
            _ => Self::Other,
        }
    }
}

fn has(json: &Json, members: &[&str]) -> bool {
    members.iter().all(|member| json.get(member).is_some())
}

/// Links, as Cedar's command line keeps them.
///
/// # Errors
/// A link that says more or less than one does.
pub(super) fn links(json: &Json) -> Result<Vec<LinkText>, String> {
    let entries = json.as_array().into_iter().flatten();
    entries.map(link).collect()
}

fn link(entry: &Json) -> Result<LinkText, String> {
    let member = |name: &str| {
        let text = entry.get(name).and_then(Json::as_str).map(str::to_owned);
        text.ok_or_else(|| format!("a link without a text for `{name}`"))
    };
    let mut link = LinkText {
        id: member("link_id")?,
        template: member("template_id")?,
        principal: None,
        resource: None,
    };
    let arguments = entry.get("args").and_then(Json::as_object);
    for (slot, value) in arguments.into_iter().flatten() {
        let id = &link.id;
        let Some(value) = value.as_str() else {
            return Err(format!("link `{id}`: no text for `{slot}`"));
        };
        let place = match slot.as_str() {
            "?principal" => &mut link.principal,
            "?resource" => &mut link.resource,
            _ => return Err(format!("link `{id}`: no template has a slot `{slot}`")),
        };
        *place = Some(value.to_owned());
    }
    Ok(link)
}

/// Policies of cedar-agent, each with its id.
///
/// # Errors
/// An entry without texts for both.
pub(super) fn agent_policies(json: &Json) -> Result<Vec<(&str, &str)>, String> {
    let entries = json.as_array().into_iter().flatten();
    let entries = entries.map(|entry| {
        let text = |name: &str| entry.get(name).and_then(Json::as_str);
        Some((text("id")?, text("content")?))
    });
    let all = entries.collect::<Option<Vec<_>>>();
    all.ok_or_else(|| "`id` and `content` of a policy are texts".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_known_by_their_members() {
        for (document, kind) in [
            (
                json!({"": {"entityTypes": {}, "actions": {}}}),
                Kind::Schema,
            ),
            (json!({"staticPolicies": {}}), Kind::Policies),
            (
                json!({"effect": "permit", "principal": {}, "action": {}, "resource": {}}),
                Kind::Policies,
            ),
            (json!([{"uid": {}, "attrs": {}}]), Kind::Entities),
            (json!([{"template_id": "t", "link_id": "l"}]), Kind::Links),
            (json!([{"id": "p", "content": "…"}]), Kind::AgentPolicies),
            (
                json!({"principal": "U::\"a\"", "action": "A::\"b\"", "resource": "R::\"c\""}),
                Kind::Question,
            ),
            (json!({"policies": []}), Kind::Amazon),
            (
                json!({"policyStoreId": "s", "policyId": "p", "definition": {}}),
                Kind::Amazon,
            ),
            (json!({"schema": "{}", "policyStoreId": "s"}), Kind::Amazon),
            (json!([]), Kind::Other),
            (json!({}), Kind::Other),
            (json!({"name": "x"}), Kind::Other),
        ] {
            assert_eq!(Kind::of(&document), kind, "{document}");
        }
    }
}
