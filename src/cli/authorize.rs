//! `authorize`: decides one question from the command line.

mod explanation;

use std::sync::Arc;

use cedar_policy::PolicyId;
use serde_json::{Value as Json, json};

use super::args::AuthorizeArgs;
use super::asking::{action, ask, prepare};
use super::entity_argument::{EntityPlace, entity_argument};
use super::exit::{Ended, Exit};
use super::input::{context, question_in};
use super::output::{AnyError, complain, failed, misused, say};
use super::reasons::reason_text;
use explanation::say_explanation;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::{Decision, Explanation, Verdict};
use peppol_authz_server::http::answer_json;

pub(super) fn run(args: &AuthorizeArgs) -> Ended {
    answer(args, false)
}

/// Decides a question, and explains the decision if the question or `explain` asks for that.
pub(super) fn answer(args: &AuthorizeArgs, explain: bool) -> Ended {
    let (config, bundle) = prepare(&args.source, &args.policy)?;
    let question = question(args, &bundle, config.limits.json_depth)?;
    let most_entities = config.limits.entities;
    let own = Arc::clone(&bundle);
    let decided = ask(&config, bundle, move |engine| async move {
        let session = engine.session();
        let (question, options) = session.question(&question, most_entities)?;
        let decision = session.decide(&question, &options.demand).await?;
        let why = (explain || options.explain)
            .then(|| Explanation::of(&session.state.bundle, &question, &decision));
        Ok::<_, AnyError>((decision, why))
    });
    let (decision, why) = decided.map_err(failed)?;
    if args.json {
        say(answer_json(&decision, why.as_ref()));
    } else {
        say_decision(&decision, &own);
        match &why {
            Some(Ok(explanation)) => say_explanation(explanation),
            // The decision stands.
            Some(Err(error)) => complain(error),
            None => {}
        }
    }
    Ok(match decision.verdict {
        Verdict::Allow => Exit::Done,
        Verdict::Deny => Exit::Denied,
    })
}

fn question(args: &AuthorizeArgs, bundle: &Bundle, depth: usize) -> Result<Json, Exit> {
    if let Some(path) = &args.question {
        return question_in(path, depth).map_err(misused);
    }
    let context = context(args.context.as_deref(), depth).map_err(misused)?;
    let name = args.action.as_deref().unwrap_or_default();
    let action = action(name, bundle).map_err(failed)?;
    let of = action.parse().ok();
    let of = of.and_then(|uid| bundle.schema.action(&uid));
    for (member, text, place) in [
        ("principal", &args.principal, EntityPlace::Principal),
        ("resource", &args.resource, EntityPlace::Resource),
    ] {
        let text = text.as_deref().unwrap_or_default();
        entity_argument(member, text, &bundle.schema, of, place).map_err(failed)?;
    }
    Ok(json!({
        "principal": args.principal,
        "action": action,
        "resource": args.resource,
        "context": context,
    }))
}

fn say_decision(decision: &Decision, bundle: &Bundle) {
    say(decision.verdict.name());
    for reason in &decision.reasons {
        let place = reason.policy.as_deref();
        let place = place.and_then(|id| place_of_unnamed(id, bundle));
        let place = place.map_or_else(String::new, |place| format!("  {place}"));
        say(format_args!("  because {}{place}", reason_text(reason)));
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

/// The place of a policy without `@id`: its number says little to who looks for it.
fn place_of_unnamed(id: &str, bundle: &Bundle) -> Option<String> {
    let info = bundle.policy(&PolicyId::new(id))?;
    let is_unnamed = info.link.is_none() && info.policy.annotation("id").is_none();
    let (line, _) = info.file.place(info.place.start);
    is_unnamed.then(|| format!("{}:{line}", info.file.name))
}
