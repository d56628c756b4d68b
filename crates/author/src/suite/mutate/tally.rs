//! Numbers of mutants, by operator.

use super::fate::{Fate, Tried};
use crate::mutant::Operator;

/// Mutants of one operator, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
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

impl Numbers {
    fn count(&mut self, fate: &Fate) {
        self.made += 1;
        match fate {
            Fate::Invalid => self.invalid += 1,
            Fate::Killed => self.killed += 1,
            Fate::Equivalent => self.equivalent += 1,
            Fate::Survived(_) => self.survived += 1,
        }
    }
}

/// The numbers of each operator that made any mutant, and of all together.
#[must_use]
pub fn tally(tried: &[Tried]) -> (Vec<(Operator, Numbers)>, Numbers) {
    let mut all = Numbers::default();
    let mut each = Vec::new();
    for operator in Operator::ALL {
        let mut numbers = Numbers::default();
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
