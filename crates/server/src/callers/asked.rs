//! The subject of a caller's request, as the policies of callers see it.

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::{Map, Value as Json, json};

use peppol_authz_engine::policy::Bundle;

/// The attributes of a context that tell what is asked about.
const ACTION: &str = "asked";
const RESOURCE_TYPE: &str = "resourceType";
const TENANT: &str = "organisation";

/// The kinds of what a caller may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallerAction {
    /// A decision.
    Decide,
    /// A search.
    Search,
    /// A plan.
    Plan,
    /// An explanation.
    Explain,
    /// Metrics.
    Metrics,
    /// Anything else for operators.
    Admin,
    /// The pages of the console. What they show is asked for by the other actions.
    Console,
}

/// The subject of a caller's request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are questions, and a box for each would cost more"
)]
pub enum Asked {
    /// Something about principals, actions and resources.
    Question {
        /// The surface.
        surface: &'static str,
        /// The action that is asked about, if it is known.
        action: Option<EntityUid>,
        /// The type of the resource, if it is known.
        resource_type: Option<EntityTypeName>,
        /// The tenant of the resource, if it is known.
        tenant: Option<EntityUid>,
        /// For an explanation: true if the setting lets the caller.
        allowed_by_setting: Option<bool>,
    },
    /// A path of operators.
    Path(&'static str),
}

/// The attributes of a question that some policy of callers looks at. No answer depends on the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenOfAsked {
    /// The action.
    pub action: bool,
    /// The type of the resource.
    pub resource_type: bool,
    /// The tenant.
    pub tenant: bool,
}

// === impl CallerAction ===

impl CallerAction {
    /// As policies have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Search => "search",
            Self::Plan => "plan",
            Self::Explain => "explain",
            Self::Metrics => "metrics",
            Self::Admin => "admin",
            Self::Console => "console",
        }
    }
}

// === impl SeenOfAsked ===

impl SeenOfAsked {
    /// Looks for the attributes by their names. All are seen by a policy that looks at the context as a whole.
    pub(super) fn by(bundle: &Bundle) -> Self {
        // In their JSON form, a name has one spelling.
        let texts: Option<Vec<String>> = bundle
            .policies()
            .iter()
            .map(|info| Some(info.policy.to_json().ok()?.to_string()))
            .collect();
        let Some(texts) = texts.filter(|texts| !texts.iter().any(|text| takes_all(text))) else {
            return Self {
                action: true,
                resource_type: true,
                tenant: true,
            };
        };
        let sees = |name: &str| texts.iter().any(|text| text.contains(name));
        Self {
            action: sees(ACTION),
            resource_type: sees(RESOURCE_TYPE),
            tenant: sees(TENANT),
        }
    }
}

/// True if a policy, in its JSON form, does anything with the context but looking at one attribute of it.
fn takes_all(policy: &str) -> bool {
    let contexts = policy.matches(r#"{"Var":"context"}"#).count();
    let looks = policy
        .matches(r#"{"left":{"Var":"context"},"attr":"#)
        .count();
    contexts != looks || policy.matches(r#""context""#).count() != contexts
}

// === impl Asked ===

impl Asked {
    /// Leaves out what no policy sees.
    pub(super) fn keep(&mut self, seen: &SeenOfAsked) {
        let Self::Question {
            action,
            resource_type,
            tenant,
            ..
        } = self
        else {
            return;
        };
        if !seen.action {
            *action = None;
        }
        if !seen.resource_type {
            *resource_type = None;
        }
        if !seen.tenant {
            *tenant = None;
        }
    }

    /// The surface, or the path.
    #[must_use]
    pub fn place(&self) -> &'static str {
        match self {
            Self::Question { surface, .. } => surface,
            Self::Path(path) => path,
        }
    }

    pub(super) fn context(&self) -> Json {
        let (surface, action, resource_type, tenant, allowed_by_setting) = match self {
            Self::Path(path) => return json!({"path": path}),
            Self::Question {
                surface,
                action,
                resource_type,
                tenant,
                allowed_by_setting,
            } => (surface, action, resource_type, tenant, allowed_by_setting),
        };
        let id = |uid: &EntityUid| Json::from(uid.id().unescaped());
        let mut context = Map::new();
        let mut put = |name: &str, value: Option<Json>| {
            value.map(|value| context.insert(name.to_owned(), value))
        };
        put("surface", Some((*surface).into()));
        put(ACTION, action.as_ref().map(id));
        put(
            RESOURCE_TYPE,
            resource_type.as_ref().map(|of| of.to_string().into()),
        );
        put(TENANT, tenant.as_ref().map(id));
        put("allowedBySetting", allowed_by_setting.map(Json::from));
        Json::Object(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_takes_the_context_as_a_whole_sees_all() {
        let takes = |condition: &str| {
            let text = format!("permit (principal, action, resource) when {{ {condition} }};");
            let policy = cedar_policy::Policy::parse(None, text).unwrap();
            takes_all(&policy.to_json().unwrap().to_string())
        };
        for condition in [
            "true",
            r#"context.organisation == "acme""#,
            r#"context["asked"] == "x" && context has resourceType"#,
            r#"context has asked && !(context.asked like "x*")"#,
            "context.a.b has c",
        ] {
            assert!(!takes(condition), "{condition}");
        }
        for condition in [
            r#"context == {"asked": "x"}"#,
            "[context].isEmpty()",
            "principal.contexts.contains(context)",
            r#"(if true then context else {"asked": "x"}).asked == "x""#,
            r#"context["asked"] == "x" && [{"a": context}].isEmpty()"#,
        ] {
            assert!(takes(condition), "{condition}");
        }
    }
}
