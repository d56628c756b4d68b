//! A plan as Cerbos's clients read it.

use serde::Serialize;
use serde_json::Value as Json;

use super::expression::Expression;
use super::request::{CerbosRequest, VERSION};

/// Their `PlanResourcesResponse`. Some of them refuse members that they do not know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanResources<'a> {
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    actions: &'a [&'a str],
    resource_kind: &'a str,
    policy_version: &'static str,
    filter: Filter,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
struct Filter {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Json>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    filter_debug: String,
}

impl<'a> PlanResources<'a> {
    pub(super) fn new(request: &'a CerbosRequest<'a>, found: &Expression) -> Self {
        let (kind, condition) = match found {
            Expression::Constant(true) => ("KIND_ALWAYS_ALLOWED", None),
            Expression::Constant(false) => ("KIND_ALWAYS_DENIED", None),
            Expression::Operand(operand) => ("KIND_CONDITIONAL", Some(operand.clone())),
        };
        let (action, actions) = match request.is_single {
            true => (request.actions.first().copied(), [].as_slice()),
            false => (None, request.actions.as_slice()),
        };
        Self {
            request_id: request.id,
            action,
            actions,
            resource_kind: request.kind,
            policy_version: VERSION,
            filter: Filter { kind, condition },
            meta: request.with_meta.then(|| Meta {
                filter_debug: found.text(),
            }),
        }
    }
}
