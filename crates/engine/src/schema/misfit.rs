//! JSON that does not fit its type.

use std::fmt;

use crate::text::cut;

/// The most bytes of one member's name that are repeated.
const MEMBER: usize = 256;

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
        // It may be a caller's own: an error that repeats all of it would be as long as a body.
        let member = &*cut(member, MEMBER);
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
