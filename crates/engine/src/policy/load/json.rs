//! Reads policies in Cedar's JSON: a policy set, or a single policy or template.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::written::{LinkEntry, MAX_POLICIES, Parsed, PolicyOrTemplate, read_statement};
use crate::policy::directory::MAX_NESTED;
use crate::policy::fault::{Fault, Severity};
use crate::policy::source_file::SourceFile;
use crate::schema::parse_json;
use cedar_policy::{Policy, PolicyId, PolicySet, SlotId, Template};

/// Reads the policies and templates of a file, and adds its links. Without `@id` a policy is called as the
/// set calls it.
pub(super) fn read_json(
    file: &Arc<SourceFile>,
    links: &mut Vec<LinkEntry>,
    faults: &mut Vec<Fault>,
) -> Vec<PolicyOrTemplate> {
    let read = match read_set(&file.text) {
        Ok(set) => set,
        Err(problem) => {
            let text = format!("`{}`: {problem}", file.name);
            faults.push(Fault::new(file, Severity::Invalid, text));
            return Vec::new();
        }
    };
    let set = &read;
    if set.num_of_policies() + set.num_of_templates() > MAX_POLICIES {
        let text = format!("more than {MAX_POLICIES} policies");
        faults.push(Fault::new(file, Severity::Invalid, text));
        return Vec::new();
    }
    if set.is_empty() {
        let text = format!("there is no policy in `{}`", file.name);
        let fault = Fault::new(file, Severity::Invalid, text);
        faults.push(fault.advise("write one, or remove the file"));
        return Vec::new();
    }
    let policies = set.policies().filter(|policy| policy.is_static());
    let policies = policies.map(|policy| (policy.id(), Parsed::Policy(policy)));
    let templates = set
        .templates()
        .map(|template| (template.id(), Parsed::Template(template)));
    let mut all: Vec<(String, Parsed<'_>)> = policies
        .chain(templates)
        .map(|(id, parsed)| (plain(id), parsed))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let places = places(&file.text);
    let place = |id: &str| places.get(id).cloned().unwrap_or(0..0);
    let mut statements = Vec::new();
    let mut renamed: HashMap<String, Arc<str>> = HashMap::new();
    for (id, parsed) in all {
        let own = called(&id, file);
        let statement = read_statement(&parsed, &own, file, place(&id), faults);
        if let Some(statement) = &statement {
            renamed.insert(id, Arc::clone(&statement.info().id));
        }
        statements.extend(statement);
    }
    for linked in set.policies() {
        let (Some(template), Some(values)) = (linked.template_id(), linked.template_links()) else {
            continue;
        };
        let id = plain(linked.id());
        let template = plain(template);
        let template = renamed.get(&template).map_or(template, ToString::to_string);
        let value = |slot: SlotId| values.get(&slot).map(|uid| (uid.to_string(), place(&id)));
        links.push(LinkEntry {
            principal: value(SlotId::principal()),
            resource: value(SlotId::resource()),
            template: (template, place(&id)),
            place: place(&id),
            id: (called(&id, file), place(&id)),
            file: Arc::clone(file),
        });
    }
    statements
}

/// An id as it is, without the marks of escape that it is shown with.
fn plain(id: &PolicyId) -> String {
    AsRef::<str>::as_ref(id).to_owned()
}

/// The id of a policy. Those that Cedar has numbered are called as in a text.
fn called(id: &str, file: &SourceFile) -> String {
    let number = id.strip_prefix("policy");
    let is_number =
        number.is_some_and(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()));
    match is_number {
        true => format!("{}/{id}", file.stem()),
        false => id.to_owned(),
    }
}

fn read_set(text: &str) -> Result<PolicySet, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    // A member that stands twice would take the place of a policy.
    let json = parse_json(text.as_bytes(), MAX_NESTED).map_err(|error| said(&error))?;
    if json.get("effect").is_none() {
        return PolicySet::from_json_value(json).map_err(|error| causes(&error));
    }
    let mut set = PolicySet::new();
    let id = || Some(PolicyId::new("policy0"));
    let added = match Policy::from_json(id(), json.clone()) {
        Ok(policy) => set.add(policy),
        Err(error) => match Template::from_json(id(), json) {
            Ok(template) => set.add_template(template),
            Err(_) => return Err(causes(&error)),
        },
    };
    added.map_err(|error| said(&error))?;
    Ok(set)
}

/// An error with all that it comes from.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Where the policies, templates and links of a set stand, by their ids, as far as that is found: a member
/// of the set's members, or a link with the id as its `newId`.
fn places(text: &str) -> HashMap<String, Range<usize>> {
    let mut found = HashMap::new();
    // Where each object begins that is not closed yet, and what it is called.
    let mut open: Vec<(usize, Option<String>)> = Vec::new();
    let mut last: Option<String> = None;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => {
                while let Some(&inside) = bytes.get(at) {
                    at += if inside == b'\\' { 2 } else { 1 };
                    if inside == b'"' {
                        break;
                    }
                }
                let string = text
                    .get(start..at)
                    .and_then(|it| serde_json::from_str(it).ok());
                if last.as_deref() == Some("newId")
                    && let Some(inner) = open.last_mut()
                {
                    inner.1.clone_from(&string);
                }
                last = string;
            }
            b'{' | b'[' => {
                open.push((start, last.take()));
            }
            b'}' | b']' => {
                if let Some((start, Some(name))) = open.pop() {
                    // An outer one of the same name comes later, and wins.
                    found.insert(name, start..at);
                }
                last = None;
            }
            b',' => last = None,
            _ => {}
        }
    }
    found
}
