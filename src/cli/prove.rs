//! `prove`: invariants, for all requests and entities of the schema.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Exit;
use super::args::ProveArgs;
use super::asking::AnyError;
use super::output::{complain, complain_of, say, show};
use super::policies::runtime;
use peppol_authz_author::proof::{
    CaseError, Counterexample, Finding, Invariant, ProofOptions, Proved, Prover, Statement, Wrong,
    never_fails, prove, read_invariants, write_case,
};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_server::config::MIN_WORKER_STACK_BYTES;

/// What is proved beside the invariants.
const NEVER_FAILS: &str = "no-policy-fails";

pub(super) fn run(args: &ProveArgs) -> Exit {
    let policy = args.policy.for_author();
    let (sources, bundle) = match policy.load() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let mut invariants = match read_invariants(policy.policies.as_deref(), &sources) {
        Ok(Ok(invariants)) => invariants,
        Ok(Err(faults)) => {
            show(faults);
            return Exit::Invalid;
        }
        Err(error) => {
            complain(&error);
            return Exit::Failed;
        }
    };
    if invariants.is_empty() && args.names.is_empty() {
        // A directory that is called otherwise must not pass for years.
        complain_of("there are no invariants, in `invariants/` beside the policies");
        return Exit::Failed;
    }
    for name in &args.names {
        if name != NEVER_FAILS && !invariants.iter().any(|known| *known.name == **name) {
            complain_of(format_args!("there is no invariant `{name}`"));
            return Exit::Usage;
        }
    }
    let wanted = |name: &str| args.names.is_empty() || args.names.iter().any(|n| n == name);
    invariants.retain(|invariant| wanted(&invariant.name));
    let fails_too = wanted(NEVER_FAILS);
    let options = ProofOptions {
        timeout: args.solver.timeout,
    };
    let all = in_worker(async move { prove_all(options, &bundle, &invariants, fails_too).await });
    let all = match all {
        Ok(all) => all,
        Err(error) => {
            complain(&*error);
            return Exit::Failed;
        }
    };
    let mut is_written = true;
    for proved in &all {
        // What cannot be written is said all the same.
        let mut written = Vec::new();
        for case in args.write.iter().flat_map(|to| write_all(to, proved)) {
            match case {
                Ok(path) => written.push(path.display().to_string()),
                Err(error) => {
                    complain(&error);
                    is_written = false;
                }
            }
        }
        if args.json {
            say(to_json(proved, &written));
        } else {
            say_proved(proved);
            written
                .iter()
                .for_each(|path| say(format_args!("  written to {path}")));
        }
    }
    let (count, open) = (all.len(), all.iter().filter(|p| !p.holds()).count());
    if !args.json {
        let s = plural(count);
        say(format_args!("{count} invariant{s}, {open} not proved"));
    }
    match (is_written, open) {
        (false, _) => Exit::Failed,
        (true, 0) => Exit::Done,
        (true, _) => Exit::TestFailed,
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// On a worker, whose stack is as large as a server's.
pub(super) fn in_worker<T: Send + 'static>(
    work: impl Future<Output = Result<T, AnyError>> + Send + 'static,
) -> Result<T, AnyError> {
    let runtime = runtime(1, MIN_WORKER_STACK_BYTES)?;
    runtime.block_on(runtime.spawn(work))?
}

async fn prove_all(
    options: ProofOptions,
    bundle: &Arc<Bundle>,
    invariants: &[Invariant],
    fails_too: bool,
) -> Result<Vec<Proved>, AnyError> {
    let mut prover = Prover::start(options)?;
    let mut all = Vec::new();
    if fails_too {
        all.push(never_fails(&mut prover, bundle).await?);
    }
    for invariant in invariants {
        all.push(prove(&mut prover, bundle, invariant).await?);
    }
    Ok(all)
}

fn write_all(directory: &Path, proved: &Proved) -> Vec<Result<PathBuf, CaseError>> {
    let mut written = Vec::new();
    for (number, finding) in (1..).zip(&proved.findings) {
        if let Wrong::Refuted(found) = &finding.wrong {
            let name = format!("{}-{number}", proved.name);
            let text = &proved.text;
            written.push(write_case(directory, &name, text, found, &finding.wanted));
        }
    }
    written
}

fn say_proved(proved: &Proved) {
    let rule = proved.rule.as_deref();
    let rule = rule.map_or_else(String::new, |rule| format!(" ({rule})"));
    let (name, kinds) = (&proved.name, proved.kinds);
    let (seconds, s) = (proved.elapsed.as_secs_f64(), plural(kinds));
    if proved.holds() {
        say(format_args!(
            "proved {name}{rule}: {kinds} kind{s} of request, {seconds:.2} s"
        ));
        return;
    }
    let statement = proved.statement.map_or("", Statement::name);
    let text = &proved.text;
    say(format_args!("FAILED {name}{rule} {statement}: {text}"));
    proved.findings.iter().for_each(say_finding);
}

fn say_finding(finding: &Finding) {
    let kind = finding.kind.as_ref();
    let kind = kind.map_or_else(String::new, |kind| format!(": {kind}"));
    match &finding.wrong {
        Wrong::Refuted(found) => say(format_args!("  refuted{kind}\n{found}")),
        Wrong::Unconfirmed(found) => say(format_args!(
            "  refuted by the solver, and not confirmed by the engine{kind}\n{found}"
        )),
        Wrong::NotProved(error) => say(format_args!("  not proved{kind}: {error}")),
        Wrong::Empty(ids) => say(format_args!(
            "  about no request at all: `{}`",
            ids.join("`, `")
        )),
    }
}

fn to_json(proved: &Proved, written: &[String]) -> Json {
    let findings = proved.findings.iter().map(|finding| {
        let kind = finding.kind.as_ref().map(ToString::to_string);
        let (result, found, error) = match &finding.wrong {
            Wrong::Refuted(found) => ("refuted", Some(found), None),
            Wrong::Unconfirmed(found) => ("unconfirmed", Some(found), None),
            Wrong::NotProved(error) => ("notProved", None, Some(error.to_string())),
            Wrong::Empty(ids) => ("empty", None, Some(format!("`{}`", ids.join("`, `")))),
        };
        let found = found.map(|found| found_json(found));
        json!({"kind": kind, "result": result, "counterexample": found, "error": error})
    });
    json!({
        "invariant": proved.name,
        "rule": proved.rule,
        "statement": proved.statement.map(Statement::name),
        "proved": proved.holds(),
        "kinds": proved.kinds,
        "findings": findings.collect::<Vec<_>>(),
        "written": written,
    })
}

/// A counterexample for programs.
pub(super) fn found_json(found: &Counterexample) -> Json {
    json!({
        "question": found.question,
        "entities": found.entities,
        "decision": found.verdict_name(),
        "codes": found.codes(),
    })
}
