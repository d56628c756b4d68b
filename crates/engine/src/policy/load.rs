//! From texts to a Bundle, or to everything that is wrong with them.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, PolicySet, ValidationMode, Validator};
use miette::Diagnostic;

use super::bundle::{Bundle, PolicyInfo};
use super::fault::{Fault, Severity};
use super::plan::PlanError;
use super::routes::Routes;
use super::rules::Rules;
use super::scan::{Language, scan};
use super::source::{SourceFile, Sources};
use crate::schema::{Schema, SchemaError};

/// How deep a policy's expressions may be nested. Cedar gives up at a depth that
/// depends on the thread's stack (478 on 2 MiB, 2,001 on 8 MiB), and then skips
/// the policy, also one that forbids.
pub const MAX_DEPTH: usize = 200;

/// How many references away from the question a policy may look.
pub const MAX_LEVEL: u32 = 5;

/// The stack on which texts are parsed and checked.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Checks the texts and makes a Bundle of them.
///
/// # Errors
/// All faults that could be found, sorted by place.
pub fn load(sources: &Sources) -> Result<Bundle, Vec<Fault>> {
    on_large_stack(|| load_here(sources)).unwrap_or_else(|| {
        Err(vec![Fault::new(
            &sources.schema,
            Severity::Invalid,
            "the check could not be run",
        )])
    })
}

/// Runs a function on a thread whose stack is large enough to parse any text
/// that passes the scan. `None` where the thread cannot be started or panics.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("policy-load".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}

fn load_here(sources: &Sources) -> Result<Bundle, Vec<Fault>> {
    let mut faults = Vec::new();
    let schema = read_schema(&sources.schema, &mut faults);
    let rules = read_rules(sources.rules.as_ref(), &mut faults);
    let policies = read_policies(sources, &mut faults);
    let routes = sources
        .routes
        .as_ref()
        .and_then(|file| Routes::read(file, schema.as_ref(), &mut faults));
    let mut level = 0;
    if let Some(schema) = &schema {
        level = validate(schema, &policies, &mut faults);
        canonical_literals(schema, &policies, &mut faults);
    }
    let Some(schema) = schema.filter(|_| faults.is_empty()) else {
        return Err(sorted(faults));
    };
    let bundle = Bundle::new(Arc::new(schema), sources.digest(), level, rules, policies);
    match bundle {
        Ok(mut bundle) => {
            bundle.routes = routes.map(Arc::new);
            Ok(bundle)
        }
        Err(error) => Err(vec![Fault::new(
            &sources.schema,
            Severity::Invalid,
            error.to_string(),
        )]),
    }
}

/// Faults in the order in which a reader of the files meets them.
pub fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_cached_key(|fault| {
        (
            fault.file.name.clone(),
            fault.place(),
            fault.message.clone(),
        )
    });
    faults
}

fn read_schema(file: &Arc<SourceFile>, faults: &mut Vec<Fault>) -> Option<Schema> {
    if let Some((place, what)) = scan(&file.text, Language::Schema).too_deep {
        faults.push(Fault::new(file, Severity::Invalid, format!("too many {what}")).at(place, 1));
        return None;
    }
    let parse = if file.name.ends_with(".json") {
        Schema::parse_json
    } else {
        Schema::parse
    };
    match parse(&file.text) {
        Ok(schema) => Some(schema),
        Err(SchemaError::Cedar(error)) => {
            let diagnostics: Vec<&dyn Diagnostic> = match error.related() {
                Some(related) => related.collect(),
                None => Vec::new(),
            };
            faults.push(Fault::from_diagnostic(file, &*error));
            faults.extend(
                diagnostics
                    .into_iter()
                    .map(|d| Fault::from_diagnostic(file, d)),
            );
            None
        }
        Err(SchemaError::Warning(warning)) => {
            faults.push(Fault::from_diagnostic(file, &*warning));
            None
        }
        Err(other) => {
            faults.push(Fault::new(file, Severity::Invalid, other.to_string()));
            None
        }
    }
}

fn read_rules(file: Option<&Arc<SourceFile>>, faults: &mut Vec<Fault>) -> Option<Rules> {
    let file = file?;
    match toml::from_str(&file.text) {
        Ok(rules) => Some(rules),
        Err(error) => {
            let fault = Fault::new(file, Severity::Invalid, error.message().to_owned());
            faults.push(match error.span() {
                Some(span) => fault.at(span.start, span.len()),
                None => fault,
            });
            None
        }
    }
}

fn read_policies(sources: &Sources, faults: &mut Vec<Fault>) -> Vec<PolicyInfo> {
    let mut policies: Vec<PolicyInfo> = Vec::new();
    let mut taken: HashMap<Arc<str>, Arc<SourceFile>> = HashMap::new();
    for file in &sources.policies {
        for info in read_file(file, faults) {
            if let Some(other) = taken.insert(Arc::clone(&info.id), Arc::clone(file)) {
                let text = format!("policy id `{}` is taken, in `{}`", info.id, other.name);
                faults.push(
                    Fault::new(file, Severity::Invalid, text)
                        .at(info.place.start, info.place.len())
                        .advise("an id names one policy; give this one another `@id`"),
                );
                continue;
            }
            policies.push(info);
        }
    }
    if policies.is_empty() && faults.is_empty() {
        // An empty directory is a mount that failed, not a wish to deny all.
        faults.push(Fault::new(
            &sources.schema,
            Severity::Invalid,
            "there are no policies",
        ));
    }
    policies
}

