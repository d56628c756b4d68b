//! From a residual to a condition that a database can test.
//!
//! [`ConditionReader::may_be`] gives a condition that holds wherever an expression may
//! evaluate to what is wanted. What cannot be said holds always; so a condition may
//! let too much through, never too little. An expression that fails evaluates to
//! nothing, so that a condition need not hold of it.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Expr, Literal, PatternElem, UnaryOp, Var};
use cedar_policy::{EntityTypeName, EntityUid};

use super::{Search, Sought};
use crate::schema::{Row, Schema, Type};
use crate::slice::SeenEntity;
use crate::store::{Comparison, Condition, Operand, Store, ValueTest};

mod hierarchy;

/// Expressions that are read for one search: where conditions are nested, they are
/// read for either outcome, on each level.
const STEPS: usize = 20_000;

/// Reads residuals of one search.
pub(crate) struct ConditionReader<'a> {
    schema: &'a Schema,
    store: &'a dyn Store,
    unknown: Var,
    of: &'a EntityTypeName,
    /// The entities that are known.
    known: HashMap<EntityUid, &'a Row>,
    steps: Cell<usize>,
}

/// A literal that stands for itself in a column: a string, or an entity's id.
#[derive(Clone)]
struct TextOperand {
    text: Arc<str>,
    /// Of an entity: its type.
    of: Option<EntityTypeName>,
}

impl<'a> ConditionReader<'a> {
    pub(crate) fn new(
        search: &'a Search,
        known: &'a [SeenEntity],
        schema: &'a Schema,
        store: &'a dyn Store,
    ) -> Self {
        let known = known.iter().map(|seen| &seen.loaded.row);
        Self {
            schema,
            store,
            unknown: match search.sought {
                Sought::Principals => Var::Principal,
                Sought::Resources => Var::Resource,
            },
            of: &search.of,
            known: known.map(|row| (row.uid.clone(), row)).collect(),
            steps: Cell::new(0),
        }
    }

    /// Returns true if no further expression is read.
    fn is_tired(&self) -> bool {
        let steps = self.steps.get();
        self.steps.set(steps + 1);
        steps > STEPS
    }

    /// Holds wherever a boolean expression may evaluate to `want`.
    pub(crate) fn may_be(&self, expression: &Expr, want: bool) -> Condition {
        if self.is_tired() {
            return Condition::Always;
        }
        match expression {
            Expr::Literal(Literal::Bool(value)) if *value == want => Condition::Always,
            Expr::Literal(Literal::Bool(_)) | Expr::ResidualError => Condition::Never,
            Expr::UnaryOp {
                op: UnaryOp::Not,
                expr,
            } => self.may_be(expr, !want),
            Expr::UnaryOp {
                op: UnaryOp::IsEmpty,
                expr,
            } => self.value(expr, ValueTest::Empty(want)),
            Expr::BinaryOp { op, left, right } => self.binary(*op, left, right, want),
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => self.either(
                cond,
                self.may_be(then_expr, want),
                self.may_be(else_expr, want),
            ),
            Expr::GetAttr { .. } => self.value(expression, ValueTest::Bool(want)),
            // `a has b.c` is `a has b && a.b has c` in a residual.
            Expr::HasAttr { expr, attrs } if attrs.len() == 1 => {
                let test = if want {
                    ValueTest::Present
                } else {
                    ValueTest::Absent
                };
                self.attribute(expr, attrs.first().as_str().into(), test)
            }
            Expr::Like { expr, pattern } => match pieces(pattern) {
                Some(pieces) if want => self.value(expr, ValueTest::Like(pieces)),
                Some(pieces) => self.value(expr, ValueTest::NotLike(pieces)),
                None => Condition::Always,
            },
            Expr::Is {
                expr,
                entity_type,
                in_expr,
            } => {
                let Some(Type::Entity(name)) = self.type_of(expr) else {
                    return Condition::Always;
                };
                match (name.to_string() == entity_type.to_string(), in_expr) {
                    (false, _) => certain(!want),
                    (true, None) => certain(want),
                    (true, Some(above)) => self.is_in(expr, above, want),
                }
            }
            _ => Condition::Always,
        }
    }

