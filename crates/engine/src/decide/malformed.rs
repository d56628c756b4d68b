//! Questions and searches that cannot be read.

use crate::schema::Misfit;

/// A question that cannot be read. It names the member that is at fault, and nothing of its
/// contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{misfit}")]
pub struct Malformed {
    /// Names the kind of fault, for programs. Never changes its meaning.
    pub code: &'static str,
    /// The member, and what is wrong with it.
    pub misfit: Misfit,
}

impl Malformed {
    /// The same, one level further out.
    #[must_use]
    pub fn within(mut self, member: &str) -> Self {
        self.misfit = self.misfit.within(member);
        self
    }

    pub(crate) fn new(code: &'static str, member: &str, misfit: Misfit) -> Self {
        Self {
            code,
            misfit: misfit.within(member),
        }
    }

    /// A member that does not fit.
    #[must_use]
    pub fn question(misfit: Misfit) -> Self {
        Self {
            code: "MALFORMED_QUESTION",
            misfit,
        }
    }

    /// A fault of the text as a whole.
    pub fn json(problem: impl Into<String>) -> Self {
        Self {
            code: "MALFORMED_JSON",
            misfit: Misfit::new(problem),
        }
    }
}
