//! The questions of cases and matrices, as `POST /v1/is_authorized` takes them.

use cedar_policy::EntityUid;
use serde_json::{Value as Json, json};

use super::expect::Expected;
use super::model::{AllowMember, Case, SuiteFile, table_to_json, to_json};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::text::did_you_mean;

/// The questions of a case, and what it expects of each. A case without `action` asks all
/// actions that its principal and resource can be asked about: closed by default.
pub(super) fn questions<'a>(
    case: &'a Case,
    suite: &SuiteFile,
    bundle: &Bundle,
) -> Vec<(Json, Expected<'a>)> {
    match &case.action {
        Some(action) => vec![of_one_action(case, suite, bundle, action)],
        None => of_all_actions(case, suite, bundle),
    }
}

fn of_one_action<'a>(
    case: &'a Case,
    suite: &SuiteFile,
    bundle: &Bundle,
    action: &str,
) -> (Json, Expected<'a>) {
    let context = case.context.as_ref().or_else(|| suite.context.get(action));
    let expected = match (&case.deny, &case.malformed) {
        (_, Some(code)) => Expected::Malformed(code),
        (Some(codes), None) => Expected::Deny {
            codes: Some(codes),
            rules: case.rules.as_deref(),
        },
        (None, None) => Expected::Allow {
            rules: case.rules.as_deref(),
            obligations: case.obligations.as_deref(),
        },
    };
    let context = context.map(table_to_json);
    (question(case, bundle, action, context), expected)
}

fn of_all_actions<'a>(
    case: &'a Case,
    suite: &SuiteFile,
    bundle: &Bundle,
) -> Vec<(Json, Expected<'a>)> {
    let unknown = |problem: String| (Json::Null, Expected::Unknown(problem));
    let allowed = match &case.allow {
        Some(AllowMember::Actions(actions)) => actions.as_slice(),
        _ => &[],
    };
    let actions = match applicable(bundle, &case.principal, &case.resource) {
        Ok(actions) => actions,
        Err(problem) => return vec![unknown(problem)],
    };
    let surplus = allowed.iter().filter(|action| !actions.contains(*action));
    let mut questions: Vec<_> = surplus
        .map(|action| {
            let near = did_you_mean(action, actions.iter().map(String::as_str));
            unknown(format!(
                "`allow`: `{action}` cannot be asked of this principal and resource{near}; those \
                 that can: {}",
                actions.join(", ")
            ))
        })
        .collect();
    if actions.is_empty() {
        let problem = "no action can be asked of this principal and resource";
        return vec![unknown(problem.to_owned())];
    }
    for action in &actions {
        let own = case.context.as_ref().and_then(|own| own.get(action));
        let default = || suite.context.get(action).map(table_to_json);
        let context = own.map(to_json).or_else(default);
        let missing = match &context {
            None => needed(bundle, action),
            Some(_) => None,
        };
        let expected = if let Some(missing) = missing {
            Expected::Needed(format!(
                "`{action}` has a context, and the suite has none for it: a line `{action} = \
                 {missing}` is missing in `[context]`"
            ))
        } else if allowed.contains(action) {
            Expected::Allow {
                rules: None,
                obligations: None,
            }
        } else {
            Expected::Deny {
                codes: None,
                rules: None,
            }
        };
        questions.push((question(case, bundle, action, context), expected));
    }
    questions
}

/// The context that an action cannot be asked without, as TOML with `…` for the values; `None` for
/// one that can be asked with an empty one.
pub(super) fn needed(bundle: &Bundle, action: &str) -> Option<String> {
    let mut actions = bundle.schema.actions().into_iter();
    let found = actions.find(|found| AsRef::<str>::as_ref(found.uid.id()) == action)?;
    let members = found.context.attributes.iter();
    let members = members.filter(|(_, attribute)| attribute.required);
    let members: Vec<String> = members.map(|(name, _)| format!("{name} = …")).collect();
    (!members.is_empty()).then(|| format!("{{ {} }}", members.join(", ")))
}

/// The actions that the schema lets this principal ask on this resource.
pub(super) fn applicable(
    bundle: &Bundle,
    principal: &str,
    resource: &str,
) -> Result<Vec<String>, String> {
    let uid = |member: &str, text: &str| -> Result<EntityUid, String> {
        bundle
            .schema
            .entity(&text.into())
            .map_err(|misfit| misfit.within(member).to_string())
    };
    let (principal, resource) = (uid("principal", principal)?, uid("resource", resource)?);
    let actions = bundle.schema.actions().into_iter().filter(|action| {
        action.principals.contains(principal.type_name())
            && action.resources.contains(resource.type_name())
    });
    Ok(actions
        .map(|action| AsRef::<str>::as_ref(action.uid.id()).to_owned())
        .collect())
}

/// An action by its bare id, where only one namespace has it.
pub(super) fn action_json(bundle: &Bundle, action: &str) -> Json {
    let mut named = bundle
        .schema
        .actions()
        .into_iter()
        .filter(|found| AsRef::<str>::as_ref(found.uid.id()) == action);
    match (named.next(), named.next()) {
        (Some(found), None) => json!({"type": found.uid.type_name().to_string(), "id": action}),
        _ => action.into(),
    }
}

fn question(case: &Case, bundle: &Bundle, action: &str, context: Option<Json>) -> Json {
    let mut question = json!({
        "principal": case.principal,
        "action": action_json(bundle, action),
        "resource": case.resource,
    });
    if let Json::Object(members) = &mut question {
        members.extend(context.map(|context| ("context".to_owned(), context)));
        if !case.entities.is_empty() {
            members.insert(
                "entities".to_owned(),
                case.entities.iter().map(to_json).collect(),
            );
        }
    }
    question
}
