//! `authorize`: one question from the command line.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Exit;
use super::args::AuthorizeArgs;
use super::output::{complain, complain_of, say};
use super::policies::{load_policies, runtime};
use super::source::open;
use crate::config::{Config, MIN_WORKER_STACK_BYTES};
use crate::engine::{Decision, Engine, EngineOptions, Verdict};
use crate::http::answer_json;
use crate::policy::Bundle;
use crate::schema::parse_json;
use crate::slice::Freshness;

pub(super) fn run(args: &AuthorizeArgs) -> Exit {
    let config = match Config::load(&args.source.flags()) {
        Ok(config) => config,
        Err(error) => {
            complain(&error);
            return Exit::Usage;
        }
    };
    let mut policy = args.policy.for_author();
    policy.policies = policy.policies.or_else(|| config.policies.clone());
    policy.schema = policy.schema.or_else(|| config.schema.clone());
    let loaded = load_policies(policy.policies.as_deref(), policy.schema.as_deref());
    let bundle = match loaded {
        Ok((_, bundle)) => bundle,
        Err(exit) => return exit,
    };
    let question = match question(args, &bundle, config.limits.json_depth) {
        Ok(question) => question,
        Err(text) => {
            complain_of(text);
            return Exit::Usage;
        }
    };
    match decide(&config, bundle, &question) {
        Ok(decision) => {
            if args.json {
                say(answer_json(&decision))
            } else {
                say_decision(&decision)
            }
            if decision.verdict == Verdict::Allow {
                Exit::Done
            } else {
                Exit::Denied
            }
        }
        Err(error) => {
            complain(&*error);
            Exit::Failed
        }
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn decide(config: &Config, bundle: Arc<Bundle>, question: &Json) -> Result<Decision, AnyError> {
    let (store, _) = open(config)?;
    let options = EngineOptions {
        cache_bytes: 0,
        freshness: Freshness::EACH,
    };
    let engine = Engine::new(store, bundle, options)?;
    let runtime = runtime(1, MIN_WORKER_STACK_BYTES)?;
    let most_entities = config.limits.entities;
    let question = question.clone();
    // On a worker, whose stack is as large as a server's.
    let decided = runtime.block_on(runtime.spawn(async move {
        let session = engine.session();
        let question = session.question(&question, most_entities)?;
        Ok::<_, AnyError>(session.decide(&question).await?)
    }));
    decided?
}

fn question(args: &AuthorizeArgs, bundle: &Bundle, depth: usize) -> Result<Json, String> {
    if let Some(path) = &args.question {
        let text = read(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        return parse_json(&text, depth).map_err(|error| format!("`{}`: {error}", path.display()));
    }
    let context = match &args.context {
        Some(text) => {
            parse_json(text.as_bytes(), depth).map_err(|error| format!("`--context`: {error}"))?
        }
        None => json!({}),
    };
    let action = args.action.as_deref().unwrap_or_default();
    // A bare name, where only one namespace has it.
    let mut named = bundle
        .schema
        .actions()
        .into_iter()
        .filter(|found| AsRef::<str>::as_ref(found.uid.id()) == action);
    let action = match (named.next(), named.next()) {
        (Some(found), None) => found.uid.to_string(),
        _ => action.to_owned(),
    };
    Ok(json!({
        "principal": args.principal,
        "action": action,
        "resource": args.resource,
        "context": context,
    }))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(path)
}

fn say_decision(decision: &Decision) {
    say(decision.verdict.name());
    for reason in &decision.reasons {
        let parts: Vec<&str> = [&reason.code, &reason.rule, &reason.policy, &reason.message]
            .into_iter()
            .filter_map(|part| part.as_deref())
            .collect();
        say(format_args!("  because {}", parts.join("  ")));
    }
    decision
        .errors
        .iter()
        .for_each(|error| say(format_args!("  error {error}")));
    decision
        .obligations
        .iter()
        .for_each(|obligation| say(format_args!("  obligation {obligation}")));
    say(format_args!("policyRevision {}", decision.policy_revision));
    say(format_args!(
        "tenancyRevision {}",
        decision.tenancy_revision
    ));
}
