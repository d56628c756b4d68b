//! `search`: finds the principals, resources or actions that the policies allow.

use std::num::NonZeroUsize;

use cedar_policy::EntityUid;
use serde_json::{Map, Value as Json};

use super::args::SearchArgs;
use super::asking::{action, ask, prepare};
use super::exit::{Ended, Exit};
use super::input::{context, question_in};
use super::output::{AnyError, failed, misused, say};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::{Engine, Residual, SearchPage, SearchResult, Wanted};
use peppol_authz_server::config::LimitsSettings;
use peppol_authz_server::http::search_json;

pub(super) fn run(args: &SearchArgs) -> Ended {
    let (config, bundle) = prepare(&args.source, &args.policy)?;
    let search = search(args, &bundle, config.limits.json_depth)?;
    let (limits, limit) = (config.limits.clone(), args.limit.map(NonZeroUsize::get));
    let explain = args.residual;
    let found = ask(&config, bundle, move |engine| async move {
        find(&engine, &search, &limits, limit, explain).await
    });
    let found = found.map_err(failed)?;
    if args.json {
        say(search_json(&found, args.residual));
    } else {
        if args.residual {
            say_residual_of(&found);
        }
        found.entities.iter().for_each(|uid| say_found(&found, uid));
    }
    Ok(Exit::Done)
}

/// Reads page after page, so that the limit of a page does not limit the whole.
async fn find(
    engine: &Engine,
    search: &Json,
    limits: &LimitsSettings,
    limit: Option<usize>,
    explain: bool,
) -> Result<SearchResult, AnyError> {
    let session = engine.session();
    let (wanted, demand) = Wanted::read(&session, search, limits.entities)?;
    let mut left = limit.unwrap_or(usize::MAX);
    let mut part = SearchPage {
        after: None,
        limit: left.min(limits.page),
        most: limits.candidates,
        explain,
        binds: true,
    };
    let mut found = wanted.find(&session, &part, &demand).await?;
    loop {
        left = left.saturating_sub(part.limit);
        if !found.more || left == 0 {
            return Ok(found);
        }
        part.after = found.last.clone();
        part.limit = left.min(limits.page);
        let next = wanted.find(&session, &part, &demand).await?;
        found.entities.extend(next.entities);
        found.obligations.extend(next.obligations);
        found.more = next.more;
        found.last = next.last;
        found.decided += next.decided;
        found.tenancy_revision = next.tenancy_revision;
    }
}

fn search(args: &SearchArgs, bundle: &Bundle, depth: usize) -> Result<Json, Exit> {
    if let Some(path) = &args.search {
        return question_in(path, depth).map_err(misused);
    }
    let mut search = Map::new();
    for (member, text) in [("principal", &args.principal), ("resource", &args.resource)] {
        let text = text.as_deref().unwrap_or_default();
        search.insert(member.to_owned(), entity_or_type(text));
    }
    if let Some(name) = &args.action {
        let name = action(name, bundle).map_err(failed)?;
        search.insert("action".to_owned(), name.into());
    }
    let context = context(args.context.as_deref(), depth).map_err(misused)?;
    search.insert("context".to_owned(), context);
    Ok(Json::Object(search))
}

/// A literal ends in a quote, the name of a type does not.
fn entity_or_type(text: &str) -> Json {
    if text.ends_with('"') {
        text.into()
    } else {
        serde_json::json!({"type": text})
    }
}

/// A result, with what its permit obliges to.
fn say_found(found: &SearchResult, uid: &EntityUid) {
    match found.obligations.get(uid) {
        None => say(uid),
        Some(obligations) => {
            let obligations: Vec<&str> = obligations.iter().map(|it| &**it).collect();
            say(format_args!("{uid}\tobligation {}", obligations.join(", ")));
        }
    }
}

fn say_residual_of(found: &SearchResult) {
    say_residual(&found.residual);
    if let Some(statement) = &found.residual.statement {
        say(format_args!("statement\n  {statement}"));
    }
    say(format_args!("decided {}", found.decided));
}

/// Writes what of the policies depends on the open part.
pub(super) fn say_residual(residual: &Residual) {
    if residual.permitted {
        say("permitted, whatever is looked for");
    }
    for id in &residual.denied_by {
        say(format_args!("denied by {id}, whatever is looked for"));
    }
    for policy in &residual.policies {
        say(format_args!("residual {}", policy.id));
        policy
            .text
            .lines()
            .for_each(|line| say(format_args!("  {line}")));
    }
}
