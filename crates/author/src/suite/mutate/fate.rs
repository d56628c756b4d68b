//! What becomes of a mutant.

use crate::mutant::Mutant;

/// A mutant, and what became of it.
#[derive(Debug)]
pub struct Tried {
    /// The mutant.
    pub mutant: Mutant,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It could never be in force.
    Invalid,
    /// Some answer was not the expected one.
    Killed,
    /// It is proved that no answer could.
    Equivalent,
    /// No answer gave it away, and nothing proves that none could.
    Survived(Unproved),
}

/// What is known where two policies are not proved to be answered by alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unproved {
    /// They are not: a request that shows it, for a reader.
    Different(String),
    /// Nothing, and why.
    Unknown(String),
}
