//! Reads the policies of a Bundle, file by file.

use std::sync::Arc;

use cedar_policy::{PolicyId, PolicySet};

use super::json::read_json;
use super::written::{
    LinkEntry, MAX_POLICIES, Parsed, PolicyOrTemplate, SPLIT, WrittenPolicies, read_statement,
};
use crate::policy::directory::is_json;
use crate::policy::fault::{Fault, Severity};
use crate::policy::scan::{Language, scan};
use crate::policy::source_file::SourceFile;
use crate::policy::sources::Sources;

/// The files that are named where there is no policy.
const MOST_NAMED: usize = 3;

/// Reads all policies and templates. No two of them have the same id.
pub(super) fn read_policies(sources: &Sources, faults: &mut Vec<Fault>) -> WrittenPolicies {
    let mut written = WrittenPolicies::default();
    let mut room = MAX_POLICIES;
    for file in &sources.policies {
        let found = read_file(file, &mut written.links, faults);
        let Some(left) = room.checked_sub(found.len()) else {
            let text = format!(
                "more than {MAX_POLICIES} policies, with those of `{}`",
                file.name
            );
            faults.push(Fault::new(file, Severity::Invalid, text));
            return written;
        };
        room = left;
        for statement in found {
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
                PolicyOrTemplate::Policy(info) => written.policies.push(*info),
                PolicyOrTemplate::Template(template) => written.templates.push(*template),
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
        faults
            .push(fault.advise("policies are files `….cedar` or `….json` of the directory itself"));
    }
    written
}

fn read_file(
    file: &Arc<SourceFile>,
    links: &mut Vec<LinkEntry>,
    faults: &mut Vec<Fault>,
) -> Vec<PolicyOrTemplate> {
    if is_json(&file.text) {
        return read_json(file, links, faults);
    }
    let scanned = scan(&file.text, Language::Policy);
    if scanned.statements.len() > MAX_POLICIES {
        let text = format!("more than {MAX_POLICIES} policies");
        faults.push(Fault::new(file, Severity::Invalid, text));
        return Vec::new();
    }
    if let Some((place, what)) = scanned.too_deep {
        let text = format!("a policy with too many {what}");
        let fault = Fault::new(file, Severity::Invalid, text).at(place, 1);
        faults.push(fault.advise(SPLIT));
        return Vec::new();
    }
    let set = match file.text.parse::<PolicySet>() {
        Ok(set) => set,
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
        let id = format!("{}/policy{number}", file.stem());
        read_statement(&parsed, &id, file, place, faults)
    });
    found.collect()
}

/// The number that Cedar gives a policy by its place in the text.
fn number(id: &PolicyId) -> usize {
    let id = id.to_string();
    let number = id.strip_prefix("policy").and_then(|n| n.parse().ok());
    number.unwrap_or(0)
}
