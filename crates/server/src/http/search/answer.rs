//! A page of results as the native wire has it.

use cedar_policy::EntityUid;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::residual::WireResidual;
use peppol_authz_engine::{Residual, SearchResult};

/// A page of results.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Found)]
pub(in crate::http) struct SearchPage<'a> {
    results: Vec<WireEntity<'a>>,
    /// Absent from the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<SearchExplanation<'a>>,
    policy_revision: &'a str,
    /// Absent where the store was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenancy_revision: Option<&'a str>,
}

/// An entity.
#[derive(Serialize, ToSchema)]
#[schema(as = FoundEntity)]
struct WireEntity<'a> {
    #[serde(rename = "type")]
    kind: String,
    id: &'a str,
    /// The obligations of a caller that acts on this result. Absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<&'a str>,
}

/// The reason for these results: the conditions of the policies on what is looked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Explanation)]
struct SearchExplanation<'a> {
    /// True if some policy permits it, whatever is looked for.
    permitted: bool,
    /// Policies that deny it, whatever is looked for.
    denied_by: Vec<&'a str>,
    policies: Vec<WireResidual<'a>>,
    /// The statement by which the store looks for candidates; absent where it looks at all of the
    /// type or at none.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<&'a str>,
    /// The number of candidates that were decided.
    decided: usize,
}

impl<'a> SearchPage<'a> {
    pub(super) fn new(found: &'a SearchResult, explain: bool) -> Self {
        Self {
            results: found
                .entities
                .iter()
                .map(|uid| WireEntity::new(uid, found))
                .collect(),
            next_token: None,
            explanation: explain.then(|| SearchExplanation::new(&found.residual, found.decided)),
            policy_revision: &found.policy_revision,
            tenancy_revision: found.tenancy_revision.as_deref(),
        }
    }
}

impl<'a> WireEntity<'a> {
    fn new(uid: &'a EntityUid, found: &'a SearchResult) -> Self {
        let obligations = found.obligations.get(uid).into_iter().flatten();
        Self {
            obligations: obligations.map(|it| &**it).collect(),
            kind: uid.type_name().to_string(),
            id: uid.id().as_ref(),
        }
    }
}

impl<'a> SearchExplanation<'a> {
    fn new(residual: &'a Residual, decided: usize) -> Self {
        Self {
            permitted: residual.permitted,
            denied_by: residual.denied_by.iter().map(|id| &**id).collect(),
            policies: WireResidual::all(residual),
            statement: residual.statement.as_deref(),
            decided,
        }
    }
}

/// A page of results as `POST /v1/search` answers it, for the command line.
#[must_use]
pub fn search_json(found: &SearchResult, explain: bool) -> String {
    // Strings and lists of them always have a JSON form.
    serde_json::to_string(&SearchPage::new(found, explain)).unwrap_or_default()
}
