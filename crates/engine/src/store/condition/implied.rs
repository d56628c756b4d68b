//! Conditions that another one implies.

use super::{Condition, ValueTest};

/// The same without parts that another part implies.
pub(super) fn without_implied(parts: Vec<Condition>) -> Vec<Condition> {
    let mut kept: Vec<Condition> = Vec::with_capacity(parts.len());
    for part in parts {
        if !kept.iter().any(|other| part.is_implied_by(other)) {
            kept.retain(|other| !other.is_implied_by(&part));
            kept.push(part);
        }
    }
    kept
}

impl Condition {
    fn is_implied_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Holds(operand, test), Self::Holds(other_operand, other)) => {
                operand == other_operand && test.is_implied_by(other)
            }
            _ => self == other,
        }
    }
}

impl ValueTest {
    /// Returns true if it passes wherever another test does: it asks only for the presence of
    /// a tag that the other one tests.
    fn is_implied_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present, test) => !matches!(test, Self::Absent),
            (
                Self::Tag { of, key, test },
                Self::Tag {
                    of: other_of,
                    key: other_key,
                    test: other,
                },
            ) => of == other_of && key == other_key && test.is_implied_by(other),
            (
                Self::KeyOf { of, id, test },
                Self::KeyOf {
                    of: other_of,
                    id: other_id,
                    test: other,
                },
            ) => of == other_of && id == other_id && test.is_implied_by(other),
            (
                Self::Attribute { of, name, test },
                Self::Attribute {
                    of: other_of,
                    name: other_name,
                    test: other,
                },
            ) => of == other_of && name == other_name && test.is_implied_by(other),
            _ => self == other,
        }
    }
}
