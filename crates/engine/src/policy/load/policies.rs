//! Reads the policies of a Bundle, file by file.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, PolicySet, Template};

use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::plan::PlanError;
use crate::policy::scan::{Language, Scan, scan};
use crate::policy::source_file::SourceFile;
use crate::policy::sources::Sources;
use crate::policy::template::PolicyTemplate;

/// The greatest number of policies of a set. With so many a load takes some seconds.
pub const MAX_POLICIES: usize = 50_000;

/// How deep conditionals may be nested in the branches of conditionals. Of one whose condition is
/// always true or always false, Cedar's validator takes the one branch for both, so that with each
/// further one there is twice as much to look at: 40 of them take it hours.
pub const MAX_CONDITIONALS: usize = 10;

/// The files that are named where there is no policy.
const MOST_NAMED: usize = 3;

/// Advice for policies in Cedar's JSON.
const JSON: &str =
    "write them in Cedar's own syntax: `cedar translate-policy --direction json-to-cedar`";

/// Advice for a policy that is nested too deep.
const SPLIT: &str = "write a long chain of `||` as `[…].contains(…)`, or split the policy";

/// All that is written in policy files.
#[derive(Default)]
pub(super) struct WrittenPolicies {
    /// The policies.
    pub(super) policies: Vec<PolicyInfo>,
    /// The templates.
    pub(super) templates: Vec<PolicyTemplate>,
    /// The ids of all of them, each with its file.
    pub(super) taken: HashMap<Arc<str>, Arc<SourceFile>>,
}

impl WrittenPolicies {
    /// All of them, templates with open slots.
    pub(super) fn all(&self) -> impl Iterator<Item = &PolicyInfo> {
        let templates = self.templates.iter().map(|template| &template.info);
        self.policies.iter().chain(templates)
    }
}

/// A policy or a template of a file.
enum Statement {
    Policy(PolicyInfo),
    Template(PolicyTemplate),
}

impl Statement {
    fn info(&self) -> &PolicyInfo {
        match self {
            Self::Policy(info) => info,
            Self::Template(template) => &template.info,
        }
    }
}

/// Reads all policies and templates. No two of them have the same id.
pub(super) fn read_policies(sources: &Sources, faults: &mut Vec<Fault>) -> WrittenPolicies {
    let mut written = WrittenPolicies::default();
    let mut room = MAX_POLICIES;
    for file in &sources.policies {
        let scanned = scan(&file.text, Language::Policy);
        let Some(left) = room.checked_sub(scanned.statements.len()) else {
            let text = format!(
                "more than {MAX_POLICIES} policies, with those of `{}`",
                file.name
            );
            faults.push(Fault::new(file, Severity::Invalid, text));
            return written;
        };
        room = left;
        for statement in read_file(file, &scanned, faults) {
            let info = statement.info();
            let id = Arc::clone(&info.id);
            if let Some(other) = written.taken.insert(id, Arc::clone(file)) {
                let text = format!("policy id `{}` is taken, in `{}`", info.id, other.name);
                faults.push(
                    Fault::new(file, Severity::Invalid, text)
                        .at(info.place.start, info.place.len())
                        .advise("an id names one policy; give this one another `@id`"),
                );
                continue;
            }
            match statement {
                Statement::Policy(info) => written.policies.push(info),
                Statement::Template(template) => written.templates.push(template),
            }
        }
    }
    if written.taken.is_empty() && faults.is_empty() {
        // An empty directory is a mount that failed, not a wish to deny all.
        let others = sources.unread.iter().take(MOST_NAMED);
        let others: Vec<_> = others.map(|entry| format!("`{}`", entry.name)).collect();
        let text = match others.is_empty() {
            true => "there are no policies".to_owned(),
            false => format!("there are no policies; not read: {}", others.join(", ")),
        };
        let fault = Fault::new(&sources.schema, Severity::Invalid, text);
        faults.push(fault.advise("policies are files `….cedar` of the directory itself"));
    }
    written
}

