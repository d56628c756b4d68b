//! How much work a policy is for Cedar's validator, found before it is asked.

use cedar_policy::pst::{BinaryOp, Expr, Var};

/// Comparisons of what is known by `has` that take as long as a look at one expression.
const COMPARISONS: u64 = 16;

/// The measures of a policy, or of an expression of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weight {
    /// How deep expressions are nested in each other.
    pub(super) depth: usize,
    /// How deep conditionals are nested in the branches of conditionals.
    pub(super) conditionals: usize,
    /// References that are followed one after the other, at most: an attribute of a record counts as one of an
    /// entity, since that depends on the schema.
    pub(super) references: u32,
    /// Expressions that are looked at. Of a conditional one branch may be taken for both.
    expressions: u64,
    /// Attributes and tags that it asks for by `has` and `hasTag`. Each is compared with those
    /// before it.
    asked: u64,
    /// The longest path that is asked for.
    longest: u64,
}

impl Weight {
    pub(super) fn of(expression: &Expr) -> Self {
        let mut all = match expression {
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                let (one, other) = (Self::of(then_expr), Self::of(else_expr));
                let longest = one.expressions.max(other.expressions);
                let branches = one.beside(other);
                Self::of(cond).beside(Self {
                    conditionals: branches.conditionals + 1,
                    expressions: longest.saturating_mul(2),
                    ..branches
                })
            }
            others => {
                let mut all = Self::default();
                each_child(others, &mut |child| all = all.beside(Self::of(child)));
                all
            }
        };
        let asked = match expression {
            // `a has b.c` is `a has b && a.b has c`.
            Expr::HasAttr { attrs, .. } => attrs.len(),
            Expr::BinaryOp {
                op: BinaryOp::HasTag,
                ..
            } => 1,
            _ => 0,
        };
        all.references = all.references.saturating_add(followed(expression));
        all.expressions = all.expressions.saturating_add(asked.max(1) as u64);
        all.depth += asked.max(1);
        if asked > 0 {
            all.asked = all.asked.saturating_add(asked as u64);
            all.longest = all.longest.max(all.depth as u64);
        }
        all
    }

    /// Of two expressions side by side.
    pub(super) fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            conditionals: self.conditionals.max(other.conditionals),
            references: self.references.max(other.references),
            expressions: self.expressions.saturating_add(other.expressions),
            asked: self.asked.saturating_add(other.asked),
            longest: self.longest.max(other.longest),
        }
    }

    /// Steps that Cedar's validator needs for one kind of question.
    pub(super) fn steps(&self) -> u64 {
        let compared = self.asked.saturating_mul(self.asked);
        let compared = compared.saturating_mul(self.longest) / COMPARISONS;
        self.expressions.saturating_add(compared)
    }
}

/// The references that an expression itself follows, at most. The context is a record.
fn followed(expression: &Expr) -> u32 {
    let (of, count) = match expression {
        Expr::GetAttr { expr, .. } => (expr, 1),
        Expr::HasAttr { expr, attrs } => (expr, u32::try_from(attrs.len()).unwrap_or(u32::MAX)),
        Expr::BinaryOp {
            op: BinaryOp::In | BinaryOp::GetTag | BinaryOp::HasTag,
            left,
            ..
        } => (left, 1),
        Expr::Is { expr, .. } => (expr, 1),
        _ => return 0,
    };
    match **of {
        Expr::Var(Var::Context) => count.saturating_sub(1),
        _ => count,
    }
}

/// Visits what an expression is made of.
pub(super) fn each_child(expression: &Expr, visit: &mut dyn FnMut(&Expr)) {
    match expression {
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. } => visit(expr),
        Expr::BinaryOp { left, right, .. } => {
            visit(left);
            visit(right);
        }
        Expr::Is { expr, in_expr, .. } => {
            visit(expr);
            in_expr.iter().for_each(|inner| visit(inner));
        }
        Expr::IfThenElse {
            cond,
            then_expr,
            else_expr,
        } => {
            visit(cond);
            visit(then_expr);
            visit(else_expr);
        }
        Expr::Set(elements) => elements.iter().for_each(|element| visit(element)),
        Expr::Record(members) => members.values().for_each(|member| visit(member)),
        _ => {}
    }
}
