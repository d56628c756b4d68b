//! From texts to a Bundle, or to everything that is wrong with them.

mod checked;
mod conventions;
mod cost;
mod diagnosed;
mod json;
mod level;
mod links;
mod literals;
mod manifest;
mod policies;
mod rule_list;
mod schema;
mod validate;
mod warned;
mod written;

use std::sync::Arc;

use super::bundle::{Bundle, Templates};
use super::fault::{Fault, Severity};
use super::routes::Routes;
use super::rules::Rules;
use super::source_file::SourceFile;
use super::sources::Sources;
use super::stack::on_large_stack;
use conventions::broken_conventions;
use links::{read_file as read_links_file, read_links};
use literals::canonical_literals;
use manifest::check_manifest;
use policies::read_policies;
use schema::read_schema;
use validate::validate;

pub(super) use written::{LinkEntry, WrittenPolicies};
pub use written::{MAX_CONDITIONALS, MAX_POLICIES};

/// Checks the texts and makes a Bundle of them. `check` and `serve` refuse the same sets: those that
/// this refuses.
///
/// # Errors
/// All faults that could be found, sorted by place.
pub fn load(sources: &Sources) -> Result<Bundle, Vec<Fault>> {
    let fault = |text: String| vec![Fault::new(&sources.schema, Severity::Invalid, text)];
    on_large_stack(|| load_here(sources, fault))
        .unwrap_or_else(|| Err(fault("the check could not be run".to_owned())))
}

fn load_here(
    sources: &Sources,
    fault: impl Fn(String) -> Vec<Fault>,
) -> Result<Bundle, Vec<Fault>> {
    let refused = sources.unread.iter().filter(|entry| entry.refused);
    let refused = refused.map(|entry| {
        let file = SourceFile::unread(&entry.name);
        let text = format!("`{}`: {}", entry.name, entry.reason);
        Fault::new(&file, Severity::Invalid, text)
    });
    let mut faults: Vec<Fault> = refused.collect();
    check_manifest(sources, &mut faults);
    let schema = read_schema(&sources.schema, sources.warnings, &mut faults);
    let rules = read_rules(sources.rules.as_ref(), &mut faults);
    let mut written = read_policies(sources, &mut faults);
    let routes = sources
        .routes
        .as_ref()
        .and_then(|file| Routes::read(file, schema.as_ref(), &mut faults));
    let mut level = 0;
    if let Some(schema) = &schema {
        level = validate(schema, sources, &mut written, &mut faults);
        canonical_literals(schema, &written, &mut faults);
    }
    let is_warning = |fault: &Fault| fault.severity <= Severity::Warning;
    // A link is held to a valid template.
    if let Some(schema) = &schema
        && faults.iter().all(is_warning)
    {
        read_links(sources, schema, &mut written, &mut faults);
    }
    let Some(schema) = schema.filter(|_| faults.iter().all(is_warning)) else {
        return Err(Fault::first_of(sources.placed(faults)));
    };
    let WrittenPolicies {
        policies,
        templates,
        stored,
        ..
    } = written;
    let templates = Templates {
        all: templates.into_iter().map(Arc::new).collect(),
        stored,
    };
    let (schema, digest) = (Arc::new(schema), sources.digest());
    let bundle = Bundle::new(schema, digest, level, rules, policies, templates);
    let mut bundle = bundle.map_err(|error| fault(error.to_string()))?;
    bundle.routes = routes.map(Arc::new);
    bundle.source = Some(Arc::clone(&sources.schema));
    bundle.warnings = Fault::first_of(sources.placed(faults));
    for warning in &bundle.warnings {
        let ((line, column), file) = (warning.place(), &*warning.file.name);
        tracing::warn!(file, line, column, "taken with a warning: {warning}");
    }
    let broken = broken_conventions(&bundle, sources);
    if broken.is_empty() {
        Ok(bundle)
    } else {
        Err(Fault::first_of(broken))
    }
}

/// The policies of a file, and these links, before anything is held to a schema.
pub(super) fn read_written(
    file: &Arc<SourceFile>,
    links: Option<&Arc<SourceFile>>,
) -> Result<WrittenPolicies, Vec<Fault>> {
    let mut faults = Vec::new();
    let sources = Sources::new(Arc::clone(file), vec![Arc::clone(file)]);
    let mut written = read_policies(&sources, &mut faults);
    if let Some(links) = links {
        let stored = read_links_file(links, &mut written.links, &mut faults);
        if let Some(stored) = stored.filter(|stored| *stored.get_ref()) {
            let text = "links that the store holds are in no text: leave `stored` out";
            let (span, fault) = (stored.span(), Fault::new(links, Severity::Invalid, text));
            faults.push(fault.at(span.start, span.len()));
        }
    }
    match faults.is_empty() {
        true => Ok(written),
        false => Err(Fault::first_of(faults)),
    }
}

fn read_rules(file: Option<&Arc<SourceFile>>, faults: &mut Vec<Fault>) -> Option<Rules> {
    let file = file?;
    let rules = toml::from_str(&file.text);
    rules
        .map_err(|error| faults.push(Fault::of_toml(file, &error)))
        .ok()
}
