//! The request of a caller, as the policies of callers see it.

use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::{Map, Value as Json, json};

use super::caller::Caller;

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

/// All that an answer of the policies depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PermitKey {
    pub(super) caller: Arc<Caller>,
    pub(super) action: CallerAction,
    pub(super) asked: Asked,
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
        }
    }
}

// === impl Asked ===

impl Asked {
    /// The surface, or the path.
    #[must_use]
    pub fn place(&self) -> &'static str {
        match self {
            Self::Question { surface, .. } => surface,
            Self::Path(path) => path,
        }
    }

    fn context(&self) -> Json {
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
        put("asked", action.as_ref().map(id));
        put(
            "resourceType",
            resource_type.as_ref().map(|of| of.to_string().into()),
        );
        put("organisation", tenant.as_ref().map(id));
        put("allowedBySetting", allowed_by_setting.map(Json::from));
        Json::Object(context)
    }
}

// === impl PermitKey ===

impl PermitKey {
    /// As a question in its native form.
    pub(super) fn question(&self) -> Json {
        let caller = &self.caller;
        json!({
            "principal": {"type": "Sidecar::Caller", "id": caller.id},
            "action": {"type": "Sidecar::Action", "id": self.action.name()},
            "resource": {"type": "Sidecar::Listener", "id": caller.listener.name()},
            "context": self.asked.context(),
            "entities": [caller.entity()],
        })
    }
}
