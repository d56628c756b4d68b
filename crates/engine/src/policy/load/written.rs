//! Policies, templates and links as files have them, before it is held to a schema.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, Template};

use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::reading_plan::ReadingPlanError;
use crate::policy::source_file::SourceFile;
use crate::policy::template::PolicyTemplate;

/// The greatest number of policies of a set. With so many a load takes some seconds.
pub const MAX_POLICIES: usize = 50_000;

/// How deep conditionals may be nested in the branches of conditionals. Of one whose condition is
/// always true or always false, Cedar's validator takes the one branch for both, so that with each
/// further one there is twice as much to look at: 40 of them take it hours.
pub const MAX_CONDITIONALS: usize = 10;

/// Advice for a policy that is nested too deep.
pub(super) const SPLIT: &str =
    "write a long chain of `||` as `[…].contains(…)`, or split the policy";

/// All that is written in policy files.
#[derive(Default)]
pub(in crate::policy) struct WrittenPolicies {
    /// The policies.
    pub(in crate::policy) policies: Vec<PolicyInfo>,
    /// The templates.
    pub(in crate::policy) templates: Vec<PolicyTemplate>,
    /// The links that stand among them, as Cedar's JSON has them.
    pub(in crate::policy) links: Vec<LinkEntry>,
    /// True if the store holds links too; `None` where nothing says so.
    pub(in crate::policy) stored: Option<bool>,
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
pub(super) enum PolicyOrTemplate {
    Policy(Box<PolicyInfo>),
    Template(Box<PolicyTemplate>),
}

impl PolicyOrTemplate {
    pub(super) fn info(&self) -> &PolicyInfo {
        match self {
            Self::Policy(info) => info,
            Self::Template(template) => &template.info,
        }
    }
}

/// A text and its place.
pub(in crate::policy) type Placed = (String, Range<usize>);

/// A link as it is written.
pub(in crate::policy) struct LinkEntry {
    pub(in crate::policy) id: Placed,
    pub(in crate::policy) template: Placed,
    pub(in crate::policy) principal: Option<Placed>,
    pub(in crate::policy) resource: Option<Placed>,
    pub(super) file: Arc<SourceFile>,
    pub(super) place: Range<usize>,
}

/// A policy or a template that Cedar has read.
pub(super) enum Parsed<'a> {
    Policy(&'a Policy),
    Template(&'a Template),
}

/// Reads a policy or a template. Without `@id` it has the other id.
pub(super) fn read_statement(
    parsed: &Parsed<'_>,
    id: &str,
    file: &Arc<SourceFile>,
    place: Range<usize>,
    faults: &mut Vec<Fault>,
) -> Option<PolicyOrTemplate> {
    let named = match parsed {
        Parsed::Policy(policy) => policy.annotation("id"),
        Parsed::Template(template) => template.annotation("id"),
    };
    let id: Arc<str> = Arc::from(named.unwrap_or(id));
    let fault =
        |text: String| Fault::new(file, Severity::Invalid, text).at(place.start, place.len());
    let cedar_id = PolicyId::new(&*id);
    let read = match parsed {
        Parsed::Policy(policy) => PolicyInfo::new(policy.new_id(cedar_id), id, file, place.clone())
            .map(|info| PolicyOrTemplate::Policy(Box::new(info))),
        Parsed::Template(template) => {
            PolicyTemplate::new(template.new_id(cedar_id), id, file, place.clone())
                .map(|template| PolicyOrTemplate::Template(Box::new(template)))
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
                ReadingPlanError::TooDeep(_) => fault.advise(SPLIT),
                ReadingPlanError::Unreadable(_) => fault,
            });
            None
        }
    }
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
