//! Issuers with keys of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::list;
use super::super::range::SettingFaults;
use super::algorithm::Algorithm;
use super::jwks::Jwks;
use super::principal::{Constant, NO_CLAIM, Principal, is_claim};

/// An issuer with keys of its own. What it leaves out is that of all issuers, but for the audience and
/// the principals: those that another issuer may name are not for it to name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtIssuer {
    /// The issuer: `iss` of its tokens.
    pub issuer: String,
    /// The place of its keys.
    pub jwks: Jwks,
    /// The audiences: a token is for one of these.
    #[serde(deserialize_with = "list::deserialize")]
    pub audience: Vec<String>,
    /// The claims that say for whom a token is; the first one that it has counts.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub audience_claim: Vec<String>,
    /// The signatures that a token may have.
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,
    /// The types that a token may have (`typ` of its header), if it names one.
    #[serde(default, deserialize_with = "list::deserialize")]
    pub types: Vec<String>,
    /// The claims that every token must have, with their constants.
    #[serde(default)]
    pub require: BTreeMap<String, Constant>,
    /// A PEM file of root certificates for the server of its keys.
    #[serde(default)]
    pub ca_certificate: Option<PathBuf>,
    /// The principals that tokens name; the first entry that fits counts.
    pub principal: Vec<Principal>,
}

/// The problem of an issuer with a placeholder.
pub(super) const PLACEHOLDER: &str =
    "must name each issuer in full, and each tenant: `{` is in none of them";

/// Types of signed tokens that nobody may come with as a bearer.
const NO_BEARER: [&str; 4] = ["dpop+jwt", "logout+jwt", "secevent+jwt", "kb+jwt"];

/// Checks all issuers with keys of their own; `others` are the names of those without.
pub(super) fn check(issuers: &[JwtIssuer], others: &[String], faults: &mut SettingFaults) {
    let mut names: BTreeSet<&String> = others.iter().collect();
    for entry in issuers {
        let name = &entry.issuer;
        if !names.insert(name) {
            faults.add("jwt.issuers", format!("`{name}` is there twice"));
        }
        if let Some(problem) = entry.problem() {
            faults.add("jwt.issuers", format!("`{name}`: {problem}"));
        }
    }
}

impl JwtIssuer {
    fn problem(&self) -> Option<&'static str> {
        let is_empty = |path: Option<&Path>| path.is_some_and(|path| path.as_os_str().is_empty());
        let file = match &self.jwks {
            Jwks::File(path) => Some(path.as_path()),
            Jwks::Url(_) => None,
        };
        if self.issuer.is_empty() {
            return Some("`issuer` must not be empty");
        }
        if self.issuer.contains('{') {
            return Some(PLACEHOLDER);
        }
        if is_empty(file) || is_empty(self.ca_certificate.as_deref()) {
            return Some("a path must not be empty");
        }
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            return Some("`audience` must not be empty");
        }
        if self.principal.is_empty() {
            return Some("`principal` must not be empty");
        }
        let of_types = || types_problem(&self.types).filter(|_| !self.types.is_empty());
        let of_claim =
            || claims_problem(&self.audience_claim).filter(|_| !self.audience_claim.is_empty());
        of_types()
            .or_else(of_claim)
            .or_else(|| require_problem(&self.require))
            .or_else(|| self.principal.iter().find_map(Principal::problem))
    }
}

pub(super) fn types_problem(types: &[String]) -> Option<&'static str> {
    if types.is_empty() || types.iter().any(String::is_empty) {
        return Some("`types` must not be empty");
    }
    let is_no_bearer = |kind: &String| {
        let kind = kind.to_ascii_lowercase();
        NO_BEARER.contains(&kind.strip_prefix("application/").unwrap_or(&kind))
    };
    types
        .iter()
        .any(is_no_bearer)
        .then_some("`types`: tokens of logouts, events and proofs are no bearer tokens")
}

pub(in crate::config) fn claims_problem(claims: &[String]) -> Option<&'static str> {
    let is_good = !claims.is_empty() && claims.iter().all(|name| is_claim(name));
    (!is_good).then_some(NO_CLAIM)
}

pub(in crate::config) fn require_problem(
    require: &BTreeMap<String, Constant>,
) -> Option<&'static str> {
    (!require.keys().all(|name| is_claim(name))).then_some(NO_CLAIM)
}