    fn either(&self, cond: &Expr, then: Condition, otherwise: Condition) -> Condition {
        Condition::any([
            Condition::all([self.may_be(cond, true), then]),
            Condition::all([self.may_be(cond, false), otherwise]),
        ])
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr, want: bool) -> Condition {
        let both = || [self.may_be(left, want), self.may_be(right, want)];
        match op {
            BinaryOp::And if want => Condition::all(both()),
            BinaryOp::And => Condition::any(both()),
            BinaryOp::Or if want => Condition::any(both()),
            BinaryOp::Or => Condition::all(both()),
            BinaryOp::Eq => self.equal(left, right, want),
            BinaryOp::NotEq => self.equal(left, right, !want),
            BinaryOp::Less => self.compare(Comparison::Less, left, right, want),
            BinaryOp::LessEq => self.compare(Comparison::LessOrEqual, left, right, want),
            BinaryOp::Greater => self.compare(Comparison::Greater, left, right, want),
            BinaryOp::GreaterEq => self.compare(Comparison::GreaterOrEqual, left, right, want),
            BinaryOp::In => self.is_in(left, right, want),
            BinaryOp::Contains => match (elements(left), self.text(right)) {
                (Some(elements), _) => match self.texts(elements) {
                    Some(texts) => self.is_one_of(right, texts, want),
                    None => Condition::Always,
                },
                (None, Some(element)) => self.contains(left, &[element], want, false),
                (None, None) => Condition::Always,
            },
            BinaryOp::ContainsAny | BinaryOp::ContainsAll => {
                let all = op == BinaryOp::ContainsAll;
                let (set, elements) = match (elements(left), elements(right)) {
                    (None, Some(elements)) => (left, elements),
                    (Some(elements), None) if !all => (right, elements),
                    _ => return Condition::Always,
                };
                match self.texts(elements) {
                    Some(texts) => self.contains(set, &texts, want, all),
                    None => Condition::Always,
                }
            }
            BinaryOp::HasTag => self.tag(left, right, want.then_some(ValueTest::Present)),
            BinaryOp::GetTag => self.tag(left, right, Some(ValueTest::Bool(want))),
            _ => Condition::Always,
        }
    }

    /// Holds wherever an expression may evaluate to a value that passes.
    fn value(&self, expression: &Expr, test: ValueTest) -> Condition {
        if self.is_tired() {
            return Condition::Always;
        }
        match expression {
            Expr::Var(var) if *var == self.unknown => Condition::Holds(Operand::Id, test),
            Expr::Literal(_) => match self.text(expression) {
                Some(text) => Condition::Holds(Operand::Text(text.text), test),
                None => Condition::Always,
            },
            Expr::GetAttr { expr, attr } => self.attribute(expr, attr.as_str().into(), test),
            Expr::BinaryOp {
                op: BinaryOp::GetTag,
                left,
                right,
            } => self.tag(left, right, Some(test)),
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => self.either(
                cond,
                self.value(then_expr, test.clone()),
                self.value(else_expr, test),
            ),
            _ => Condition::Always,
        }
    }

    fn attribute(&self, of: &Expr, name: Arc<str>, test: ValueTest) -> Condition {
        match self.type_of(of) {
            Some(Type::Entity(_)) if *of == Expr::Var(self.unknown.clone()) => {
                Condition::Holds(Operand::Attribute(name), test)
            }
            Some(Type::Entity(found)) if self.can_look_into(&found) => {
                let of_type = Arc::from(found.to_string());
                let test = Box::new(test);
                self.value(
                    of,
                    ValueTest::Attribute {
                        of: of_type,
                        name,
                        test,
                    },
                )
            }
            Some(Type::Record(_)) => self.value(of, ValueTest::Member(name, Box::new(test))),
            _ => Condition::Always,
        }
    }

