//! The fates of mutants.

use crate::mutant::Mutant;

/// A mutant, and what became of it.
#[derive(Debug)]
pub struct TriedMutant {
    /// The mutant.
    pub mutant: Mutant,
    /// Its fate.
    pub fate: MutantFate,
}

/// The result for a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MutantFate {
    /// It could never be in force.
    Invalid,
    /// Some answer was not the expected one.
    Killed,
    /// It is proved that no answer could.
    Equivalent,
    /// No answer gave it away, and nothing proves that none could.
    Survived(EquivalenceUnproved),
}

/// The reason why two policies are not proved to give the same answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EquivalenceUnproved {
    /// A request whose answer differs, for a reader.
    Different(String),
    /// Nothing is known, for this reason.
    Unknown(String),
}
