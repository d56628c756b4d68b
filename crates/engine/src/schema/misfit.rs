//! JSON that does not fit its type.

use std::fmt;

/// JSON that does not fit its type: the member and the problem. It never repeats the
/// JSON itself, which may be personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The member, from the outside in; empty for the value itself.
    pub member: String,
    /// The problem with it.
    pub problem: String,
}

impl Misfit {
    /// A misfit of the value itself.
    pub fn new(problem: impl Into<String>) -> Self {
        Self {
            member: String::new(),
            problem: problem.into(),
        }
    }

    /// The same, one level further out.
    #[must_use]
    pub fn within(mut self, member: &str) -> Self {
        self.member = match self.member.as_str() {
            "" => member.to_owned(),
            inner => format!("{member}.{inner}"),
        };
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.member.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "`{}`: {}", self.member, self.problem)
        }
    }
}