    /// A tag's value passes, or, without a test, there is no such tag.
    fn tag(&self, entity: &Expr, key: &Expr, test: Option<ValueTest>) -> Condition {
        let Some(Type::Entity(found)) = self.type_of(entity) else {
            return Condition::Always;
        };
        let own = *entity == Expr::Var(self.unknown.clone());
        if !self.store.serves(&found) || !(own || self.can_look_into(&found)) {
            return Condition::Always;
        }
        let of: Arc<str> = found.to_string().into();
        match (self.text(entity), self.text(key)) {
            (_, Some(key)) if key.of.is_none() => {
                let key = key.text;
                let test = match test {
                    Some(test) => ValueTest::Tag {
                        of,
                        key,
                        test: Box::new(test),
                    },
                    None => ValueTest::NoTag { of, key },
                };
                self.value(entity, test)
            }
            (Some(entity), None) => {
                let id = entity.text;
                let test = match test {
                    Some(test) => ValueTest::KeyOf {
                        of,
                        id,
                        test: Box::new(test),
                    },
                    None => ValueTest::NoKeyOf { of, id },
                };
                self.value(key, test)
            }
            _ => Condition::Always,
        }
    }

    fn equal(&self, left: &Expr, right: &Expr, want: bool) -> Condition {
        let (other, literal) = match (left, right) {
            (other, Expr::Literal(literal)) | (Expr::Literal(literal), other) => (other, literal),
            _ => return Condition::Always,
        };
        match literal {
            Literal::Bool(value) => self.may_be(other, *value == want),
            Literal::Long(number) => {
                let comparison = Comparison::Equal;
                let comparison = if want {
                    comparison
                } else {
                    comparison.opposite()
                };
                self.value(other, ValueTest::Long(comparison, *number))
            }
            _ => match self.text(&Expr::Literal(literal.clone())) {
                Some(text) => self.is_one_of(other, vec![text], want),
                None => Condition::Always,
            },
        }
    }

    /// The condition that a value is one of some that are known.
    fn is_one_of(&self, value: &Expr, texts: Vec<TextOperand>, want: bool) -> Condition {
        let Some(found) = self.type_of(value) else {
            return Condition::Always;
        };
        let (texts, closed): (Vec<Arc<str>>, bool) = match &found {
            Type::String => (texts.into_iter().map(|text| text.text).collect(), false),
            Type::Entity(name) => {
                let own = *value == Expr::Var(self.unknown.clone());
                if !own && !self.is_spelled_one_way(name) {
                    return Condition::Always;
                }
                let of_type = texts
                    .into_iter()
                    .filter(|text| text.of.as_ref() == Some(name));
                let closed = self.schema.entity_type(name);
                let closed = closed.is_some_and(|found| found.choices.is_some());
                (of_type.map(|text| text.text).collect(), closed)
            }
            _ => return Condition::Always,
        };
        let tests = texts.into_iter();
        let test = match (tests.len(), want, closed) {
            (0, ..) => return certain(!want),
            (1, true, false) => ValueTest::Any(tests.map(ValueTest::Is).collect()),
            (_, true, false) => ValueTest::IsOneOf(tests.collect()),
            (_, true, true) => ValueTest::Any(tests.map(ValueTest::Chosen).collect()),
            (1, false, _) => ValueTest::All(tests.map(ValueTest::IsNot).collect()),
            (_, false, _) => ValueTest::IsNoneOf(tests.collect()),
        };
        self.value(value, test.simplified())
    }

    fn compare(&self, op: Comparison, left: &Expr, right: &Expr, want: bool) -> Condition {
        let op = if want { op } else { op.opposite() };
        match (left, right) {
            (value, Expr::Literal(Literal::Long(than))) => {
                self.value(value, ValueTest::Long(op, *than))
            }
            (Expr::Literal(Literal::Long(than)), value) => {
                self.value(value, ValueTest::Long(op.turned(), *than))
            }
            _ => Condition::Always,
        }
    }

    /// The condition that a set contains some or all of some texts.
    fn contains(&self, set: &Expr, texts: &[TextOperand], want: bool, all: bool) -> Condition {
        let Some(Type::Set(element)) = self.type_of(set) else {
            return Condition::Always;
        };
        let sayable = match &*element {
            Type::String => true,
            Type::Entity(name) => {
                let same = |text: &TextOperand| text.of.as_ref() == Some(name);
                self.is_spelled_one_way(name) && texts.iter().all(same)
            }
            _ => false,
        };
        if !sayable {
            return Condition::Always;
        }
        let texts = texts.iter().map(|text| Arc::clone(&text.text));
        if texts.len() == 0 {
            // All of none are contained, and one of none is not.
            return certain(all == want);
        }
        let test = match (want, all) {
            (true, false) => ValueTest::Contains(texts.collect()),
            (true, true) => ValueTest::All(
                texts
                    .map(|text| ValueTest::Contains([text].into()))
                    .collect(),
            ),
            (false, false) => ValueTest::Lacks(texts.collect()),
            (false, true) => {
                ValueTest::Any(texts.map(|text| ValueTest::Lacks([text].into())).collect())
            }
        };
        self.value(set, test)
    }

