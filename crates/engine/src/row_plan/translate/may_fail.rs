//! Expressions that can fail.

use cedar_policy::pst::{BinaryOp, Expr, UnaryOp};

/// Returns true if the evaluation of an expression can fail. A policy is strictly valid, so that it
/// reads no attribute or tag which is absent, and no value of another type; what is left are
/// calculations, which overflow, and whatever is not listed here.
pub(super) fn may_fail(expression: &Expr) -> bool {
    let fails = |expression: &Expr| match expression {
        Expr::UnaryOp { op, .. } => {
            (!matches!(op, UnaryOp::Not | UnaryOp::IsEmpty)).then_some(true)
        }
        Expr::BinaryOp { op, .. } => (!matches!(
            op,
            BinaryOp::Eq
                | BinaryOp::NotEq
                | BinaryOp::Less
                | BinaryOp::LessEq
                | BinaryOp::Greater
                | BinaryOp::GreaterEq
                | BinaryOp::And
                | BinaryOp::Or
                | BinaryOp::In
                | BinaryOp::Contains
                | BinaryOp::ContainsAll
                | BinaryOp::ContainsAny
                | BinaryOp::GetTag
                | BinaryOp::HasTag
        ))
        .then_some(true),
        Expr::ResidualError => Some(true),
        Expr::Literal(_)
        | Expr::Var(_)
        | Expr::GetAttr { .. }
        | Expr::HasAttr { .. }
        | Expr::Like { .. }
        | Expr::Is { .. }
        | Expr::IfThenElse { .. }
        | Expr::Set(_)
        | Expr::Record(_) => None,
        _ => Some(true),
    };
    expression.reduce(&fails, &|one, other| one || other, false)
}
