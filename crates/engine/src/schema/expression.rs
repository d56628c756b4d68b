//! Expressions of a policy's tree, to be evaluated.
//!
//! `cedar-policy` shows policies as a tree and evaluates expressions, but leads from one to the
//! other only through the exactly pinned `cedar-policy-core`.

use cedar_policy::Expression;
use cedar_policy::pst::Expr;
use cedar_policy_core::ast;

/// An expression of a policy, to be evaluated.
pub(crate) fn expression(expression: &Expr) -> Expression {
    ast::Expr::from(expression.clone()).into()
}
