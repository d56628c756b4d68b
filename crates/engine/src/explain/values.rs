//! The values that a policy reads.

use cedar_policy::pst::{BinaryOp, Expr, Var};
use cedar_policy::{EntityUid, Policy, PrincipalConstraint, ResourceConstraint};

use super::brief::{VALUE, brief};
use super::cedar::{conditions, literal, text};
use super::world::World;

/// A value that a policy has read: an attribute, a tag, a part of the context, or a place in the
/// hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadValue {
    /// The expression that was read, as the policy writes it.
    pub expression: String,
    /// The value as Cedar writes it, or Cedar's error where there is none. Long values are
    /// truncated, with `…` at the end.
    pub value: Result<String, String>,
}

/// The values that the scope and the conditions of a policy read, in order. Parts that `&&`, `||`
/// and `if` skip are not read.
pub(super) fn values(policy: &Policy, world: &World<'_>) -> Result<Vec<ReadValue>, String> {
    let mut reading = ValueReader {
        world,
        read: Vec::new(),
    };
    for (var, group) in groups(policy) {
        let is_in = Expr::BinaryOp {
            op: BinaryOp::In,
            left: Expr::Var(var).into(),
            right: literal(&group).into(),
        };
        reading.walk(&is_in);
        if !world.is(&is_in, true) {
            return Ok(reading.read);
        }
    }
    for (expression, want) in conditions(policy)? {
        reading.walk(&expression);
        // Cedar joins clauses by `&&`.
        if !world.is(&expression, want) {
            break;
        }
    }
    Ok(reading.read)
}

/// The groups that the scope wants the principal and the resource to be in.
fn groups(policy: &Policy) -> Vec<(Var, EntityUid)> {
    let mut groups = Vec::new();
    if let PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) =
        policy.principal_constraint()
    {
        groups.push((Var::Principal, uid));
    }
    if let ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) =
        policy.resource_constraint()
    {
        groups.push((Var::Resource, uid));
    }
    groups
}

struct ValueReader<'a> {
    world: &'a World<'a>,
    read: Vec<ReadValue>,
}

impl ValueReader<'_> {
    /// Walks the parts of an expression that are evaluated, in order. Returns true if it has a
    /// value: behind one that fails nothing is read.
    fn walk(&mut self, expression: &Expr) -> bool {
        if self.world.basis.is_tired() {
            return false;
        }
        match expression {
            Expr::Literal(_) | Expr::Var(_) => true,
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => {
                self.walk(expr) && self.world.evaluate(expression).is_ok()
            }
            Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } => {
                self.walk(expr) && self.note(expression)
            }
            Expr::BinaryOp { op, left, right } => match op {
                BinaryOp::And | BinaryOp::Or => {
                    let goes_on = *op == BinaryOp::And;
                    self.walk(left) && (!self.world.is(left, goes_on) || self.walk(right))
                }
                BinaryOp::GetTag | BinaryOp::HasTag | BinaryOp::In => {
                    self.walk(left) && self.walk(right) && self.note(expression)
                }
                _ => self.walk(left) && self.walk(right) && self.world.evaluate(expression).is_ok(),
            },
            Expr::Is {
                expr,
                entity_type,
                in_expr,
            } => {
                let reached = self.walk(expr);
                match in_expr {
                    Some(above) if reached => {
                        let is_of_type = Expr::Is {
                            expr: expr.clone(),
                            entity_type: entity_type.clone(),
                            in_expr: None,
                        };
                        !self.world.is(&is_of_type, true)
                            || (self.walk(above) && self.note(expression))
                    }
                    _ => reached,
                }
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                self.walk(cond)
                    && match self.world.is(cond, true) {
                        true => self.walk(then_expr),
                        false => self.walk(else_expr),
                    }
            }
            Expr::Set(elements) => elements.iter().all(|element| self.walk(element)),
            Expr::Record(members) => members.values().all(|member| self.walk(member)),
            _ => self.world.evaluate(expression).is_ok(),
        }
    }

    fn note(&mut self, expression: &Expr) -> bool {
        if self.world.basis.is_tired() {
            return false;
        }
        let value = self.world.evaluate(expression);
        let read = ReadValue {
            expression: text(expression),
            value: match value {
                Ok(value) => Ok(brief(&value, VALUE)),
                Err(error) => Err(brief(&error, VALUE)),
            },
        };
        let has_value = read.value.is_ok();
        if !self.read.contains(&read) {
            self.read.push(read);
        }
        has_value
    }
}
