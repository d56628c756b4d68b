//! Invariants: statements that hold for all requests, each with a policy set of its own.

use std::path::Path;
use std::sync::Arc;

use cedar_policy::Effect;

use peppol_authz_engine::policy::{
    Bundle, Fault, PolicyInfo, Rules, Severity, SourceError, SourceFile, Sources, invariant_files,
    load,
};

/// The relation of the policies to an invariant's own set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvariantStatement {
    /// Requests that its forbids describe are never allowed.
    NeverAllows,
    /// Requests that its forbids describe are forbidden by a policy with the same `@code`, so
    /// that no added permit can ever allow them.
    AlwaysDenies,
    /// All that is allowed is allowed by its set, of the kinds of request that its
    /// policies are about.
    Implies,
    /// All that its set allows is allowed.
    IsImpliedBy,
    /// The same is allowed as by its set, of the kinds of request that its policies are
    /// about.
    Equals,
    /// Nothing that its set allows is allowed.
    IsDisjointFrom,
}

/// A file of `policies/invariants/`.
#[derive(Debug)]
pub struct Invariant {
    /// The file's name without its ending.
    pub name: Arc<str>,
    /// The rule that it is about, `@rule`.
    pub rule: Option<Arc<str>>,
    /// The statement, `@invariant`.
    pub statement: InvariantStatement,
    /// The code of a denial that the invariant wants, `@code`.
    pub code: Option<Arc<str>>,
    /// Its comment, in one line.
    pub text: String,
    /// Its file.
    pub file: Arc<SourceFile>,
    pub(super) bundle: Bundle,
}

/// The statements as `@invariant` names them.
const STATEMENTS: [(&str, InvariantStatement); 6] = [
    ("never allows", InvariantStatement::NeverAllows),
    ("always denies", InvariantStatement::AlwaysDenies),
    ("implies", InvariantStatement::Implies),
    ("is implied by", InvariantStatement::IsImpliedBy),
    ("equals", InvariantStatement::Equals),
    ("is disjoint from", InvariantStatement::IsDisjointFrom),
];

impl InvariantStatement {
    /// As it is written in `@invariant`.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = STATEMENTS.iter().find(|(_, statement)| *statement == self);
        named.map_or("", |(name, _)| name)
    }

    /// True if the invariant's set is of forbids, which describe unwanted requests.
    pub(super) fn is_of_forbids(self) -> bool {
        matches!(self, Self::NeverAllows | Self::AlwaysDenies)
    }
}

/// Reads the invariants of a policy directory, or the shipped ones, and checks them by
/// the schema of `sources`.
///
/// # Errors
/// A file that cannot be read; `Ok` has faults where files hold what is no invariant.
pub fn read_invariants(
    directory: Option<&Path>,
    sources: &Sources,
) -> Result<Result<Vec<Invariant>, Vec<Fault>>, SourceError> {
    let (mut invariants, mut faults) = (Vec::new(), Vec::new());
    for file in invariant_files(directory)? {
        match Invariant::read(&file, sources) {
            Ok(invariant) => invariants.push(invariant),
            Err(found) => faults.extend(found),
        }
    }
    Ok(if faults.is_empty() {
        Ok(invariants)
    } else {
        Err(faults)
    })
}

impl Invariant {
    /// Finds a rule or code of its annotations that the list of rules does not have.
    #[must_use]
    pub fn lint(&self, rules: &Rules) -> Vec<Fault> {
        let Some(rule) = self.rule.as_deref() else {
            let fault = Fault::new(&self.file, Severity::Lint, "no `@rule`");
            return vec![fault.advise("name the rule of `rules.toml` that it is about")];
        };
        let text = match (rules.rules.get(rule), self.code.as_deref()) {
            (None, _) => format!("no rule `{rule}`"),
            (Some(known), Some(code)) if !known.codes.iter().any(|known| known == code) => {
                format!("code `{code}` is not one of its rule's")
            }
            _ => return Vec::new(),
        };
        let fault = Fault::new(&self.file, Severity::Lint, text);
        vec![fault.advise("rules and codes are listed in `rules.toml`")]
    }

    fn read(file: &Arc<SourceFile>, sources: &Sources) -> Result<Self, Vec<Fault>> {
        let schema = Arc::clone(&sources.schema);
        let bundle =
            load(&Sources::new(schema, vec![Arc::clone(file)]).with_max_level(sources.max_level))?;
        let policies = bundle.policies();
        let annotation = |name: &str| {
            let mut values = policies.iter().map(|info| info.policy.annotation(name));
            let first = values.next().flatten();
            match values.all(|other| other == first) {
                true => Ok(first),
                false => Err(name.to_owned()),
            }
        };
        let fault = |info: Option<&Arc<PolicyInfo>>, text: String| {
            let fault = Fault::new(file, Severity::Invalid, text);
            vec![match info {
                Some(info) => fault.at(info.place.start, info.place.len()),
                None => fault,
            }]
        };
        if let Some(template) = bundle.templates.first() {
            let text = "an invariant with a template: nothing links it".to_owned();
            let (place, info) = (template.info.place.clone(), &template.info);
            let fault = Fault::new(&info.file, Severity::Invalid, text);
            return Err(vec![fault.at(place.start, place.len())]);
        }
        let first = policies.first().copied();
        let alike = |name: String| {
            fault(
                first,
                format!("all policies of an invariant have one `@{name}`"),
            )
        };
        let known: Vec<&str> = STATEMENTS.iter().map(|(name, _)| *name).collect();
        let written = annotation("invariant").map_err(alike)?.unwrap_or_default();
        let statement = STATEMENTS.iter().find(|(name, _)| *name == written);
        let Some((_, statement)) = statement else {
            let text = format!("`@invariant` is one of `{}`", known.join("`, `"));
            return Err(fault(first, text));
        };
        if statement.is_of_forbids()
            && let Some(permit) = policies.iter().find(|info| info.effect == Effect::Permit)
        {
            let text = format!("`{written}` is said of forbids");
            return Err(fault(Some(permit), text));
        }
        if !statement.is_of_forbids() && policies.iter().all(|info| info.effect == Effect::Forbid) {
            let text = format!("`{written}` is said of what a permit allows");
            return Err(fault(first, text));
        }
        let code = annotation("code").map_err(alike)?;
        if *statement == InvariantStatement::AlwaysDenies && code.is_none() {
            // A denial by default has a code as well, which would do for any.
            return Err(fault(first, "`always denies` wants a `@code`".to_owned()));
        }
        Ok(Self {
            name: Arc::from(file.stem()),
            rule: annotation("rule").map_err(alike)?.map(Arc::from),
            code: code.map(Arc::from),
            statement: *statement,
            text: comment(&file.text),
            file: Arc::clone(file),
            bundle,
        })
    }
}

/// The comment that a file begins with.
fn comment(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//"));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}
