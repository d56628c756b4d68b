//! Questions by Amazon Verified Permissions' wire, which has to say what the native one says.

use serde_json::{Map, Value, json};

use super::question::{Question, action_of};
use super::vocabulary::Kind;
use crate::sidecar::Sidecar;

/// Asks, and expects the decision and the policies
/// of `found`, a native answer. Ids that it has no form for are left out.
pub(crate) fn asked(sidecar: &Sidecar, question: &Question, found: &Value) {
    if question.principal.1.is_empty() || question.resource.1.is_empty() {
        return;
    }
    let entity = |(kind, id): &(&str, String)| json!({"entityType": format!("Peppol::{kind}"), "entityId": id});
    let request = json!({
        "policyStoreId": "any",
        "principal": entity(&question.principal),
        "action": {"actionType": "Peppol::Action", "actionId": question.action},
        "resource": entity(&question.resource),
        "context": {"contextMap": context(question)},
    });
    let target = ("X-Amz-Target", "VerifiedPermissions.IsAuthorized");
    let reply = sidecar.send("/", &[target], request.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{request}: {}", reply.text);
    let answer = reply.json();
    let decision = found["decision"].as_str().unwrap().to_uppercase();
    assert_eq!(answer["decision"], decision, "{request}: {answer}");
    let policies: Vec<&Value> = answer["determiningPolicies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| &policy["policyId"])
        .collect();
    assert_eq!(json!(policies), found["diagnostics"]["reason"], "{request}");
}

/// The context as attribute values: entities as such where their id is not empty, which
/// has no form there, and as strings otherwise.
fn context(question: &Question) -> Map<String, Value> {
    let members = action_of(question.action).map_or([].as_slice(), |action| action.context);
    let attribute = |(name, value): (&String, &Value)| {
        let member = members.iter().find(|member| member.name == name);
        let value = match (member.map(|member| member.kind), value.as_str()) {
            (Some(Kind::Entity(kind)), Some(id)) if !id.is_empty() => {
                json!({"entityIdentifier": {"entityType": format!("Peppol::{kind}"), "entityId": id}})
            }
            _ => plain(value),
        };
        (name.clone(), value)
    };
    question.context.iter().map(attribute).collect()
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Bool(value) => json!({ "boolean": value }),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), plain(value)));
            json!({ "record": members.collect::<Map<_, _>>() })
        }
        other => json!({ "string": other }),
    }
}
