//! The closed list of rules, codes and obligations that policies are held to.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `rules.toml` of a policy directory.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The obligations that a permit may put on the caller.
    #[serde(default)]
    pub obligations: Vec<String>,
    /// By rule id.
    pub rules: BTreeMap<String, Rule>,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule, in one line.
    pub text: String,
    /// The codes of a denial by it.
    #[serde(default)]
    pub codes: Vec<String>,
    /// The part that enforces it.
    pub held_by: HeldBy,
    /// The ids of all policies that hold it: without one of them the set is not whole.
    #[serde(default)]
    pub policies: Vec<String>,
    /// For a rule that no policy carries: how it is enforced all the same.
    #[serde(default)]
    pub why: Option<String>,
    /// The reason why no case of a policy suite can show it. Coverage does not ask for a case
    /// then, and fails if there is one.
    #[serde(default)]
    pub exempt: Option<String>,
}

/// The part that enforces a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeldBy {
    /// The policies that carry its id.
    Policies,
    /// The engine or the schema, before any policy is asked.
    Engine,
    /// The absence of policies: none permits it, or none forbids it.
    Absence,
}
