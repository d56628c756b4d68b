//! The settings of this surface.

use bytes::Bytes;
use serde::Serialize;

use super::request::{OBLIGATION_TYPE, SUPPORTED};
use crate::config::{self, Reveal};
use peppol_authz_engine::schema::IgnoredMembers;

/// The settings of the AuthZEN surface, in the form that a request needs.
#[derive(Debug)]
pub struct Authzen {
    reveal: Reveal,
    ignored: IgnoredMembers,
    /// The metadata and the path of the base URL, where one is set.
    pub(super) fixed: Option<(Bytes, String)>,
}

impl Authzen {
    /// Makes them from the settings.
    #[must_use]
    pub fn new(settings: &config::AuthzenSettings) -> Self {
        let fixed = settings.base_url.as_ref();
        // The one member of a context that is not for the action.
        let ignored = std::iter::once(SUPPORTED.to_owned());
        Self {
            reveal: settings.reveal,
            ignored: ignored.chain(settings.ignored_context.clone()).collect(),
            fixed: fixed.map(|url| (metadata(url.as_str()), url.path().to_owned())),
        }
    }

    /// Tells how much an answer says beside the decision.
    pub(super) fn reveal(&self) -> Reveal {
        self.reveal
    }

    /// The members of contexts that are ignored where the schema does not have them.
    pub(in crate::http) fn ignored(&self) -> &IgnoredMembers {
        &self.ignored
    }
}

#[derive(Serialize)]
struct MetadataDocument<'a> {
    policy_decision_point: &'a str,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
    search_subject_endpoint: String,
    search_resource_endpoint: String,
    search_action_endpoint: String,
    /// The types of obligations that a decision may have, by the draft of their profile.
    supported_obligations: [&'static str; 1],
}

/// The metadata of a policy decision point at this base URL.
pub(super) fn metadata(base: &str) -> Bytes {
    let at = |path: &str| format!("{}/access/v1/{path}", base.trim_end_matches('/'));
    let metadata = MetadataDocument {
        policy_decision_point: base,
        access_evaluation_endpoint: at("evaluation"),
        access_evaluations_endpoint: at("evaluations"),
        search_subject_endpoint: at("search/subject"),
        search_resource_endpoint: at("search/resource"),
        search_action_endpoint: at("search/action"),
        supported_obligations: [OBLIGATION_TYPE],
    };
    // A struct of strings always has a JSON form.
    serde_json::to_vec(&metadata).unwrap_or_default().into()
}
