//! `route`: what a request to a gateway is asked as.

use std::path::Path;
use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::{Map, Value as Json, json};

use super::Exit;
use super::args::RouteArgs;
use super::asking::{AnyError, ask_over, prepare, read};
use super::output::{complain, complain_of, say};
use super::source::open;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::policy::routes::Route;
use peppol_authz_engine::schema::{Designation, parse_json, record_to_json};
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::store::{EntitiesFile, Store};
use peppol_authz_engine::{
    Body, Draft, Drafted, Engine, HttpRequest, Members, Reason, RequestDecision, RequestLimits,
    Routed, Unrouted, Verdict,
};

/// The request, as the arguments describe it.
struct Given {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    claims: Option<Members>,
    body: Option<Vec<u8>>,
    who: Option<Designation>,
    limits: RequestLimits,
    /// Whether there is a store to look at.
    stored: bool,
}

/// What became of it.
enum Shown {
    Unrouted(&'static str, String),
    Public(String),
    Asked {
        request: String,
        asks: Vec<ShownAsk>,
        decision: Option<Box<RequestDecision>>,
    },
}

/// One `ask` of the entry.
struct ShownAsk {
    action: String,
    when: Vec<String>,
    each: Vec<Drafted>,
}

pub(super) fn run(args: &RouteArgs) -> Exit {
    let (config, bundle) = match prepare(&args.source, &args.policy) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let limits = RequestLimits {
        json_depth: config.limits.json_depth,
        questions: config.limits.batch,
        candidates: config.limits.candidates,
    };
    let given = match given(args, &bundle, limits) {
        Ok(given) => given,
        Err(text) => {
            complain_of(text);
            return Exit::Usage;
        }
    };
    let store = if given.stored {
        open(&config).map(|(store, _)| store)
    } else {
        // Of which nothing is ever asked.
        EntitiesFile::parse(b"[]").map(|empty| Arc::new(empty) as Arc<dyn Store>)
    };
    let shown = store.map_err(AnyError::from).and_then(|store| {
        ask_over(store, bundle, move |engine| async move {
            show(&engine, &given).await
        })
    });
    match shown {
        Ok(shown) => {
            if args.json {
                say(to_json(&shown));
            } else {
                say_shown(&shown);
            }
            exit_of(&shown)
        }
        Err(error) => {
            complain(&*error);
            Exit::Failed
        }
    }
}

fn given(args: &RouteArgs, bundle: &Bundle, limits: RequestLimits) -> Result<Given, String> {
    let depth = limits.json_depth;
    let mut headers = Vec::new();
    for header in &args.headers {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("`--header`: `{header}` is no `NAME: VALUE`"))?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let claims = match &args.claims {
        None => None,
        Some(text) => match parse_json(text.as_bytes(), depth) {
            Ok(Json::Object(claims)) => Some(claims),
            Ok(_) => return Err("`--claims`: an object is wanted".to_owned()),
            Err(error) => return Err(format!("`--claims`: {error}")),
        },
    };
    let is_kind = |(name, _): &(String, String)| name == "content-type";
    if args.body.is_some() && !headers.iter().any(is_kind) {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let from_file = |path: &Path| read(path).map_err(|e| format!("`{}`: {e}", path.display()));
    let body = args.body.as_deref().map(from_file).transpose()?;
    let who = match &args.principal {
        None => None,
        Some(literal) => {
            let uid: Result<EntityUid, _> = bundle.schema.entity(&Json::String(literal.clone()));
            let uid = uid.map_err(|misfit| format!("`--principal`: {misfit}"))?;
            Some(Designation {
                kind: uid.type_name().to_string(),
                attribute: None,
                value: AsRef::<str>::as_ref(uid.id()).to_owned(),
            })
        }
    };
    if who.is_some() && args.source.tenancy.is_none() {
        return Err("`--principal` needs `--tenancy`, which says who that is".to_owned());
    }
    Ok(Given {
        method: args.method.clone(),
        target: args.target.clone(),
        headers,
        claims,
        body,
        who,
        limits,
        stored: args.source.tenancy.is_some(),
    })
}

async fn show(engine: &Engine, given: &Given) -> Result<Shown, AnyError> {
    let session = engine.session();
    let routed = match Routed::find(&session, &given.method, &given.target) {
        Ok(routed) => routed,
        Err(Unrouted::NoRoute) => {
            let text = "no entry of the table matches it".to_owned();
            return Ok(Shown::Unrouted("ROUTE_UNKNOWN", text));
        }
        Err(Unrouted::Unreadable(misfit)) => {
            return Ok(Shown::Unrouted("PATH_UNREADABLE", misfit.to_string()));
        }
    };
    let route: &Route = routed.route();
    if let Some(why) = &route.public {
        return Ok(Shown::Public(format!("{}: {why}", route.request)));
    }
    let headers = |name: &str| {
        let named = given.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_bytes()).collect()
    };
    let request = HttpRequest {
        headers: &headers,
        claims: given.claims.as_ref(),
        body: match &given.body {
            Some(text) => Body::Text(text),
            None => Body::NotSent,
        },
    };
    let demand = Demand::default();
    let stored = given.stored.then_some(&demand);
    let drafted = routed.drafts(&request, &given.limits, stored).await?;
    let mut asks: Vec<ShownAsk> = Vec::new();
    for (ask, each) in route.asks.iter().zip(drafted) {
        asks.push(ShownAsk {
            action: AsRef::<str>::as_ref(ask.action.id()).to_owned(),
            when: ask.when.iter().map(ToString::to_string).collect(),
            each,
        });
    }
    let decision = match &given.who {
        Some(who) => {
            let limits = &given.limits;
            let decided = routed.decide(&request, who, limits, &demand);
            Some(Box::new(decided.await?))
        }
        None => None,
    };
    Ok(Shown::Asked {
        request: route.request.to_string(),
        asks,
        decision,
    })
}

/// Denied where the gateway would deny it whoever asks, or whom the arguments name.
fn exit_of(shown: &Shown) -> Exit {
    match shown {
        Shown::Unrouted(..) => Exit::Denied,
        Shown::Public(_) => Exit::Done,
        Shown::Asked {
            decision: Some(decision),
            ..
        } => match decision.verdict {
            Verdict::Allow => Exit::Done,
            Verdict::Deny => Exit::Denied,
        },
        Shown::Asked { asks, .. } => {
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

fn say_shown(shown: &Shown) {
    match shown {
        Shown::Unrouted(code, text) => say(format_args!("denied {code}: {text}")),
        Shown::Public(why) => say(format_args!("public {why}")),
        Shown::Asked {
            request,
            asks,
            decision,
        } => {
            say(request);
            for ask in asks {
                for drafted in &ask.each {
                    say_drafted(&ask.action, drafted);
                }
                for condition in &ask.when {
                    say(format_args!("    where {condition}"));
                }
            }
            if let Some(decision) = decision {
                say(decision.verdict.name());
                for reason in &decision.reasons {
                    say(format_args!("  because {}", in_words(reason)));
                }
                for obligation in &decision.obligations {
                    say(format_args!("  obligation {obligation}"));
                }
            }
        }
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
                say(format_args!("  refused {action}: {}", in_words(reason)));
            }
        }
    }
}

fn in_words(reason: &Reason) -> String {
    let parts = [&reason.code, &reason.rule, &reason.policy, &reason.message];
    let parts: Vec<&str> = parts
        .into_iter()
        .filter_map(|part| part.as_deref())
        .collect();
    parts.join("  ")
}

fn to_json(shown: &Shown) -> Json {
    match shown {
        Shown::Unrouted(code, text) => {
            json!({"route": null, "reasons": [{"code": code, "message": text}]})
        }
        Shown::Public(why) => json!({"route": why, "public": true}),
        Shown::Asked {
            request,
            asks,
            decision,
        } => {
            let mut members = Map::new();
            members.insert("route".to_owned(), json!(request));
            let asks = asks.iter().flat_map(|ask| {
                let each = ask.each.iter();
                each.map(|drafted| drafted_to_json(&ask.action, &ask.when, drafted))
            });
            members.insert("asks".to_owned(), asks.collect());
            if let Some(decision) = decision {
                let obligations: Vec<&str> = decision.obligations.iter().map(|o| &**o).collect();
                members.insert("decision".to_owned(), json!(decision.verdict.name()));
                members.insert("reasons".to_owned(), reasons_to_json(&decision.reasons));
                members.insert("obligations".to_owned(), json!(obligations));
            }
            Json::Object(members)
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

fn reasons_to_json(reasons: &[Reason]) -> Json {
    let each = reasons.iter().map(|reason| {
        json!({
            "code": reason.code.as_deref(),
            "rule": reason.rule.as_deref(),
            "policy": reason.policy.as_deref(),
            "message": reason.message.as_deref(),
        })
    });
    each.collect()
}
