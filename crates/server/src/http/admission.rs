//! The first thing that is found out of a request: who asks, and whether it is let in.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};

use super::app::App;
use super::metrics::CallerResult;
use super::problem::Problem;
use super::readiness::PROBES;
use crate::callers::{
    Asked, Caller, CallerAction, CallerPolicies, Callers, Connected, Identified, ReachedLimit,
    Running, SeenOfAsked,
};

/// The header by which a caller shows a key or a token where `Authorization` is that of somebody else, as at
/// the endpoints of gateways.
static OWN_HEADER: HeaderName = HeaderName::from_static("sidecar-authorization");

/// The pages of the console, all of them.
pub(super) const CONSOLE: &str = "/console";

/// The reason why a caller that shows nothing is refused.
const NOT_KNOWN: &str = "it is not known";

/// A request that is let in.
pub(super) struct Admitted {
    pub(super) caller: Arc<Caller>,
    #[expect(dead_code, reason = "held for its drop")]
    running: Option<Running>,
}

impl App {
    /// Lets a request in.
    ///
    /// # Errors
    /// A caller that is not known where it has to be, one that has reached a limit, and one that may not
    /// have this path.
    pub(super) async fn admit(
        &self,
        connected: Arc<Connected>,
        headers: &HeaderMap,
        path: &'static str,
        is_gateway: bool,
    ) -> Result<Admitted, Problem> {
        let shown = shown(headers, is_gateway);
        self.admit_by(connected, shown, path, is_gateway).await
    }

