//! Expressions that can fail.

use cedar_policy::pst::{BinaryOp, Expr, UnaryOp};

/// Returns true if the evaluation of an expression can fail. A policy is strictly valid, so that it
/// reads no value of another type, and asks first for an attribute or tag that may be absent; what is
/// left are attributes of an entity that the row names and nobody holds, calculations, which
/// overflow, and whatever is not listed here. `is_own` is true of what the row itself holds.
pub(super) fn may_fail(expression: &Expr, is_own: &dyn Fn(&Expr) -> bool) -> bool {
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
        // The way to what is its own is not looked at: a row of another level is there.
        Expr::GetAttr { expr, .. } => Some(!is_own(expr)),
        Expr::Literal(_)
        | Expr::Var(_)
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
