//! The results of proofs, for people and for programs.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::cli::args::ProveArgs;
use crate::cli::output::{complain, say};
use peppol_authz_author::proof::{
    CaseError, Counterexample, InvariantFinding, InvariantResult, InvariantStatement,
    NotProvedReason, write_case,
};
use peppol_authz_engine::text::counted;

/// Writes one result, and its refutations as suites. Returns false if a suite could not be written;
/// the result is written all the same.
pub(super) fn report(args: &ProveArgs, proved: &InvariantResult) -> bool {
    let mut is_written = true;
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
    is_written
}

fn write_all(directory: &Path, proved: &InvariantResult) -> Vec<Result<PathBuf, CaseError>> {
    let mut written = Vec::new();
    for (number, finding) in (1..).zip(&proved.findings) {
        if let NotProvedReason::Refuted(found) = &finding.wrong {
            let name = format!("{}-{number}", proved.name);
            let text = &proved.text;
            written.push(write_case(directory, &name, text, found, &finding.wanted));
        }
    }
    written
}

fn say_proved(proved: &InvariantResult) {
    let rule = proved.rule.as_deref();
    let rule = rule.map_or_else(String::new, |rule| format!(" ({rule})"));
    let (name, kinds) = (&proved.name, proved.kinds);
    let seconds = proved.elapsed.as_secs_f64();
    if proved.holds() {
        let kinds = counted(kinds, "kind", "kinds");
        say(format_args!(
            "proved {name}{rule}: {kinds} of request, {seconds:.2} s"
        ));
        return;
    }
    let statement = proved.statement.map_or("", InvariantStatement::name);
    let text = &proved.text;
    say(format_args!("FAILED {name}{rule} {statement}: {text}"));
    proved.findings.iter().for_each(say_finding);
}

fn say_finding(finding: &InvariantFinding) {
    let kind = finding.kind.as_ref();
    let kind = kind.map_or_else(String::new, |kind| format!(": {kind}"));
    match &finding.wrong {
        NotProvedReason::Refuted(found) => say(format_args!("  refuted{kind}\n{found}")),
        NotProvedReason::Unconfirmed(found) => say(format_args!(
            "  refuted by the solver, and not confirmed by the engine{kind}\n{found}"
        )),
        NotProvedReason::NotProved(error) => say(format_args!("  not proved{kind}: {error}")),
        NotProvedReason::Empty(ids) => say(format_args!(
            "  about no request at all: `{}`",
            ids.join("`, `")
        )),
    }
}

fn to_json(proved: &InvariantResult, written: &[String]) -> Json {
    let findings = proved.findings.iter().map(|finding| {
        let kind = finding.kind.as_ref().map(ToString::to_string);
        let (result, found, error) = match &finding.wrong {
            NotProvedReason::Refuted(found) => ("refuted", Some(found), None),
            NotProvedReason::Unconfirmed(found) => ("unconfirmed", Some(found), None),
            NotProvedReason::NotProved(error) => ("notProved", None, Some(error.to_string())),
            NotProvedReason::Empty(ids) => ("empty", None, Some(format!("`{}`", ids.join("`, `")))),
        };
        let found = found.map(|found| counterexample_json(found));
        json!({"kind": kind, "result": result, "counterexample": found, "error": error})
    });
    json!({
        "invariant": proved.name,
        "rule": proved.rule,
        "statement": proved.statement.map(InvariantStatement::name),
        "proved": proved.holds(),
        "kinds": proved.kinds,
        "findings": findings.collect::<Vec<_>>(),
        "written": written,
    })
}

/// A counterexample for programs.
pub(in crate::cli) fn counterexample_json(found: &Counterexample) -> Json {
    json!({
        "question": found.question,
        "entities": found.entities,
        "decision": found.verdict_name(),
        "codes": found.codes(),
    })
}