fn read_file(file: &Arc<SourceFile>, faults: &mut Vec<Fault>) -> Vec<PolicyInfo> {
    let scanned = scan(&file.text, Language::Policy);
    if let Some((place, what)) = scanned.too_deep {
        faults.push(
            Fault::new(
                file,
                Severity::Invalid,
                format!("a policy with too many {what}"),
            )
            .at(place, 1)
            .advise("write a long chain of `||` as `[…].contains(…)`, or split the policy"),
        );
        return Vec::new();
    }
    let set: PolicySet = match file.text.parse() {
        Ok(set) => set,
        Err(errors) => {
            let errors: cedar_policy::ParseErrors = errors;
            faults.extend(
                errors
                    .iter()
                    .map(|error| Fault::from_diagnostic(file, error)),
            );
            return Vec::new();
        }
    };
    if set.num_of_templates() > 0 {
        let text = "templates are not supported: nothing links them";
        faults.push(Fault::new(file, Severity::Invalid, text));
    }
    let mut found = Vec::new();
    for policy in set.policies() {
        // Cedar numbers policies by their place in the text.
        let number: usize = policy
            .id()
            .to_string()
            .strip_prefix("policy")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let place = scanned.statements.get(number).cloned().unwrap_or(0..0);
        let info = match policy_info(policy, file, number, place.clone()) {
            Ok(info) => info,
            Err(error) => {
                let fault = Fault::new(file, Severity::Invalid, error.to_string());
                faults.push(fault.at(place.start, place.len()));
                continue;
            }
        };
        let depth = info.depth;
        if depth > MAX_DEPTH {
            let text = format!("nested {depth} deep, where {MAX_DEPTH} is the most");
            faults.push(
                Fault::new(file, Severity::Invalid, text)
                    .at(info.place.start, info.place.len())
                    .advise("write a long chain of `||` as `[…].contains(…)`, or split the policy"),
            );
        }
        found.push((number, info));
    }
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, info)| info).collect()
}

fn policy_info(
    policy: &Policy,
    file: &Arc<SourceFile>,
    number: usize,
    place: std::ops::Range<usize>,
) -> Result<PolicyInfo, PlanError> {
    let id: Arc<str> = policy.annotation("id").map_or_else(
        || Arc::from(format!("{}/policy{number}", file.stem())),
        Arc::from,
    );
    let policy = policy.new_id(PolicyId::new(&*id));
    PolicyInfo::new(policy, id, file, place)
}

/// Validates strictly, and finds the level to which the policies look.
fn validate(schema: &Schema, policies: &[PolicyInfo], faults: &mut Vec<Fault>) -> u32 {
    let files: HashMap<&PolicyId, &PolicyInfo> = policies
        .iter()
        .map(|info| (info.policy.id(), info))
        .collect();
    let set = match PolicySet::from_policies(policies.iter().map(|info| info.policy.clone())) {
        Ok(set) => set,
        Err(error) => {
            if let Some(first) = policies.first() {
                faults.push(Fault::new(
                    &first.file,
                    Severity::Invalid,
                    error.to_string(),
                ));
            }
            return 0;
        }
    };
    let validator = Validator::new(schema.cedar().clone());
    let before = faults.len();
    let mut report = |id: &PolicyId, diagnostic: &dyn Diagnostic| {
        if let Some(info) = files.get(id) {
            let mut fault = Fault::from_diagnostic(&info.file, diagnostic);
            if fault.labels.is_empty() {
                fault = fault.at(info.place.start, info.place.len());
            }
            faults.push(fault);
        }
    };
    let result = validator.validate(&set, ValidationMode::Strict);
    for error in result.validation_errors() {
        report(error.policy_id(), error);
    }
    for warning in result.validation_warnings() {
        report(warning.policy_id(), warning);
    }
    if faults.len() > before {
        return 0;
    }
    for level in 0..=MAX_LEVEL {
        let result = validator.validate_with_level(&set, ValidationMode::Strict, level);
        if result.validation_passed() {
            return level;
        }
        if level == MAX_LEVEL {
            for error in result.validation_errors() {
                if let Some(info) = files.get(error.policy_id()) {
                    faults.push(Fault::from_diagnostic(&info.file, error));
                }
            }
        }
    }
    MAX_LEVEL
}

/// A literal in another spelling than the stored one never equals anything: a
/// forbid that names it would never fire.
fn canonical_literals(schema: &Schema, policies: &[PolicyInfo], faults: &mut Vec<Fault>) {
    for info in policies {
        for literal in info.policy.entity_literals() {
            let canonical = schema.canonical(literal.clone());
            if canonical != literal {
                let id: &str = literal.id().as_ref();
                let text = info.file.text.get(info.place.clone()).unwrap_or_default();
                let (start, len) = match text.find(id) {
                    Some(at) => (info.place.start + at, id.len()),
                    None => (info.place.start, info.place.len()),
                };
                faults.push(
                    Fault::new(
                        &info.file,
                        Severity::Invalid,
                        "an id that is not written as it is stored",
                    )
                    .at(start, len)
                    .advise(format!("write `{canonical}`")),
                );
            }
        }
    }
}
