//! Between Cedar's tree of a policy, values, and text.
//!
//! This file is the only one of an explanation that knows the exactly pinned `cedar-policy-core`.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal};
use cedar_policy::{EntityUid, Policy};
use cedar_policy_core::ast;

use super::brief::{VALUE, brief, is_longer};
use crate::schema::Value;

/// Of how many parts an expression is made.
pub(super) fn size(expression: &Expr) -> usize {
    let inner = |part: &Expr| matches!(part, Expr::Literal(_) | Expr::Var(_)).then_some(1);
    1 + expression.reduce(&inner, &|one: usize, other| one.saturating_add(other), 1)
}

/// An entity as an expression.
pub(super) fn literal(uid: &EntityUid) -> Expr {
    let uid: &ast::EntityUID = uid.as_ref();
    Expr::Literal(Literal::EntityUID(uid.clone().into()))
}

/// An expression as Cedar writes it; but Cedar keeps `a > b` as `!(a <= b)`.
pub(super) fn text(expression: &Expr) -> String {
    if let Expr::BinaryOp {
        op: op @ (BinaryOp::Greater | BinaryOp::GreaterEq | BinaryOp::NotEq),
        left,
        right,
    } = expression
    {
        return format!("{} {op} {}", operand(left), operand(right));
    }
    ast::Expr::from(expression.clone()).to_string()
}

/// One side of a comparison.
fn operand(expression: &Expr) -> String {
    let text = text(expression);
    let stands_alone = match expression {
        Expr::BinaryOp { op, .. } => *op == BinaryOp::GetTag,
        Expr::Literal(_) | Expr::Var(_) | Expr::GetAttr { .. } => true,
        _ => false,
    };
    match stands_alone {
        true => text,
        false => format!("({text})"),
    }
}

/// A value as Cedar writes it, truncated where it is long.
#[must_use]
pub fn shown(value: &Value) -> String {
    let expression = value.to_expression();
    let expression: &ast::RestrictedExpr = expression.as_ref();
    brief(expression, VALUE)
}

/// Returns true if [`shown`] truncates a value.
pub(super) fn is_long(value: &Value) -> bool {
    let expression = value.to_expression();
    let expression: &ast::RestrictedExpr = expression.as_ref();
    is_longer(expression, VALUE)
}

/// The conditions of a policy, each with the value that it has to have.
pub(super) fn conditions(policy: &Policy) -> Result<Vec<(Arc<Expr>, bool)>, String> {
    let policy = policy.to_pst().map_err(|error| error.to_string())?;
    let clauses = policy.body().clauses().iter();
    Ok(clauses
        .map(|clause| match clause {
            Clause::When(expression) => (Arc::clone(expression), true),
            Clause::Unless(expression) => (Arc::clone(expression), false),
        })
        .collect())
}