    /// The same by a key or a token that stands in no header.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn admit_by(
        &self,
        connected: Arc<Connected>,
        shown: Option<&str>,
        path: &'static str,
        is_gateway: bool,
    ) -> Result<Admitted, Problem> {
        let Some(callers) = &self.callers else {
            let caller = connected.caller();
            return match caller.is_local {
                true => Ok(Admitted {
                    caller: Arc::clone(caller),
                    running: None,
                }),
                false => Err(Problem::CallerUnknown),
            };
        };
        let Identified {
            caller,
            refused,
            is_unverifiable,
        } = callers.identify(&connected, shown).await;
        if let Some(refused) = refused {
            tracing::debug!(
                reason = refused.reason,
                "a caller's credential is not accepted"
            );
        }
        if PROBES.contains(&path) {
            return Ok(Admitted {
                caller,
                running: None,
            });
        }
        let told = |reason: &'static str, result, problem| {
            self.refuse(&caller, path, reason, result);
            Err(problem)
        };
        if !callers.admits(&caller) {
            return match (is_unverifiable, is_gateway) {
                (true, _) => told(
                    "its token cannot be verified at present",
                    CallerResult::Unknown,
                    Problem::KeysUnavailable("a caller's token cannot be verified".to_owned()),
                ),
                // A 401 would go on to the gateway's client, who cannot do anything about it.
                (false, true) => told(
                    NOT_KNOWN,
                    CallerResult::Unknown,
                    Problem::CallerNotAllowed(NOT_KNOWN),
                ),
                (false, false) => told(NOT_KNOWN, CallerResult::Unknown, Problem::CallerUnknown),
            };
        }
        let running = match callers.enter(&caller) {
            Ok(running) => running,
            Err(ReachedLimit::Rate(seconds)) => {
                return told(
                    "it asks too often",
                    CallerResult::TooOften,
                    Problem::TooOften(seconds),
                );
            }
            Err(ReachedLimit::Concurrency) => {
                return told(
                    "it asks too much at once",
                    CallerResult::TooMuch,
                    Problem::TooMuchAtOnce,
                );
            }
        };
        if let Some((action, path)) = operation(path) {
            self.permits(&caller, action, Asked::Path(path))?;
        }
        self.metrics.callers.let_in(&caller);
        Ok(Admitted {
            caller,
            running: Some(running),
        })
    }

    /// Checks that a caller may ask something.
    ///
    /// # Errors
    /// The policies of callers do not permit it.
    pub(super) fn permits(
        &self,
        caller: &Arc<Caller>,
        action: CallerAction,
        asked: Asked,
    ) -> Result<(), Problem> {
        let (policies, place) = (self.policies_of_callers(), asked.place());
        self.permits_by(policies.as_deref(), (caller, place), action, |_| asked)
    }

    /// The policies of callers in force, if callers are known.
    pub(super) fn policies_of_callers(&self) -> Option<Arc<CallerPolicies>> {
        self.callers.as_ref().map(Callers::policies)
    }

    /// Checks by policies of callers that one may ask something at a place.
    ///
    /// # Errors
    /// They do not permit it.
    pub(super) fn permits_by(
        &self,
        policies: Option<&CallerPolicies>,
        (caller, place): (&Arc<Caller>, &'static str),
        action: CallerAction,
        ask: impl FnOnce(SeenOfAsked) -> Asked,
    ) -> Result<(), Problem> {
        let is_permitted = match policies {
            Some(policies) => policies.permit(caller, action, ask),
            None => {
                let by_setting = |asked| matches!(asked, Asked::Question { allowed_by_setting, .. } if allowed_by_setting == Some(true));
                caller.is_local
                    && (action != CallerAction::Explain || by_setting(ask(SeenOfAsked::default())))
            }
        };
        if is_permitted {
            return Ok(());
        }
        let reason = match action {
            CallerAction::Decide => "it may not have this decided",
            CallerAction::Search => "it may not search this",
            CallerAction::Plan => "it may not have this planned",
            CallerAction::Explain => "it may not have this explained",
            CallerAction::Metrics => "it may not have metrics",
            CallerAction::Admin => "it may not use the endpoints of operators",
            CallerAction::Console => "it may not use the console",
        };
        self.refuse(caller, place, reason, CallerResult::NotPermitted);
        Err(match action {
            CallerAction::Explain => Problem::ExplainNotAllowed,
            _ => Problem::CallerNotAllowed(reason),
        })
    }

    /// True if a caller may know why the program is not ready.
    pub(super) fn tells_reasons(&self, caller: &Arc<Caller>) -> bool {
        let asked = Asked::Path("/readyz");
        match &self.callers {
            Some(callers) => {
                callers.admits(caller) && callers.permit(caller, CallerAction::Admin, asked)
            }
            None => caller.is_local,
        }
    }

    /// True if a caller may ask something. No refusal is counted: nobody has asked for it yet.
    pub(super) fn would_permit(
        &self,
        caller: &Arc<Caller>,
        action: CallerAction,
        path: &'static str,
    ) -> bool {
        match &self.callers {
            Some(callers) => callers.permit(caller, action, Asked::Path(path)),
            None => caller.is_local,
        }
    }

    /// Counts a refusal and logs it: a few of each kind, however many there are.
    fn refuse(
        &self,
        caller: &Caller,
        place: &'static str,
        reason: &'static str,
        result: CallerResult,
    ) {
        self.metrics.callers.refused(&caller.id, result);
        self.refusals.tell(caller, place, reason);
    }
}

/// The text behind `Bearer ` of the one header that counts.
fn shown(headers: &HeaderMap, is_gateway: bool) -> Option<&str> {
    let own = || one(headers, &OWN_HEADER);
    // Behind a gateway the other one is that of its client.
    match is_gateway {
        true => own(),
        false => own().or_else(|| one(headers, &AUTHORIZATION)),
    }
}

/// A header that is sent twice counts as unset.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut sent = headers.get_all(name).iter();
    let (Some(sent), None) = (sent.next(), sent.next()) else {
        return None;
    };
    let (scheme, text) = sent.to_str().ok()?.split_once(' ')?;
    let text = text.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !text.is_empty()).then_some(text)
}

/// The action of an operator's path.
pub(super) fn operation(path: &'static str) -> Option<(CallerAction, &'static str)> {
    match path {
        "/metrics" => Some((CallerAction::Metrics, path)),
        "/openapi.json" | "/version" | "/debug/config" | "/admin/reload" | "/admin/log-filter"
        | "/v1/policies" | "/v1/policies/{id}" | "/v1/schema" | "/v1/data" => {
            Some((CallerAction::Admin, path))
        }
        CONSOLE => Some((CallerAction::Console, path)),
        _ => None,
    }
}
