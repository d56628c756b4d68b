//! `authorize`: one question from the command line.

use serde_json::{Value as Json, json};

use super::Exit;
use super::args::AuthorizeArgs;
use super::asking::{AnyError, action, ask, context, prepare, question_in};
use super::explain::say_explanation;
use super::output::{complain, complain_of, say};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::{Decision, Explanation, Verdict};
use peppol_authz_server::http::answer_json;

pub(super) fn run(args: &AuthorizeArgs) -> Exit {
    answer(args, false)
}

/// Decides the question, and explains the decision if it asks for that or `explain` does.
pub(super) fn answer(args: &AuthorizeArgs, explain: bool) -> Exit {
    let (config, bundle) = match prepare(&args.source, &args.policy) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let question = match question(args, &bundle, config.limits.json_depth) {
        Ok(question) => question,
        Err(text) => {
            complain_of(text);
            return Exit::Usage;
        }
    };
    let most_entities = config.limits.entities;
    let decided = ask(&config, bundle, move |engine| async move {
        let session = engine.session();
        let (question, options) = session.question(&question, most_entities)?;
        let decision = session.decide(&question, &options.demand).await?;
        let why = (explain || options.explain)
            .then(|| Explanation::of(&session.state.bundle, &question, &decision));
        Ok::<_, AnyError>((decision, why))
    });
    match decided {
        Ok((decision, why)) => {
            if args.json {
                say(answer_json(&decision, why.as_ref()))
            } else {
                say_decision(&decision);
                match &why {
                    Some(Ok(explanation)) => say_explanation(explanation),
                    // The decision stands.
                    Some(Err(error)) => complain(error),
                    None => {}
                }
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

fn question(args: &AuthorizeArgs, bundle: &Bundle, depth: usize) -> Result<Json, String> {
    if let Some(path) = &args.question {
        return question_in(path, depth);
    }
    let context = context(args.context.as_deref(), depth)?;
    Ok(json!({
        "principal": args.principal,
        "action": action(args.action.as_deref().unwrap_or_default(), bundle),
        "resource": args.resource,
        "context": context,
    }))
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
