//! Numbers of mutants, by operator.

use super::fate::{MutantFate, TriedMutant};
use crate::mutant::MutationOperator;

/// Mutants of one operator, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MutantCounts {
    /// All of them.
    pub made: usize,
    /// Those that could never be in force.
    pub invalid: usize,
    /// Those that some answer gave away.
    pub killed: usize,
    /// Those that are proved to change no answer.
    pub equivalent: usize,
    /// Those that are left.
    pub survived: usize,
}

impl MutantCounts {
    fn count(&mut self, fate: &MutantFate) {
        self.made += 1;
        match fate {
            MutantFate::Invalid => self.invalid += 1,
            MutantFate::Killed => self.killed += 1,
            MutantFate::Equivalent => self.equivalent += 1,
            MutantFate::Survived(_) => self.survived += 1,
        }
    }
}

/// The numbers of each operator that made any mutant, and of all together.
#[must_use]
pub fn tally(tried: &[TriedMutant]) -> (Vec<(MutationOperator, MutantCounts)>, MutantCounts) {
    let mut all = MutantCounts::default();
    let mut each = Vec::new();
    for operator in MutationOperator::ALL {
        let mut numbers = MutantCounts::default();
        for one in tried.iter().filter(|one| one.mutant.operator == operator) {
            numbers.count(&one.fate);
            all.count(&one.fate);
        }
        if numbers.made > 0 {
            each.push((operator, numbers));
        }
    }
    (each, all)
}
