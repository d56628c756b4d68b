//! Expressions that test a row's own values.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Expr, Literal, PatternElem, UnaryOp};
use cedar_policy::{EntityTypeName, EntityUid};

use super::Translator;
use crate::decide::Failure;
use crate::row_plan::condition::{ROW_ID, RowAttribute, RowCondition, RowTest};
use crate::row_plan::uses::AttributePlace;
use crate::schema::{EntityType, Type};
use crate::store::Comparison;

/// A condition on the row, if an expression is one.
type RowTested = Result<Option<RowCondition>, Failure>;

/// A value of the row.
struct RowValue {
    attribute: RowAttribute,
    ty: Type,
}

impl RowValue {
    fn holds(self, test: RowTest) -> RowCondition {
        RowCondition::Holds(self.attribute, test)
    }

    fn is_id(&self) -> bool {
        &*self.attribute.name == ROW_ID
    }
}

impl Translator<'_> {
    /// The condition on the row by which an expression evaluates to `want`; `None` if it is no test
    /// of the row's own values.
    pub(super) fn row_test(&self, expression: &Expr, want: bool) -> RowTested {
        match expression {
            Expr::GetAttr { .. } => Ok(self
                .row_value(expression)
                .filter(|value| value.ty == Type::Bool)
                .map(|value| value.holds(RowTest::Bool(want)))),
            Expr::HasAttr { expr, attrs } if attrs.len() == 1 => {
                Ok(self.presence(expr, attrs.first().as_str(), want))
            }
            Expr::UnaryOp {
                op: UnaryOp::IsEmpty,
                expr,
            } => Ok(self
                .row_value(expr)
                .filter(|value| matches!(value.ty, Type::Set(_)))
                .map(|value| value.holds(RowTest::Empty(want)))),
            Expr::Like { expr, pattern } => Ok(self.row_value(expr).map(|value| {
                let pieces = pieces(pattern);
                value.holds(match want {
                    true => RowTest::Like(pieces),
                    false => RowTest::NotLike(pieces),
                })
            })),
            Expr::Is {
                expr,
                entity_type,
                in_expr,
            } => {
                let Some(value) = self.row_value(expr) else {
                    return Ok(None);
                };
                let Type::Entity(name) = &value.ty else {
                    return Ok(None);
                };
                match (name.to_string() == entity_type.to_string(), in_expr) {
                    (false, _) => Ok(Some(RowCondition::certain(!want))),
                    (true, None) => Ok(Some(RowCondition::certain(want))),
                    (true, Some(above)) => self.is_in(expr, above, want),
                }
            }
            Expr::BinaryOp { op, left, right } => self.binary(*op, left, right, want),
            _ => Ok(None),
        }
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr, want: bool) -> RowTested {
        match op {
            BinaryOp::Eq => self.equal(left, right, want),
            BinaryOp::NotEq => self.equal(left, right, !want),
            BinaryOp::Less => Ok(self.compare(Comparison::Less, left, right, want)),
            BinaryOp::LessEq => Ok(self.compare(Comparison::LessOrEqual, left, right, want)),
            BinaryOp::Greater => Ok(self.compare(Comparison::Greater, left, right, want)),
            BinaryOp::GreaterEq => Ok(self.compare(Comparison::GreaterOrEqual, left, right, want)),
            BinaryOp::In => self.is_in(left, right, want),
            BinaryOp::Contains => match (elements(left), self.row_value(left)) {
                (Some(elements), _) => match self.row_value(right) {
                    Some(value) => self.is_one_of(value, elements.iter().map(|e| &**e), want),
                    None => Ok(None),
                },
                (None, Some(set)) => self.contains(set, &[right], want, false),
                (None, None) => Ok(None),
            },
            BinaryOp::ContainsAny | BinaryOp::ContainsAll => {
                let all = op == BinaryOp::ContainsAll;
                let (set, elements) = match (elements(left), elements(right)) {
                    (None, Some(elements)) => (left, elements),
                    (Some(elements), None) if !all => (right, elements),
                    _ => return Ok(None),
                };
                let elements: Vec<&Expr> = elements.iter().map(|e| &**e).collect();
                match self.row_value(set) {
                    Some(set) => self.contains(set, &elements, want, all),
                    None => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// A value of the row. A name with a point in it could be meant for a member of a record.
    fn row_value(&self, expression: &Expr) -> Option<RowValue> {
        match self.level.place(expression, self.schema)? {
            AttributePlace::Row {
                names,
                ty,
                required,
            } => self.named(&names, ty, required),
            AttributePlace::Past { .. } => None,
        }
    }

    fn named(&self, names: &[Arc<str>], ty: Type, required: bool) -> Option<RowValue> {
        let name = RowAttribute::name_of(names)?;
        let entity = match &ty {
            Type::Entity(name) => Some(name),
            Type::Set(element) => match &**element {
                Type::Entity(name) => Some(name),
                _ => None,
            },
            _ => None,
        };
        let attribute = RowAttribute {
            name,
            entity: entity.map(|name| name.to_string().into()),
            required,
        };
        Some(RowValue { attribute, ty })
    }

    /// The condition that the row has an attribute, or a record in it a member.
    fn presence(&self, of: &Expr, name: &str, want: bool) -> Option<RowCondition> {
        let AttributePlace::Row {
            mut names,
            ty,
            required,
        } = self.level.place(of, self.schema)?
        else {
            return None;
        };
        let attributes = match &ty {
            Type::Entity(name) if names.is_empty() => &self.schema.entity_type(name)?.shape,
            Type::Record(record) => record,
            _ => return None,
        };
        let Some(attribute) = attributes.attributes.get(name) else {
            return Some(RowCondition::certain(!want));
        };
        names.push(Arc::from(name));
        let required = required && attribute.required;
        let value = self.named(&names, attribute.ty.clone(), required)?;
        Some(value.holds(match want {
            true => RowTest::Present,
            false => RowTest::Absent,
        }))
    }

    fn equal(&self, left: &Expr, right: &Expr, want: bool) -> RowTested {
        let (other, literal) = match (left, right) {
            (other, Expr::Literal(literal)) | (Expr::Literal(literal), other) => (other, literal),
            _ => return Ok(None),
        };
        let Some(value) = self.row_value(other) else {
            return Ok(None);
        };
        if let Literal::Long(number) = literal {
            let comparison = match want {
                true => Comparison::Equal,
                false => Comparison::NotEqual,
            };
            let is_long = value.ty == Type::Long;
            return Ok(is_long.then(|| value.holds(RowTest::Long(comparison, *number))));
        }
        let literal = Expr::Literal(literal.clone());
        self.is_one_of(value, [&literal].into_iter(), want)
    }

    fn compare(
        &self,
        op: Comparison,
        left: &Expr,
        right: &Expr,
        want: bool,
    ) -> Option<RowCondition> {
        let op = if want { op } else { op.opposite() };
        let (value, op, than) = match (left, right) {
            (value, Expr::Literal(Literal::Long(than))) => (value, op, than),
            (Expr::Literal(Literal::Long(than)), value) => (value, op.turned(), than),
            _ => return None,
        };
        let value = self.row_value(value)?;
        (value.ty == Type::Long).then(|| value.holds(RowTest::Long(op, *than)))
    }

    /// The condition that a value is one of some that are known.
    fn is_one_of<'e>(
        &self,
        value: RowValue,
        literals: impl Iterator<Item = &'e Expr>,
        want: bool,
    ) -> RowTested {
        match value.ty.clone() {
            Type::String => {
                let texts: Option<Vec<Arc<str>>> = literals.map(string).collect();
                Ok(texts.map(|texts| one_of(value, texts, want)))
            }
            Type::Entity(name) => {
                let uids: Option<Vec<_>> = literals.map(uid).collect();
                let Some(uids) = uids else { return Ok(None) };
                let ids = uids.into_iter().filter(|(of, _)| *of == name.to_string());
                let ids: Vec<Arc<str>> = ids.map(|(_, id)| id).collect();
                self.is_entity(value, &name, ids, want).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The condition that a value is one of these entities of its type.
    fn is_entity(
        &self,
        value: RowValue,
        name: &EntityTypeName,
        ids: Vec<Arc<str>>,
        want: bool,
    ) -> Result<RowCondition, Failure> {
        let Some(found) = self.schema.entity_type(name) else {
            return Err(self.not_exact(&place(&value), "its type is not in the schema"));
        };
        if let (false, Some(choices)) = (want, &found.choices) {
            // A value that is none of them is none at all.
            let others = choices.iter().map(|id| Arc::from(id.as_str()));
            let others: Vec<Arc<str>> = others.filter(|id| !ids.contains(id)).collect();
            return Ok(one_of(value, others, true));
        }
        if !want && !ids.is_empty() {
            self.has_one_spelling(&value, found)?;
        }
        Ok(one_of(value, ids, want))
    }

    /// A column may have any spelling of an id: one that differs from a text may be the same entity.
    fn has_one_spelling(&self, value: &RowValue, found: &EntityType) -> Result<(), Failure> {
        match found.identifier.keeps_all() {
            true => Ok(()),
            false => Err(self.not_exact(
                &place(value),
                "ids of its type have several spellings, so that a column cannot tell which it is not",
            )),
        }
    }

    /// The condition that a set contains some or all of some values.
    fn contains(&self, set: RowValue, elements: &[&Expr], want: bool, all: bool) -> RowTested {
        let Type::Set(element) = &set.ty else {
            return Ok(None);
        };
        let texts: Option<Vec<Arc<str>>> = match &**element {
            Type::String => elements.iter().map(|e| string(e)).collect(),
            Type::Entity(name) => {
                let uids: Option<Vec<_>> = elements.iter().map(|e| uid(e)).collect();
                let Some(uids) = uids else { return Ok(None) };
                if uids.iter().any(|(of, _)| *of != name.to_string()) {
                    return Ok(None);
                }
                if let Some(found) = self.schema.entity_type(name) {
                    // An element that is none of the choices would make the row no entity.
                    if found.choices.is_some() {
                        return Ok(None);
                    }
                    if !want {
                        self.has_one_spelling(&set, found)?;
                    }
                }
                Some(uids.into_iter().map(|(_, id)| id).collect())
            }
            _ => None,
        };
        let Some(texts) = texts else { return Ok(None) };
        if texts.is_empty() {
            // All of none are contained, and one of none is not.
            return Ok(Some(RowCondition::certain(all == want)));
        }
        let attribute = &set.attribute;
        let each = |texts: Arc<[Arc<str>]>| {
            let test = match want {
                true => RowTest::Contains(texts),
                false => RowTest::Lacks(texts),
            };
            RowCondition::Holds(attribute.clone(), test)
        };
        Ok(Some(match (all, want) {
            (false, _) => each(texts.into()),
            (true, true) => RowCondition::all(texts.into_iter().map(|text| each([text].into()))),
            (true, false) => RowCondition::any(texts.into_iter().map(|text| each([text].into()))),
        }))
    }

    /// The condition that one entity is in another one, where either is of the row.
    fn is_in(&self, entity: &Expr, above: &Expr, want: bool) -> RowTested {
        match (self.row_value(entity), uid(entity)) {
            (Some(value), _) => {
                let Type::Entity(name) = value.ty.clone() else {
                    return Ok(None);
                };
                let found = self.schema.entity_type(&name);
                // One that nothing is above is only in itself.
                if !found.is_some_and(|found| found.member_of.is_empty()) {
                    return Ok(None);
                }
                match elements(above) {
                    Some(all) => self.is_one_of(value, all.iter().map(|e| &**e), want),
                    None => self.is_one_of(value, [above].into_iter(), want),
                }
            }
            (None, Some((of, id))) => {
                let of_known = |uid: &&&EntityUid| {
                    uid.type_name().to_string() == of && AsRef::<str>::as_ref(uid.id()) == &*id
                };
                let Some(value) = self.row_value(above) else {
                    return Ok(None);
                };
                let Some(uid) = self.known.keys().find(of_known).copied() else {
                    return Ok(None);
                };
                let row = self.known.get(uid);
                let all =
                    std::iter::once(uid).chain(row.into_iter().flat_map(|row| &row.ancestors));
                let name = match &value.ty {
                    Type::Entity(name) => name.clone(),
                    Type::Set(element) => match &**element {
                        Type::Entity(name) => name.clone(),
                        _ => return Ok(None),
                    },
                    _ => return Ok(None),
                };
                let all = all.filter(|uid| *uid.type_name() == name);
                let ids: Vec<Arc<str>> = all
                    .map(|uid| AsRef::<str>::as_ref(uid.id()).into())
                    .collect();
                if matches!(value.ty, Type::Entity(_)) {
                    return self.is_entity(value, &name, ids, want).map(Some);
                }
                if let (false, Some(found)) = (want, self.schema.entity_type(&name)) {
                    self.has_one_spelling(&value, found)?;
                }
                if ids.is_empty() {
                    return Ok(Some(RowCondition::certain(!want)));
                }
                Ok(Some(value.holds(match want {
                    true => RowTest::Contains(ids.into()),
                    false => RowTest::Lacks(ids.into()),
                })))
            }
            _ => Ok(None),
        }
    }
}

fn one_of(value: RowValue, mut texts: Vec<Arc<str>>, want: bool) -> RowCondition {
    texts.sort_unstable();
    texts.dedup();
    match (texts.is_empty(), want) {
        (true, _) => RowCondition::certain(!want),
        (false, true) => value.holds(RowTest::IsOneOf(texts.into())),
        (false, false) => value.holds(RowTest::IsNoneOf(texts.into())),
    }
}

fn place(value: &RowValue) -> String {
    match value.is_id() {
        true => "`resource`".to_owned(),
        false => format!("`resource.{}`", value.attribute.name),
    }
}

fn elements(expression: &Expr) -> Option<&[Arc<Expr>]> {
    match expression {
        Expr::Set(elements) => Some(elements),
        _ => None,
    }
}

fn string(expression: &Expr) -> Option<Arc<str>> {
    match expression {
        Expr::Literal(Literal::String(text)) => Some(Arc::from(text.as_str())),
        _ => None,
    }
}

/// The type and the id of an entity.
fn uid(expression: &Expr) -> Option<(String, Arc<str>)> {
    match expression {
        Expr::Literal(Literal::EntityUID(uid)) => {
            Some((uid.ty.to_string(), Arc::from(uid.eid.as_str())))
        }
        _ => None,
    }
}

/// The texts of a pattern, with anything between them.
fn pieces(pattern: &[PatternElem]) -> Arc<[Arc<str>]> {
    let mut pieces = vec![String::new()];
    for element in pattern {
        match (element, pieces.last_mut()) {
            (PatternElem::Char(c), Some(last)) => last.push(*c),
            _ => pieces.push(String::new()),
        }
    }
    pieces.into_iter().map(Arc::from).collect()
}
