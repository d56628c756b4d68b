//! Changes of an expression.

use cedar_policy::EntityId;
use cedar_policy_core::parser::cst::{
    Add, Expr, ExprData, Ident, Literal, MemAccess, Member, Name, NegOp, Or, Primary, Ref, RelOp,
    Relation, Str, Unary,
};
use cedar_policy_core::parser::unescape::to_unescaped_string;

use super::edit::MutationOperator;
use super::vocabulary::{other_attributes, other_entities};
use super::walk::{MutationWalk, Node, place};

impl MutationWalk<'_> {
    /// Notes the changes of an expression and of all its parts.
    pub(super) fn expression(&mut self, node: &Node<Expr>) {
        let Some(Expr::Expr(expression)) = &node.node else {
            return;
        };
        match &*expression.expr {
            ExprData::Or(or) => self.or(or),
            ExprData::If(condition, then, otherwise) => {
                for branch in [then, otherwise] {
                    let text = place(branch).and_then(|branch| self.text(&branch));
                    self.replace(
                        MutationOperator::TakeBranch,
                        place(node),
                        text.unwrap_or_default(),
                    );
                }
                for part in [condition, then, otherwise] {
                    self.expression(part);
                }
            }
        }
    }

    fn or(&mut self, node: &Node<Or>) {
        let Some(or) = &node.node else { return };
        let parts: Vec<_> = std::iter::once(&or.initial).chain(&or.extended).collect();
        if parts.len() > 1 {
            self.each_left_out(MutationOperator::DropDisjunct, &parts);
        }
        for and in parts.into_iter().filter_map(|part| part.node.as_ref()) {
            let parts: Vec<_> = std::iter::once(&and.initial).chain(&and.extended).collect();
            if parts.len() > 1 {
                self.each_left_out(MutationOperator::DropConjunct, &parts);
            }
            for part in parts.into_iter().filter_map(|part| part.node.as_ref()) {
                self.relation(part);
            }
        }
    }

    fn relation(&mut self, relation: &Relation) {
        match relation {
            Relation::Common { initial, extended } => {
                self.sum(initial);
                let mut before = initial;
                for (operator, next) in extended {
                    self.comparison(before, *operator, next);
                    self.sum(next);
                    before = next;
                }
            }
            // A field, a pattern and a type are no expressions.
            Relation::Has { target, .. } | Relation::Like { target, .. } => self.sum(target),
            Relation::IsIn {
                target, in_entity, ..
            } => {
                self.sum(target);
                in_entity.iter().for_each(|entity| self.sum(entity));
            }
        }
    }

    fn comparison(&mut self, left: &Node<Add>, operator: RelOp, right: &Node<Add>) {
        let (written, others): (_, &[&str]) = match operator {
            RelOp::Eq => ("==", &["!="]),
            RelOp::NotEq => ("!=", &["=="]),
            RelOp::Less => ("<", &["<=", ">="]),
            RelOp::LessEq => ("<=", &["<", ">"]),
            RelOp::Greater => (">", &[">=", "<="]),
            RelOp::GreaterEq => (">=", &[">", "<"]),
            RelOp::In => ("in", &["=="]),
            RelOp::InvalidSingleEq => return,
        };
        let (Some(left), Some(right)) = (place(left), place(right)) else {
            return;
        };
        // Between the two stand the operator, white space and comments.
        let start = self.trimmed(&(left.end..right.start)).start;
        for other in others {
            let place = start..start + written.len();
            self.replace(MutationOperator::FlipComparison, Some(place), other);
        }
    }

    fn sum(&mut self, node: &Node<Add>) {
        let Some(sum) = &node.node else { return };
        let products = std::iter::once(&sum.initial).chain(sum.extended.iter().map(|(_, p)| p));
        for product in products.filter_map(|product| product.node.as_ref()) {
            self.unary(&product.initial);
            for (_, factor) in &product.extended {
                self.unary(factor);
            }
        }
    }

    fn unary(&mut self, node: &Node<Unary>) {
        let Some(unary) = &node.node else { return };
        if let (Some(NegOp::Bang(_)), Some(whole)) = (unary.op, place(node)) {
            let bang = whole.start..whole.start + 1;
            self.leave_out(MutationOperator::DropNegation, bang.clone(), bang);
        }
        if let Some(member) = &unary.item.node {
            self.member(member);
        }
    }

    fn member(&mut self, member: &Member) {
        if let Some(primary) = &member.item.node {
            self.primary(primary);
        }
        let accesses: Vec<_> = member
            .access
            .iter()
            .map(|node| node.node.as_ref())
            .collect();
        for (i, access) in accesses.iter().enumerate() {
            match access {
                Some(MemAccess::Field(name)) => {
                    let called = matches!(accesses.get(i + 1), Some(Some(MemAccess::Call(_))));
                    self.field(name, called);
                }
                Some(MemAccess::Call(arguments)) => {
                    arguments
                        .iter()
                        .for_each(|argument| self.expression(argument));
                }
                Some(MemAccess::Index(index)) => self.expression(index),
                None => {}
            }
        }
    }

    fn field(&mut self, node: &Node<Ident>, called: bool) {
        let Some(name) = place(node).and_then(|place| self.text(&place)) else {
            return;
        };
        match (called, name) {
            (true, "containsAny") => {
                self.replace(MutationOperator::FlipContains, place(node), "containsAll");
            }
            (true, "containsAll") => {
                self.replace(MutationOperator::FlipContains, place(node), "containsAny");
            }
            (true, _) => {}
            (false, name) => {
                for other in other_attributes(self.schema, name) {
                    self.replace(MutationOperator::SwapAttribute, place(node), &other);
                }
            }
        }
    }

    fn primary(&mut self, primary: &Primary) {
        match primary {
            Primary::Literal(literal) => match literal.node {
                Some(Literal::True) => {
                    self.replace(MutationOperator::FlipBool, place(literal), "false")
                }
                Some(Literal::False) => {
                    self.replace(MutationOperator::FlipBool, place(literal), "true")
                }
                _ => {}
            },
            Primary::Ref(reference) => {
                if let Some(Ref::Uid { path, eid }) = &reference.node {
                    self.entity(path, eid);
                }
            }
            Primary::Expr(inner) => self.expression(inner),
            Primary::EList(elements) => {
                let parts: Vec<_> = elements.iter().collect();
                self.each_left_out(MutationOperator::DropElement, &parts);
                elements.iter().for_each(|element| self.expression(element));
            }
            Primary::RInits(members) => {
                for member in members.iter().filter_map(|member| member.node.as_ref()) {
                    self.expression(&member.1);
                }
            }
            Primary::Name(_) | Primary::Slot(_) => {}
        }
    }

    fn entity(&mut self, path: &Node<Name>, id: &Node<Str>) {
        let (Some(name), Some(Str::String(raw))) = (&path.node, &id.node) else {
            return;
        };
        let parts = name.path.iter().chain(std::iter::once(&name.name));
        let parts: Vec<_> = parts
            .filter_map(|part| place(part).and_then(|place| self.text(&place)))
            .collect();
        let Ok(known) = to_unescaped_string(raw) else {
            return;
        };
        for other in other_entities(self.schema, &parts.join("::"), &known) {
            let other = format!("\"{}\"", EntityId::new(other).escaped());
            self.replace(MutationOperator::SwapEntity, place(id), &other);
        }
    }
}
