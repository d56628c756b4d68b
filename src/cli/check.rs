//! `check`: everything that is wrong with policies, schema and routes.

mod invariants;

use miette::Diagnostic;
use serde::Serialize;

use super::Exit;
use super::args::CheckArgs;
use super::output::{complain, complain_of, say, show};
use peppol_authz_author::{fix_format, lint};
use peppol_authz_engine::policy::{Fault, Severity, Sources, load, on_large_stack};

/// A fault as an editor or a CI server reads it. Lines and columns count from 1,
/// the end is behind the last character.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireFault<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    severity: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    labels: Vec<String>,
}

pub(super) fn run(args: &CheckArgs) -> Exit {
    let policy = args.policy.for_author();
    let read = || {
        Sources::read(
            policy.policies.as_deref(),
            policy.schema.as_deref(),
            policy.routes.as_deref(),
        )
    };
    let mut sources = match read() {
        Ok(sources) => sources,
        Err(error) => {
            complain(&error);
            return Exit::Failed;
        }
    };
    let directory = policy.policies.as_deref();
    if args.fix {
        match invariants::beside(directory, &sources).and_then(|all| fix_format(&all)) {
            Ok(written) => {
                // With `--json` only faults are printed.
                for name in written.iter().filter(|_| !args.json) {
                    say(format_args!("formatted {name}"));
                }
            }
            Err(error) => {
                complain(&error);
                return Exit::Failed;
            }
        }
        sources = match read() {
            Ok(sources) => sources,
            Err(error) => {
                complain(&error);
                return Exit::Failed;
            }
        };
    }
    let loaded = load(&sources);
    let mut faults = loaded.as_ref().err().cloned().unwrap_or_default();
    match on_large_stack(|| lint(&sources, loaded.as_ref().ok())) {
        Some(found) => faults.extend(found),
        None => {
            complain_of("the lints could not be run");
            return Exit::Invalid;
        }
    }
    let mut known = 0;
    if let Ok(bundle) = &loaded {
        match invariants::check(directory, &sources, bundle) {
            Ok((count, found)) => {
                known = count;
                faults.extend(found);
            }
            Err(error) => {
                complain(&error);
                return Exit::Failed;
            }
        }
    }
    let worst = faults.iter().map(|fault| fault.severity).max();
    if args.json {
        faults.iter().for_each(say_json);
    } else {
        show(faults.clone());
    }
    match (worst, loaded) {
        (None, Ok(bundle)) => {
            if !args.json {
                say(format_args!(
                    "ok: {} policies, {known} invariants, {} actions, {} routes, level {}, revision {}",
                    bundle.policies().len(),
                    bundle.schema.actions().len(),
                    bundle
                        .routes
                        .as_ref()
                        .map_or(0, |routes| routes.all().len()),
                    bundle.level,
                    bundle.revision
                ));
            }
            Exit::Done
        }
        (Some(Severity::Format), Ok(_)) => Exit::Failed,
        _ => Exit::Invalid,
    }
}

fn say_json(fault: &Fault) {
    let (line, column) = fault.place();
    let (end_line, end_column) = fault.end_place();
    let wire = WireFault {
        file: &fault.file.name,
        line,
        column,
        end_line,
        end_column,
        severity: match fault.severity {
            Severity::Invalid => "error",
            Severity::Lint => "lint",
            Severity::Format => "format",
        },
        message: &fault.message,
        help: fault.help.as_deref(),
        labels: fault
            .labels()
            .into_iter()
            .flatten()
            .filter_map(|l| l.label().map(str::to_owned))
            .collect(),
    };
    match serde_json::to_string(&wire) {
        Ok(text) => say(text),
        Err(error) => complain(&error),
    }
}
