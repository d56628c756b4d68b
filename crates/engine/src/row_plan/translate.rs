//! From what is left of policies to a formula.
//!
//! [`Translator::formula`] gives a formula that holds exactly where an expression evaluates to what
//! is wanted, and not where it fails. So "is true" and "is false" are two formulas, and nothing is
//! negated. An expression that looks only into one entity which the row names is a claim about that
//! entity; a test of the row's own values is one of the row; anything else is an error.

mod may_fail;
mod tests_of_rows;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::EntityUid;
use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, Policy, UnaryOp};

use super::formula::{Claim, Formula, Terms};
use super::uses::{AttributePlace, Level};
use crate::decide::Failure;
use crate::schema::{Row, Schema, Type};
use crate::store::Store;
use may_fail::may_fail;

/// Expressions that are read for one plan.
const STEPS: usize = 100_000;

/// Translates what is left of policies, for one level of rows.
pub(super) struct Translator<'a> {
    pub(super) schema: &'a Schema,
    pub(super) store: &'a dyn Store,
    /// The entities that are known.
    pub(super) known: HashMap<&'a EntityUid, &'a Row>,
    pub(super) level: &'a Level,
    /// The policy that is read.
    pub(super) policy: &'a str,
    pub(super) steps: &'a Cell<usize>,
}

impl<'a> Translator<'a> {
    /// Holds where a policy is satisfied, or where it is not, and does not fail.
    pub(super) fn policy(&self, policy: &Policy, want: bool) -> Result<Formula, Failure> {
        let mut found = Formula::certain(want);
        // Cedar evaluates them in order, up to the first that is not satisfied.
        for clause in policy.body().clauses().iter().rev() {
            let (expression, wanted) = match clause {
                Clause::When(expression) => (expression, true),
                Clause::Unless(expression) => (expression, false),
            };
            found = match want {
                true => Formula::all([self.formula(expression, wanted)?, found]),
                false => {
                    let satisfied = || self.formula(expression, wanted);
                    let unsatisfied = self.formula(expression, !wanted)?;
                    self.behind(expression, unsatisfied, satisfied, found)?
                }
            };
        }
        Ok(found)
    }

    /// Returns true if a policy can fail.
    pub(super) fn may_fail(&self, policy: &Policy) -> bool {
        policy.body().clauses().iter().any(|clause| {
            let (Clause::When(expression) | Clause::Unless(expression)) = clause;
            self.can_fail(expression)
        })
    }

    /// Returns true if an expression can fail on a row of this level.
    pub(super) fn can_fail(&self, expression: &Expr) -> bool {
        may_fail(expression, &|of| self.is_own(of))
    }

    /// Returns true if an expression is the row's own entity, or a record in it.
    fn is_own(&self, expression: &Expr) -> bool {
        match self.level.place(expression, self.schema) {
            Some(AttributePlace::Row { names, ty, .. }) => {
                names.is_empty() || matches!(ty, Type::Record(_))
            }
            Some(AttributePlace::Past { .. }) | None => false,
        }
    }

    /// Holds exactly where an expression evaluates to `want`.
    pub(super) fn formula(&self, expression: &Arc<Expr>, want: bool) -> Result<Formula, Failure> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > STEPS {
            return Err(self.not_exact("the policies", "they are too many, or too long"));
        }
        match &**expression {
            Expr::Literal(Literal::Bool(value)) => return Ok(Formula::certain(*value == want)),
            Expr::ResidualError => return Ok(Formula::NEVER),
            Expr::UnaryOp {
                op: UnaryOp::Not,
                expr,
            } => return self.formula(expr, !want),
            _ => {}
        }
        let uses = self.level.uses(expression, self.schema);
        let about = if uses.is_empty() {
            Some(None)
        } else {
            let one = uses.one_entity().filter(|about| self.settles(about));
            one.map(|about| Some(about.clone()))
        };
        // An error within it cannot be evaluated again.
        if let Some(about) = about.filter(|_| !expression.has_error()) {
            let terms = Terms::Is(Arc::clone(expression), want);
            return Ok(Formula::Claim(Claim { about, terms }));
        }
        match &**expression {
            Expr::BinaryOp {
                op: op @ (BinaryOp::And | BinaryOp::Or),
                left,
                right,
            } => {
                // `true` ends a disjunction, `false` a conjunction.
                let end = *op == BinaryOp::Or;
                let first = self.formula(left, want)?;
                let second = self.formula(right, want)?;
                if want == end {
                    self.behind(left, first, || self.formula(left, !end), second)
                } else {
                    Ok(Formula::all([first, second]))
                }
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => Ok(Formula::any([
                Formula::all([self.formula(cond, true)?, self.formula(then_expr, want)?]),
                Formula::all([self.formula(cond, false)?, self.formula(else_expr, want)?]),
            ])),
            Expr::BinaryOp {
                op: op @ (BinaryOp::Eq | BinaryOp::NotEq),
                left,
                right,
            } if let Some((other, value)) = boolean(left, right) => {
                self.formula(other, (value == want) == (*op == BinaryOp::Eq))
            }
            other => match self.row_test(other, want)? {
                Some(condition) => Ok(Formula::Row(condition)),
                // Of the row's own entity the store knows all.
                None if self.settles(&[]) && !other.has_error() => Ok(Formula::Claim(Claim {
                    about: Some(Vec::new()),
                    terms: Terms::Is(Arc::clone(expression), want),
                })),
                None => Err(self.not_exact(
                    &uses.named(),
                    "a condition on columns cannot say exactly that",
                )),
            },
        }
    }

    /// The first holds, or the second does where the first expression lets it come to that.
    fn behind(
        &self,
        expression: &Expr,
        first: Formula,
        passed: impl FnOnce() -> Result<Formula, Failure>,
        second: Formula,
    ) -> Result<Formula, Failure> {
        // An expression that cannot fail is one or the other.
        let second = match self.can_fail(expression) {
            true => Formula::all([passed()?, second]),
            false => second,
        };
        Ok(Formula::any([first, second]))
    }

    /// Returns true if the store alone says what the entity at a reference is, so that it can say for
    /// which entities a claim holds.
    fn settles(&self, reference: &[Arc<str>]) -> bool {
        let Some(name) = self.level.type_at(reference, self.schema) else {
            return false;
        };
        let found = self.schema.entity_type(&name);
        self.store.serves(&name)
            && found.is_some_and(|found| found.when_absent.is_none() && found.choices.is_none())
    }

    /// An error that names the policy and the place.
    pub(super) fn not_exact(&self, place: &str, why: &str) -> Failure {
        Failure::NotExact {
            policy: Arc::from(self.policy),
            place: Arc::from(place),
            why: Arc::from(why),
        }
    }
}

/// A comparison with `true` or `false`: the other side, and which of them.
fn boolean<'e>(left: &'e Arc<Expr>, right: &'e Arc<Expr>) -> Option<(&'e Arc<Expr>, bool)> {
    match (&**left, &**right) {
        (_, Expr::Literal(Literal::Bool(value))) => Some((left, *value)),
        (Expr::Literal(Literal::Bool(value)), _) => Some((right, *value)),
        _ => None,
    }
}
