//! Metrics of questions: decisions, searches, malformed questions, answers to gateways.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::added::added;
use super::seconds::histogram;
use peppol_authz_engine::{Decision, Failure, RowPlan, SearchResult};

/// Upper bounds of candidates that were decided for one page.
const CANDIDATES: [f64; 7] = [0.0, 1.0, 10.0, 1e2, 1e3, 1e4, 1e5];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    action: String,
    decision: &'static str,
    /// The codes of a denial, with commas between; empty for an Allow.
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MalformedLabel {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GatewayLabels {
    endpoint: &'static str,
    status: u16,
    /// Of a denial; empty where it is allowed.
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SearchResultLabel {
    result: &'static str,
}

/// Metrics of questions.
#[derive(Debug)]
pub(in crate::http) struct QuestionMetrics {
    decisions: Family<DecisionLabels, Counter>,
    decision_seconds: Histogram,
    searches: Family<SearchResultLabel, Counter>,
    search_candidates: Histogram,
    plans: Family<SearchResultLabel, Counter>,
    malformed: Family<MalformedLabel, Counter>,
    gateway_answers: Family<GatewayLabels, Counter>,
    store_failures: Counter,
}

impl QuestionMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            decisions: added(
                registry,
                "decisions",
                "Decisions, by action, decision and codes",
                Family::default(),
            ),
            decision_seconds: added(
                registry,
                "decision_duration_seconds",
                "Time from the text of a question to its decision",
                histogram(),
            ),
            searches: added(
                registry,
                "searches",
                "Searches, by result",
                Family::default(),
            ),
            search_candidates: added(
                registry,
                "search_candidates",
                "Candidates that were decided for a page of a search",
                Histogram::new(CANDIDATES),
            ),
            plans: added(registry, "plans", "Plans, by result", Family::default()),
            malformed: added(
                registry,
                "malformed",
                "Malformed questions, by code",
                Family::default(),
            ),
            gateway_answers: added(
                registry,
                "gateway_answers",
                "Answers to gateways, by endpoint, status and code",
                Family::default(),
            ),
            store_failures: added(
                registry,
                "store_failures",
                "Questions that the tenancy store could not serve",
                Counter::default(),
            ),
        }
    }

    pub(in crate::http) fn decided(&self, action: &str, decision: &Decision, elapsed: Duration) {
        let codes: Vec<&str> = decision
            .reasons
            .iter()
            .filter_map(|reason| reason.code.as_deref())
            .collect();
        let labels = DecisionLabels {
            action: action.to_owned(),
            decision: decision.verdict.name(),
            code: codes.join(","),
        };
        self.decisions.get_or_create(&labels).inc();
        self.decision_seconds.observe(elapsed.as_secs_f64());
    }

    pub(in crate::http) fn malformed(&self, code: &'static str) {
        self.malformed.get_or_create(&MalformedLabel { code }).inc();
    }

    pub(in crate::http) fn answered_gateway(
        &self,
        endpoint: &'static str,
        status: u16,
        code: &str,
    ) {
        let labels = GatewayLabels {
            endpoint,
            status,
            code: code.to_owned(),
        };
        self.gateway_answers.get_or_create(&labels).inc();
    }

    pub(in crate::http) fn searched(&self, found: &Result<SearchResult, Failure>) {
        let result = match found {
            Ok(found) => {
                let decided = u32::try_from(found.decided).unwrap_or(u32::MAX);
                self.search_candidates.observe(decided.into());
                "answered"
            }
            Err(Failure::TooWide(_)) => "too_wide",
            Err(Failure::Overloaded) => "overloaded",
            Err(_) => {
                self.store_failed();
                "failed"
            }
        };
        self.searches
            .get_or_create(&SearchResultLabel { result })
            .inc();
    }

    pub(in crate::http) fn planned(&self, plan: &Result<RowPlan, Failure>) {
        let result = match plan {
            Ok(plan) => plan.kind(),
            Err(Failure::PlanTooWide { .. }) => "too_wide",
            Err(Failure::NotExact { .. }) => "not_exact",
            Err(Failure::Overloaded) => "overloaded",
            Err(_) => {
                self.store_failed();
                "failed"
            }
        };
        self.plans
            .get_or_create(&SearchResultLabel { result })
            .inc();
    }

    pub(in crate::http) fn store_failed(&self) {
        self.store_failures.inc();
    }
}
