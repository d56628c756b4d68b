//! Entries, compared with a template that is in no table.

use std::sync::Arc;

use super::Route;
use super::pattern::Pattern;

/// Requests of one method to the paths of one template, as a description of a service has them.
#[derive(Debug)]
pub struct RequestTemplate(Pattern);

/// How an entry and a template with requests in common differ.
#[derive(Debug, PartialEq, Eq)]
pub struct Likeness {
    /// The entry has a parameter where the template has a text, or one of a narrower shape.
    pub wider: bool,
    /// The entry has a text where the template has a parameter.
    pub narrower: bool,
    /// The parameters of the entry, each with the number of its segment.
    pub parameters: Vec<(Arc<str>, usize)>,
}

impl RequestTemplate {
    /// Reads `PUT /orgs/{orgId}`.
    ///
    /// # Errors
    /// The problem of what no entry of a table could be for.
    pub fn parse(text: &str) -> Result<Self, String> {
        Pattern::parse(text).map(Self).map_err(|faults| {
            let problems: Vec<_> = faults.into_iter().map(|fault| fault.problem).collect();
            problems.join(", ")
        })
    }
}

impl Likeness {
    /// Returns true if both have texts in the same segments.
    #[must_use]
    pub fn is_same(&self) -> bool {
        !self.wider && !self.narrower
    }
}

impl Route {
    /// Compares the entry with a template; `None` where they have no request in common.
    #[must_use]
    pub fn alike(&self, other: &RequestTemplate) -> Option<Likeness> {
        let RequestTemplate(other) = other;
        if !self.pattern.method.and_alike().contains(&other.method) {
            return None;
        }
        self.pattern.common(other)?;
        let (wider, narrower) = self.pattern.differences(other);
        let parameters = self.pattern.parameters();
        let parameters = parameters.map(|(name, number)| (Arc::clone(name), number));
        Some(Likeness {
            wider,
            narrower,
            parameters: parameters.collect(),
        })
    }
}
