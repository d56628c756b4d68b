//! The request of a caller, as the policies of callers are asked about it.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::asked::{Asked, CallerAction};
use super::caller::Caller;

/// All that an answer of the policies depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PermitKey {
    pub(super) caller: Arc<Caller>,
    pub(super) action: CallerAction,
    pub(super) asked: Asked,
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
