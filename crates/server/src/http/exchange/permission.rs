//! The permission of a caller of this program, once the subject of its question is known.

use cedar_policy::EntityUid;

use super::super::problem::Problem;
use super::open::Exchange;
use super::surface::Surface;
use crate::callers::{Asked, CallerAction, SeenOfAsked};
use peppol_authz_engine::{Decision, Question, RowPlanRequest, Tenancies, Wanted};

impl Exchange<'_> {
    /// Checks that the caller may have a question decided, and explained if `explains` is there: it is true if
    /// the setting lets the caller.
    ///
    /// # Errors
    /// The policies of callers do not permit it.
    pub(super) fn permit_decided(
        &self,
        question: &Question,
        decision: &Decision,
        explains: Option<bool>,
    ) -> Result<(), Problem> {
        let tenancies = || Tenancies::of(&self.session.state.bundle);
        // Nothing is copied that no policy sees.
        let asked = |seen: SeenOfAsked, allowed_by_setting| Asked::Question {
            surface: self.surface.name_for_callers(),
            action: seen.action.then(|| question.action.clone()),
            resource_type: (seen.resource_type).then(|| question.resource.type_name().clone()),
            tenant: match seen.tenant {
                true => tenancies().of_decision(question, decision),
                false => None,
            },
            allowed_by_setting,
        };
        self.permit(CallerAction::Decide, |seen| asked(seen, None))?;
        match explains {
            None => Ok(()),
            by_setting => self.permit(CallerAction::Explain, |seen| asked(seen, by_setting)),
        }
    }

    /// Checks that the caller may be told a denial that no policy was asked for.
    ///
    /// # Errors
    /// The same.
    pub(super) fn permit_denied(&self, action: Option<&EntityUid>) -> Result<(), Problem> {
        self.permit(CallerAction::Decide, |_| self.about_nothing_known(action))
    }

    /// Checks that the caller may be told that a search finds nothing, where the search could not be made.
    ///
    /// # Errors
    /// The same.
    pub(in crate::http) fn permit_empty_page(&self) -> Result<(), Problem> {
        self.permit(CallerAction::Search, |_| self.about_nothing_known(None))
    }

    fn about_nothing_known(&self, action: Option<&EntityUid>) -> Asked {
        Asked::Question {
            surface: self.surface.name_for_callers(),
            action: action.cloned(),
            resource_type: None,
            tenant: None,
            allowed_by_setting: None,
        }
    }

    /// Checks that the caller may search.
    ///
    /// # Errors
    /// The same.
    pub(super) fn permit_search(
        &self,
        wanted: &Wanted,
        explains: Option<bool>,
    ) -> Result<(), Problem> {
        let tenancies = Tenancies::of(&self.session.state.bundle);
        let (action, resource) = wanted.action_and_resource();
        let (resource_type, tenant) = match resource {
            Ok(known) => (known.type_name(), tenancies.of_entity(known)),
            Err(of) => (of, None),
        };
        let asked = |allowed_by_setting| Asked::Question {
            surface: self.surface.name_for_callers(),
            action: action.cloned(),
            resource_type: Some(resource_type.clone()),
            tenant: tenant.clone(),
            allowed_by_setting,
        };
        self.permit(CallerAction::Search, |_| asked(None))?;
        match explains {
            None => Ok(()),
            by_setting => self.permit(CallerAction::Explain, |_| asked(by_setting)),
        }
    }

    /// Checks that the caller may have a plan. The plan of a request of a gateway is part of its answer.
    ///
    /// # Errors
    /// The same.
    pub(super) fn permit_plan(
        &self,
        request: &RowPlanRequest,
        explains: Option<bool>,
    ) -> Result<(), Problem> {
        if self.surface == Surface::Gateway {
            return Ok(());
        }
        let asked = |allowed_by_setting| Asked::Question {
            surface: self.surface.name_for_callers(),
            action: Some(request.action().clone()),
            resource_type: Some(request.resource_type().clone()),
            tenant: None,
            allowed_by_setting,
        };
        self.permit(CallerAction::Plan, |_| asked(None))?;
        match explains {
            None => Ok(()),
            by_setting => self.permit(CallerAction::Explain, |_| asked(by_setting)),
        }
    }

    fn permit(
        &self,
        action: CallerAction,
        ask: impl FnOnce(SeenOfAsked) -> Asked,
    ) -> Result<(), Problem> {
        let policies = self.policies_of_callers.as_deref();
        let asker = (&self.caller, self.surface.name_for_callers());
        self.app.permits_by(policies, asker, action, ask)
    }
}
