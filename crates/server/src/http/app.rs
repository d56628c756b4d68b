//! The state that all handlers share.

use std::sync::Arc;

use super::access_log::AccessLog;
use super::apart::WorkApart;
use super::authzen::Authzen;
use super::delay::WorkerDelay;
use super::denials::Denials;
use super::explanation::Explainers;
use super::gateway::Gateway;
use super::handed::HandedPlans;
use super::limits::Limits;
use super::limits_used::LimitsInForce;
use super::metrics::Metrics;
use super::openapi::Document;
use super::operated::Operated;
use super::page::Pages;
use super::plans::Plans;
use super::readiness::Readiness;
use super::refusals::Refusals;
use crate::callers::Callers;
use crate::config::{CerbosSettings, Config};
use crate::decision_log::DecisionLog;
use crate::identity::Credentials;
use crate::loads::Loads;
use crate::shadow::Shadow;
use crate::telemetry::{Telemetry, Tracer};
use crate::tls::ServerTls;
use peppol_authz_engine::Engine;

/// Explanations that are made at once.
const EXPLANATIONS: usize = 2;

/// The state that all handlers share.
pub struct App {
    /// Decides questions.
    pub engine: Arc<Engine>,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// The history of what was loaded.
    pub loads: Arc<Loads>,
    /// Tells if the server is ready.
    pub readiness: Readiness,
    /// Limits of one request.
    pub limits: Limits,
    /// Limits that nothing else of this knows.
    pub limits_in_force: LimitsInForce,
    /// The turns of large requests.
    pub large: WorkApart,
    /// The turns of explanations.
    pub explanations: WorkApart,
    /// How late the workers are.
    pub delay: Arc<WorkerDelay>,
    /// How plans are written.
    pub plans: Plans,
    /// Makes the tokens that lead from one page of a search to the next.
    pub pages: Pages,
    /// The OpenAPI document.
    pub document: Document,
    /// The callers that may have decisions explained.
    pub explainers: Explainers,
    /// Settings of the AuthZEN surface.
    pub authzen: Authzen,
    /// Settings of the surface for Cerbos's clients.
    pub cerbos: CerbosSettings,
    /// Settings of the gateways' surface.
    pub gateway: Gateway,
    /// Plans that were handed on with requests of gateways.
    pub handed: HandedPlans,
    /// Verifies the callers of requests that gateways ask about.
    pub credentials: Credentials,
    /// Knows callers. Without it only local ones are let in, and they may ask everything but explanations that
    /// the settings do not allow.
    pub callers: Option<Callers>,
    /// Logs callers that are refused.
    pub refusals: Refusals,
    /// TLS, with the name of the listener that it is of.
    pub tls: Vec<(&'static str, Arc<ServerTls>)>,
    /// A second set of policies, which observes decisions.
    pub shadow: Option<Shadow>,
    /// Logs denials.
    pub denials: Denials,
    /// Logs requests.
    pub access_log: AccessLog,
    /// The parts that operators see and change while it runs.
    pub operated: Operated,
    /// The decision log, where there is one.
    pub decision_log: Option<DecisionLog>,
    /// Begins traces, where there are any.
    pub tracer: Option<Arc<Tracer>>,
    /// The telemetry for a collector, where there is one.
    pub telemetry: Option<Arc<Telemetry>>,
}

impl App {
    /// Measures how late the workers are. It does not end.
    pub async fn follow_delay(&self) {
        let aside = || {
            let elsewhere = self.engine.state().elsewhere();
            elsewhere + self.large.waiting() + self.explanations.waiting()
        };
        self.delay.follow(aside).await;
    }

    /// A server over an engine, by the settings; it is not ready yet. The parts that need more than
    /// settings are absent, and set where they are wanted: nobody may have decisions explained, and
    /// no caller is verified, and there is no shadow and no decision log.
    #[must_use]
    pub fn new(engine: Arc<Engine>, settings: &Config, pages: Pages) -> Self {
        let server = &settings.server;
        Self {
            engine,
            metrics: Metrics::default(),
            loads: Arc::default(),
            readiness: Readiness::new(settings.reload.refused_is_unready),
            limits: Limits::new(settings),
            limits_in_force: LimitsInForce::new(settings),
            large: WorkApart::new(
                server.threads(),
                server.large_requests,
                server.worker_stack_bytes,
            ),
            explanations: WorkApart::new(EXPLANATIONS, usize::MAX, server.worker_stack_bytes),
            delay: Arc::new(WorkerDelay::new(
                server.delay,
                server.burst_time,
                server.threads(),
            )),
            plans: Plans::new(&settings.plan, &settings.limits),
            pages,
            document: Document::default(),
            explainers: Explainers::Nobody,
            authzen: Authzen::new(&settings.authzen),
            cerbos: settings.cerbos.clone(),
            gateway: Gateway::new(&settings.gateway),
            handed: HandedPlans::new(settings.gateway.plan_bytes, settings.gateway.plans_bytes),
            credentials: Credentials::default(),
            callers: None,
            refusals: Refusals::default(),
            tls: Vec::new(),
            shadow: None,
            denials: Denials::new(settings.log.decisions),
            access_log: AccessLog::new(settings.log.requests),
            operated: Operated::default(),
            decision_log: None,
            tracer: None,
            telemetry: None,
        }
    }
}