    fn parents_of(&self, name: &EntityTypeName) -> &'a [EntityTypeName] {
        let found = self.schema.entity_type(name);
        found.map_or(&[][..], |found| found.member_of.as_slice())
    }

    /// Returns true if the store alone describes such entities, and finds them by their references.
    fn can_look_into(&self, name: &EntityTypeName) -> bool {
        let found = self.schema.entity_type(name);
        self.store.serves(name)
            && self.is_spelled_one_way(name)
            && found.is_some_and(|found| found.when_absent.is_none() && found.choices.is_none())
    }

    /// Returns true if ids of a type have one spelling only, wherever they stand.
    fn is_spelled_one_way(&self, name: &EntityTypeName) -> bool {
        let found = self.schema.entity_type(name);
        found.is_some_and(|found| found.identifier.keeps_all())
    }

    /// A literal as it stands in a column.
    fn text(&self, expression: &Expr) -> Option<TextOperand> {
        match expression {
            Expr::Literal(Literal::String(string)) => text(string, None),
            Expr::Literal(Literal::EntityUID(uid)) => {
                let name = uid.ty.to_string();
                let found = self.schema.entity_type_named(&name)?;
                text(&uid.eid, Some(found.name.clone()))
            }
            _ => None,
        }
    }

    fn texts(&self, expressions: &[Arc<Expr>]) -> Option<Vec<TextOperand>> {
        expressions.iter().map(|e| self.text(e)).collect()
    }

    /// The type of a value, as the schema says.
    fn type_of(&self, expression: &Expr) -> Option<Type> {
        match expression {
            Expr::Var(var) if *var == self.unknown => Some(Type::Entity(self.of.clone())),
            Expr::Literal(Literal::Bool(_)) => Some(Type::Bool),
            Expr::Literal(Literal::Long(_)) => Some(Type::Long),
            Expr::Literal(Literal::String(_)) => Some(Type::String),
            Expr::Literal(Literal::EntityUID(_)) => self.text(expression)?.of.map(Type::Entity),
            Expr::GetAttr { expr, attr } => {
                let attribute = match self.type_of(expr)? {
                    Type::Entity(name) => {
                        let shape = &self.schema.entity_type(&name)?.shape;
                        shape.attributes.get(attr.as_str())?.ty.clone()
                    }
                    Type::Record(record) => record.attributes.get(attr.as_str())?.ty.clone(),
                    _ => return None,
                };
                Some(attribute)
            }
            Expr::BinaryOp {
                op: BinaryOp::GetTag,
                left,
                ..
            } => match self.type_of(left)? {
                Type::Entity(name) => self.schema.entity_type(&name)?.tags.clone(),
                _ => None,
            },
            Expr::IfThenElse { then_expr, .. } => self.type_of(then_expr),
            _ => None,
        }
    }
}

fn certain(holds: bool) -> Condition {
    if holds {
        Condition::Always
    } else {
        Condition::Never
    }
}

fn elements(expression: &Expr) -> Option<&[Arc<Expr>]> {
    match expression {
        Expr::Set(elements) => Some(elements),
        _ => None,
    }
}

fn id_of(uid: &EntityUid) -> &str {
    uid.id().as_ref()
}

/// Not every database can hold U+0000.
fn text(text: &str, of: Option<EntityTypeName>) -> Option<TextOperand> {
    let text = (!text.contains('\0')).then(|| Arc::from(text))?;
    Some(TextOperand { text, of })
}

/// The texts of a pattern, with anything between them.
fn pieces(pattern: &[PatternElem]) -> Option<Vec<Arc<str>>> {
    let mut pieces = vec![String::new()];
    for element in pattern {
        match element {
            PatternElem::Wildcard => pieces.push(String::new()),
            PatternElem::Char('\0') => return None,
            PatternElem::Char(c) => pieces.last_mut()?.push(*c),
        }
    }
    Some(pieces.into_iter().map(Arc::from).collect())
}
