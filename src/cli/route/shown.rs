//! The questions of a request, for people and for programs.

use serde_json::{Map, Value as Json, json};

use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::cli::reasons::{reason_text, reasons_to_json};
use peppol_authz_engine::schema::record_to_json;
use peppol_authz_engine::{Draft, Drafted, RequestDecision, Verdict};

/// The questions of a request, or why there are none.
pub(super) enum ShownRoute {
    Unrouted(&'static str, String),
    Public(String),
    Asked {
        request: String,
        asks: Vec<ShownAsk>,
        decision: Option<Box<RequestDecision>>,
    },
}

/// One `ask` of the entry.
pub(super) struct ShownAsk {
    pub(super) action: String,
    pub(super) when: Vec<String>,
    pub(super) each: Vec<Drafted>,
}

// === impl ShownRoute ===

impl ShownRoute {
    /// Denied if the gateway would deny the request for the sender that the arguments name, or for
    /// every sender.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Unrouted(..) => Exit::Denied,
            Self::Public(_) => Exit::Done,
            Self::Asked {
                decision: Some(decision),
                ..
            } => match decision.verdict {
                Verdict::Allow => Exit::Done,
                Verdict::Deny => Exit::Denied,
            },
            Self::Asked { asks, .. } => {
                let refused = |drafted: &Drafted| matches!(drafted, Drafted::Refused(_));
                let possible =
                    |drafted: &Drafted| matches!(drafted, Drafted::Asked(_) | Drafted::Depends);
                let all = || asks.iter().flat_map(|ask| &ask.each);
                if all().any(refused) || !all().any(possible) {
                    Exit::Denied
                } else {
                    Exit::Done
                }
            }
        }
    }

    /// Writes it for people.
    pub(super) fn say(&self) {
        match self {
            Self::Unrouted(code, text) => say(format_args!("denied {code}: {text}")),
            Self::Public(why) => say(format_args!("public {why}")),
            Self::Asked {
                request,
                asks,
                decision,
            } => {
                say(request);
                asks.iter().for_each(ShownAsk::say);
                if let Some(decision) = decision {
                    say_decision(decision);
                }
            }
        }
    }

    /// The same for programs.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Unrouted(code, text) => {
                json!({"route": null, "reasons": [{"code": code, "message": text}]})
            }
            Self::Public(why) => json!({"route": why, "public": true}),
            Self::Asked {
                request,
                asks,
                decision,
            } => {
                let mut members = Map::new();
                members.insert("route".to_owned(), json!(request));
                let asks = asks.iter().flat_map(ShownAsk::to_json);
                members.insert("asks".to_owned(), asks.collect());
                if let Some(decision) = decision {
                    let obligations: Vec<&str> =
                        decision.obligations.iter().map(|o| &**o).collect();
                    members.insert("decision".to_owned(), json!(decision.verdict.name()));
                    members.insert("reasons".to_owned(), reasons_to_json(&decision.reasons));
                    members.insert("obligations".to_owned(), json!(obligations));
                }
                Json::Object(members)
            }
        }
    }
}

fn say_decision(decision: &RequestDecision) {
    say(decision.verdict.name());
    for reason in &decision.reasons {
        say(format_args!("  because {}", reason_text(reason)));
    }
    for obligation in &decision.obligations {
        say(format_args!("  obligation {obligation}"));
    }
}

// === impl ShownAsk ===

impl ShownAsk {
    fn say(&self) {
        for drafted in &self.each {
            say_drafted(&self.action, drafted);
        }
        for condition in &self.when {
            say(format_args!("    where {condition}"));
        }
    }

    fn to_json(&self) -> Vec<Json> {
        let each = self.each.iter();
        each.map(|drafted| drafted_to_json(&self.action, &self.when, drafted))
            .collect()
    }
}

fn say_drafted(action: &str, drafted: &Drafted) {
    match drafted {
        Drafted::Asked(draft) if draft.context.is_empty() => {
            say(format_args!("  asked {action} on {}", draft.resource));
        }
        Drafted::Asked(draft) => say(format_args!(
            "  asked {action} on {} with {}",
            draft.resource,
            record_to_json(&draft.context)
        )),
        Drafted::NotAsked => say(format_args!("  not asked {action}")),
        Drafted::Depends => say(format_args!("  depends on the store {action}")),
        Drafted::Refused(reasons) => {
            for reason in reasons {
                say(format_args!("  refused {action}: {}", reason_text(reason)));
            }
        }
    }
}

fn drafted_to_json(action: &str, when: &[String], drafted: &Drafted) -> Json {
    let mut json = json!({"action": action, "when": when});
    let (state, more) = match drafted {
        Drafted::Asked(draft) => {
            let Draft {
                resource, context, ..
            } = &**draft;
            let resource = json!({
                "type": resource.type_name().to_string(),
                "id": AsRef::<str>::as_ref(resource.id()),
            });
            let context = record_to_json(context);
            ("asked", vec![("resource", resource), ("context", context)])
        }
        Drafted::NotAsked => ("notAsked", Vec::new()),
        Drafted::Depends => ("dependsOnStore", Vec::new()),
        Drafted::Refused(reasons) => ("refused", vec![("reasons", reasons_to_json(reasons))]),
    };
    if let Json::Object(members) = &mut json {
        members.insert("state".to_owned(), json!(state));
        for (name, value) in more {
            members.insert(name.to_owned(), value);
        }
    }
    json
}
