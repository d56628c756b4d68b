//! `check`: finds all faults of policies, schema and routes.

mod additions;
mod callers;
mod copies;
mod invariants;
mod openapi;

use miette::Diagnostic;
use serde::Serialize;

use super::args::{CheckArgs, PolicyArgs};
use super::exit::{Ended, Exit};
use super::output::{complain, complain_of, failed, say, show};
use openapi::DescribedTable;
use peppol_authz_author::openapi::Finding;
use peppol_authz_author::{fix_format, lint};
use peppol_authz_engine::policy::{Bundle, Severity, Sources, load, on_large_stack};
use peppol_authz_engine::text::counted;

/// A fault as an editor or a CI server reads it. Lines and columns count from 1; the end is behind
/// the last character.
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
    /// The place in an OpenAPI description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    /// An entry for what the route table lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    skeleton: Option<&'a str>,
}

pub(super) fn run(args: &CheckArgs) -> Ended {
    let policy = args.policy.for_author()?;
    let mut sources = read(&policy)?;
    if args.fix {
        fix(args, &policy, &sources)?;
        sources = read(&policy)?;
    }
    let loaded = load(&sources);
    let mut faults = loaded.as_ref().err().cloned().unwrap_or_default();
    let Some(found) = on_large_stack(|| lint(&sources, loaded.as_ref().ok())) else {
        complain_of("the lints could not be run");
        return Err(Exit::Invalid);
    };
    faults.extend(found);
    faults.extend(sources.left_out());
    if let Some(of_callers) = policies_of_callers(args)? {
        faults.extend(callers::check(&of_callers));
    }
    let mut known = 0;
    let mut described = DescribedTable::default();
    if let Ok(bundle) = &loaded {
        faults.extend(bundle.warnings.iter().cloned());
        let directory = policy.policies.as_deref();
        let (count, found) = invariants::check(directory, &sources, bundle).map_err(failed)?;
        known = count;
        faults.extend(found);
        described = openapi::check(args, &sources, bundle)?;
        faults.extend(additions::check(args, &policy, &sources, bundle));
    }
    let of_descriptions = described.findings.iter().map(|it| &it.fault);
    let worst = faults
        .iter()
        .chain(of_descriptions)
        .map(|fault| fault.severity)
        .max();
    if args.json {
        let found = faults.into_iter().map(Finding::new).collect::<Vec<_>>();
        found.iter().chain(&described.findings).for_each(say_json);
    } else {
        show(faults);
        show(
            described
                .findings
                .iter()
                .map(|it| it.fault.clone())
                .collect(),
        );
        described.say_skeletons();
    }
    match (worst, loaded) {
        (None | Some(Severity::Note | Severity::Warning), Ok(bundle)) => {
            if !args.json {
                say_ok(&bundle, known);
                described.say_ok();
            }
            Ok(Exit::Done)
        }
        (Some(Severity::Format), Ok(bundle)) => {
            if !args.json {
                say_cost(&bundle);
            }
            Ok(Exit::Failed)
        }
        _ => Ok(Exit::Invalid),
    }
}

fn read(policy: &PolicyArgs) -> Result<Sources, Exit> {
    let sources = Sources::read(
        policy.policies.as_deref(),
        policy.schema.as_deref(),
        policy.routes.as_deref(),
    );
    let warnings = policy.policy_warnings.unwrap_or_default();
    let sources = sources.map_err(failed)?.with_warnings(warnings);
    Ok(sources.with_max_level(policy.policy_level.unwrap_or_default()))
}

/// The policies of callers of the project.
fn policies_of_callers(args: &CheckArgs) -> Result<Option<Sources>, Exit> {
    let warnings = args.policy.policy_warnings.unwrap_or_default();
    callers::of_project(&args.policy, warnings).map_err(failed)
}

/// Formats policies, invariants and the policies of callers.
fn fix(args: &CheckArgs, policy: &PolicyArgs, sources: &Sources) -> Result<(), Exit> {
    let all = invariants::beside(policy.policies.as_deref(), sources);
    let mut written = all.and_then(|all| fix_format(&all)).map_err(failed)?;
    if let Some(of_callers) = policies_of_callers(args)? {
        written.extend(fix_format(&of_callers).map_err(failed)?);
    }
    // With `--json` only faults are written.
    for name in written.iter().filter(|_| !args.json) {
        say(format_args!("formatted {name}"));
    }
    Ok(())
}

fn say_ok(bundle: &Bundle, invariants: usize) {
    let routes = bundle.routes.as_ref();
    let links = bundle.policies().len() + bundle.templates.len() - bundle.written().count();
    let linked = match bundle.templates.len() {
        0 => String::new(),
        templates => {
            let templates = counted(templates, "template", "templates");
            let stored = match bundle.reads_links() {
                true => ", without those in the store",
                false => "",
            };
            format!(" ({links} by links of {templates}{stored})")
        }
    };
    say(format_args!(
        "ok: {}{linked}, {}, {}, {}, level {}, revision {}",
        counted(bundle.policies().len(), "policy", "policies"),
        counted(invariants, "invariant", "invariants"),
        counted(bundle.schema.actions().len(), "action", "actions"),
        counted(
            routes.map_or(0, |routes| routes.all().len()),
            "route",
            "routes"
        ),
        bundle.level,
        bundle.revision
    ));
    say_cost(bundle);
}

/// The cost of a question about entities that nobody has asked about.
fn say_cost(bundle: &Bundle) {
    say(format_args!(
        "level {}: the entities of a question are read in up to {}, where none is in memory",
        bundle.level,
        counted(bundle.level.max(1), "step", "steps")
    ));
}

fn say_json(finding: &Finding) {
    let fault = &finding.fault;
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
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        message: &fault.message,
        help: fault.help.as_deref(),
        labels: fault
            .labels()
            .into_iter()
            .flatten()
            .filter_map(|l| l.label().map(str::to_owned))
            .collect(),
        pointer: finding.pointer.as_deref(),
        skeleton: finding.skeleton.as_deref(),
    };
    match serde_json::to_string(&wire) {
        Ok(text) => say(text),
        Err(error) => complain(&error),
    }
}