fn read_file(file: &Arc<SourceFile>, scanned: &Scan, faults: &mut Vec<Fault>) -> Vec<Statement> {
    if let Some((place, what)) = scanned.too_deep {
        let text = format!("a policy with too many {what}");
        let fault = Fault::new(file, Severity::Invalid, text).at(place, 1);
        faults.push(fault.advise(SPLIT));
        return Vec::new();
    }
    let set = match file.text.parse::<PolicySet>() {
        Ok(set) => set,
        Err(_) if file.text.trim_start().starts_with('{') => {
            let text = format!("`{}`: policies in Cedar's JSON are not read", file.name);
            faults.push(Fault::new(file, Severity::Invalid, text).advise(JSON));
            return Vec::new();
        }
        Err(errors) => {
            let errors = errors.iter();
            faults.extend(errors.map(|error| Fault::from_diagnostic(file, error)));
            return Vec::new();
        }
    };
    if set.is_empty() {
        // A copy looks like this that was cut short, or has just begun.
        let text = format!("there is no policy in `{}`", file.name);
        let fault = Fault::new(file, Severity::Invalid, text);
        faults.push(fault.advise("write one, or remove the file"));
        return Vec::new();
    }
    let policies = set
        .policies()
        .map(|it| (number(it.id()), Parsed::Policy(it)));
    let templates = set
        .templates()
        .map(|it| (number(it.id()), Parsed::Template(it)));
    let mut numbered: Vec<_> = policies.chain(templates).collect();
    numbered.sort_by_key(|(number, _)| *number);
    let found = numbered.into_iter().filter_map(|(number, parsed)| {
        let place = scanned.statements.get(number).cloned().unwrap_or(0..0);
        read_statement(&parsed, file, number, place, faults)
    });
    found.collect()
}

/// What Cedar has read.
enum Parsed<'a> {
    Policy(&'a Policy),
    Template(&'a Template),
}

/// The fault of a policy whose conditionals are nested too deep, at the first of them.
fn too_many_conditionals(info: &PolicyInfo, nested: usize) -> Fault {
    let text = format!(
        "{nested} conditionals in each other's branches, where {MAX_CONDITIONALS} are the most"
    );
    let source = info.source();
    let (start, len) = match source.find("if") {
        Some(at) => (info.place.start + at, 2),
        None => (info.place.start, info.place.len()),
    };
    Fault::new(&info.file, Severity::Invalid, text)
        .at(start, len)
        .advise("write `&&` and `||` in place of `if … then … else`, or split the policy")
}

/// The number that Cedar gives a policy by its place in the text.
fn number(id: &PolicyId) -> usize {
    let id = id.to_string();
    let number = id.strip_prefix("policy").and_then(|n| n.parse().ok());
    number.unwrap_or(0)
}

fn read_statement(
    parsed: &Parsed<'_>,
    file: &Arc<SourceFile>,
    number: usize,
    place: Range<usize>,
    faults: &mut Vec<Fault>,
) -> Option<Statement> {
    let named = match parsed {
        Parsed::Policy(policy) => policy.annotation("id"),
        Parsed::Template(template) => template.annotation("id"),
    };
    let id: Arc<str> = named.map_or_else(
        || Arc::from(format!("{}/policy{number}", file.stem())),
        Arc::from,
    );
    let fault =
        |text: String| Fault::new(file, Severity::Invalid, text).at(place.start, place.len());
    let cedar_id = PolicyId::new(&*id);
    let read = match parsed {
        Parsed::Policy(policy) => {
            PolicyInfo::new(policy.new_id(cedar_id), id, file, place.clone()).map(Statement::Policy)
        }
        Parsed::Template(template) => {
            PolicyTemplate::new(template.new_id(cedar_id), id, file, place.clone())
                .map(Statement::Template)
        }
    };
    match read {
        Ok(statement) => {
            let info = statement.info();
            let nested = info.weight.conditionals;
            if nested > MAX_CONDITIONALS {
                faults.push(too_many_conditionals(info, nested));
                // It must not come to the validator.
                return None;
            }
            Some(statement)
        }
        Err(error) => {
            let fault = fault(error.to_string());
            faults.push(match error {
                PlanError::TooDeep(_) => fault.advise(SPLIT),
                PlanError::Unreadable(_) => fault,
            });
            None
        }
    }
}
