//! `route`: shows the questions that a request to a gateway becomes.

mod shown;

use std::sync::Arc;

use serde_json::Value as Json;

use super::args::RouteArgs;
use super::asking::{ask_over, prepare};
use super::entity_argument::{EntityPlace, entity_argument};
use super::exit::Ended;
use super::input::read;
use super::output::{AnyError, failed, misused, say};
use super::source::{FileUse, open};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::policy::routes::Route;
use peppol_authz_engine::schema::{Designation, parse_json};
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::store::{EntitiesFile, Store};
use peppol_authz_engine::{Body, Engine, HttpRequest, Members, RequestLimits, Routed, Unrouted};
use shown::{ShownAsk, ShownRoute};

/// A request, as the arguments describe it.
struct GivenRequest {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    claims: Option<Members>,
    body: Option<Vec<u8>>,
    who: Option<Designation>,
    limits: RequestLimits,
    /// True if there is a store to read.
    stored: bool,
}

pub(super) fn run(args: &RouteArgs) -> Ended {
    let (config, bundle) = prepare(&args.source, &args.policy)?;
    let limits = RequestLimits {
        json_depth: config.limits.json_depth,
        questions: config.limits.batch,
        questions_bytes: config.limits.batch_bytes,
        candidates: config.limits.candidates,
    };
    let given = given(args, &bundle, limits).map_err(misused)?;
    let store = if given.stored {
        open(&config, FileUse::ReadOnce).map(|(store, _)| store)
    } else {
        // Nothing is ever asked of it.
        EntitiesFile::parse(b"[]")
            .map(|empty| Arc::new(empty.leaving_out_links()) as Arc<dyn Store>)
    };
    let store = store.map_err(failed)?;
    let shown = ask_over(store, bundle, move |engine| async move {
        show(&engine, &given).await
    });
    let shown = shown.map_err(failed)?;
    if args.json {
        say(shown.to_json());
    } else {
        shown.say();
    }
    Ok(shown.exit())
}

fn given(args: &RouteArgs, bundle: &Bundle, limits: RequestLimits) -> Result<GivenRequest, String> {
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
    let body = args.body.as_deref().map(read).transpose()?;
    let who = args.principal.as_deref();
    let who = who
        .map(|literal| designation(literal, bundle))
        .transpose()?;
    Ok(GivenRequest {
        method: args.method.clone(),
        target: args.target.clone(),
        headers,
        claims,
        body,
        // The store says who that is.
        stored: who.is_some() || args.source.tenancy.is_some(),
        who,
        limits,
    })
}

fn designation(literal: &str, bundle: &Bundle) -> Result<Designation, String> {
    let place = EntityPlace::Principal;
    let uid = entity_argument("--principal", literal, &bundle.schema, None, place)?;
    Ok(Designation {
        kind: uid.type_name().to_string(),
        attribute: None,
        value: AsRef::<str>::as_ref(uid.id()).to_owned(),
    })
}

async fn show(engine: &Engine, given: &GivenRequest) -> Result<ShownRoute, AnyError> {
    let session = engine.session();
    let routed = match Routed::find(&session, &given.method, &given.target) {
        Ok(routed) => routed,
        Err(Unrouted::NoRoute) => {
            let text = "no entry of the table matches it".to_owned();
            return Ok(ShownRoute::Unrouted("ROUTE_UNKNOWN", text));
        }
        Err(Unrouted::Denied(why)) => {
            let text = format!("the table denies it: {why}");
            return Ok(ShownRoute::Unrouted("ROUTE_UNKNOWN", text));
        }
        Err(Unrouted::Unreadable(misfit)) => {
            return Ok(ShownRoute::Unrouted("PATH_UNREADABLE", misfit.to_string()));
        }
    };
    let route: &Route = routed.route();
    if let Some(why) = &route.public {
        return Ok(ShownRoute::Public(format!("{}: {why}", route.request)));
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
    Ok(ShownRoute::Asked {
        request: route.request.to_string(),
        asks,
        decision,
    })
}
