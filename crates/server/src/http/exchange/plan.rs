//! Plans: they are made from one state like decisions, and nobody observes them.

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use super::super::problem::Problem;
use super::open::{Exchange, noted};
use super::question::DemandedState;
use peppol_authz_engine::policy::routes::Collection;
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{RowPlan, RowPlanOptions, RowPlanRequest};

/// States from which several plans are begun.
const STATES: usize = 10;

impl Exchange<'_> {
    /// Reads a request for a plan in its native form, and what it demands of the state.
    ///
    /// # Errors
    /// A request that does not fit the schema.
    pub(in crate::http) fn plan_request(
        &self,
        json: &Json,
    ) -> Result<(RowPlanRequest, Demand), Problem> {
        let read = RowPlanRequest::read(&self.session, json, self.app.limits.entities);
        read.map_err(|malformed| self.refused(malformed))
    }

    /// A request for the plan of the rows that a gateway's request lists, for its principal.
    ///
    /// # Errors
    /// A principal of whom the rows are not asked.
    pub(in crate::http) fn plan_request_of(
        &self,
        collection: &Collection,
        principal: &EntityUid,
    ) -> Result<RowPlanRequest, Problem> {
        let Collection { action, of, .. } = collection;
        RowPlanRequest::without_context(&self.session, principal.clone(), action, of.clone())
            .map_err(|malformed| self.refused(malformed))
    }

    /// Makes a plan, and counts it. `allowed_by_setting` is true if the setting lets the caller have it explained.
    ///
    /// # Errors
    /// A store that fails, what no plan can say.
    pub(in crate::http) async fn plan(
        &self,
        request: &RowPlanRequest,
        demanded: DemandedState,
        options: &RowPlanOptions,
        allowed_by_setting: bool,
    ) -> Result<RowPlan, Problem> {
        let explains = options.explain.then_some(allowed_by_setting);
        self.permit_plan(request, explains)?;
        self.has_read();
        let plan = request.plan(&self.session, options, &demanded.0).await;
        self.has_decided();
        self.app.metrics.questions.planned(&plan);
        plan.map_err(|failure| noted(self.app, failure.into()))
    }

    /// Makes several plans from one state.
    ///
    /// # Errors
    /// A store that fails or has another state each time, what no plan can say.
    pub(in crate::http) async fn plans_of_one_state(
        &self,
        requests: &[RowPlanRequest],
        demanded: &DemandedState,
        options: &RowPlanOptions,
    ) -> Result<Vec<RowPlan>, Problem> {
        for _ in 0..STATES {
            let mut plans: Vec<RowPlan> = Vec::with_capacity(requests.len());
            for request in requests {
                plans.push(self.plan(request, demanded.clone(), options, false).await?);
            }
            let mut revisions = plans.iter().map(|plan| &plan.tenancy_revision);
            let first = revisions.next();
            if revisions.all(|other| Some(other) == first) {
                return Ok(plans);
            }
        }
        Err(Problem::Behind)
    }

    /// How plans are written.
    pub(in crate::http) fn plans(&self) -> &super::super::plans::Plans {
        &self.app.plans
    }

    /// The schema in force.
    pub(in crate::http) fn schema(&self) -> &peppol_authz_engine::schema::Schema {
        &self.session.state.bundle.schema
    }
}
