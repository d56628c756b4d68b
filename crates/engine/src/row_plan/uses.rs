//! The values of a row that an expression uses.

use std::sync::Arc;

use cedar_policy::EntityTypeName;
use cedar_policy::pst::{BinaryOp, Expr, Var};

use super::formula::Reference;
use crate::schema::{Schema, Type};

/// The entity of a row: that of the resource, or one that it refers to.
#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Attributes that lead from the resource to it.
    pub(super) base: Reference,
    /// Its type.
    pub(super) of: EntityTypeName,
}

/// Where attributes lead to.
pub(super) enum AttributePlace {
    /// A value of the row itself.
    Row {
        /// The attributes; none for the entity.
        names: Reference,
        ty: Type,
        /// True if every entity of the type has it.
        required: bool,
    },
    /// Past an entity that the row names.
    Past {
        /// The attributes up to it.
        reference: Reference,
    },
}

/// The values of a row that an expression uses.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Entities that are looked into.
    into: Vec<Reference>,
    /// Values that are compared or tested.
    of: Vec<Reference>,
    /// Values of which it is asked if they are there.
    presence: Vec<Reference>,
    /// True if an entity is used that the row does not lead to.
    foreign: bool,
}

impl Uses {
    /// Returns true if it depends on no row.
    pub(super) fn is_empty(&self) -> bool {
        let all = [&self.into, &self.of, &self.presence];
        all.iter().all(|uses| uses.is_empty()) && !self.foreign
    }

    /// The one entity that the expression depends on alone, and looks into. A row without one is a
    /// row of its own kind: such an expression is not of the entity alone.
    pub(super) fn one_entity(&self) -> Option<&Reference> {
        let (first, others) = self.into.split_first()?;
        let mut all = others.iter().chain(&self.of);
        (!self.foreign && self.presence.is_empty() && all.all(|other| other == first))
            .then_some(first)
    }

    /// The attributes, for a reader.
    pub(super) fn named(&self) -> String {
        let mut names: Vec<String> = self
            .into
            .iter()
            .chain(&self.of)
            .chain(&self.presence)
            .map(|names| {
                let path: String = names.iter().map(|name| format!(".{name}")).collect();
                format!("`resource{path}`")
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names.join(" and ")
    }
}

/// The attributes that lead from the resource to what an expression names.
fn access(expression: &Expr) -> Option<Reference> {
    match expression {
        Expr::Var(Var::Resource) => Some(Reference::new()),
        Expr::GetAttr { expr, attr } => {
            let mut names = access(expr)?;
            names.push(Arc::from(attr.as_str()));
            Some(names)
        }
        _ => None,
    }
}

impl Level {
    /// Where an expression that follows attributes from the resource leads to; `None` for any
    /// other.
    pub(super) fn place(&self, expression: &Expr, schema: &Schema) -> Option<AttributePlace> {
        let names = access(expression)?;
        let names = names.strip_prefix(self.base.as_slice())?;
        let (mut at, mut required) = (Type::Entity(self.of.clone()), true);
        for (place, name) in names.iter().enumerate() {
            let attributes = match &at {
                Type::Entity(name) if place == 0 => &schema.entity_type(name)?.shape,
                Type::Entity(_) => {
                    let reference = names.get(..place)?.to_vec();
                    return Some(AttributePlace::Past { reference });
                }
                Type::Record(record) => record,
                _ => return None,
            };
            let attribute = attributes.attributes.get(name)?;
            required &= attribute.required;
            at = attribute.ty.clone();
        }
        Some(AttributePlace::Row {
            names: names.to_vec(),
            ty: at,
            required,
        })
    }

    /// The type of the entity at a reference.
    pub(super) fn type_at(
        &self,
        reference: &[Arc<str>],
        schema: &Schema,
    ) -> Option<EntityTypeName> {
        let mut at = Type::Entity(self.of.clone());
        for name in reference {
            let attributes = match &at {
                Type::Entity(name) => &schema.entity_type(name)?.shape,
                Type::Record(record) => record,
                _ => return None,
            };
            at = attributes.attributes.get(name)?.ty.clone();
        }
        match at {
            Type::Entity(name) => Some(name),
            _ => None,
        }
    }

    /// The values of the row that an expression uses.
    pub(super) fn uses(&self, expression: &Expr, schema: &Schema) -> Uses {
        let mut uses = Uses::default();
        self.collect(expression, false, schema, &mut uses);
        uses
    }

    /// `into` is true where the value is an entity that is looked into.
    fn collect(&self, expression: &Expr, into: bool, schema: &Schema, uses: &mut Uses) {
        if access(expression).is_some() {
            match self.place(expression, schema) {
                Some(AttributePlace::Past { reference }) => uses.into.push(reference),
                Some(AttributePlace::Row { names, ty, .. }) => match ty {
                    Type::Entity(_) if into => uses.into.push(names),
                    _ => uses.of.push(names),
                },
                None => uses.foreign = true,
            }
            return;
        }
        let mut each = |expression: &Expr, into| self.collect(expression, into, schema, uses);
        match expression {
            Expr::HasAttr { expr, attrs } => {
                let Some(AttributePlace::Row { mut names, ty, .. }) = self.place(expr, schema)
                else {
                    return each(expr, true);
                };
                match ty {
                    Type::Entity(_) if !names.is_empty() => uses.into.push(names),
                    _ => {
                        names.push(Arc::from(attrs.first().as_str()));
                        uses.presence.push(names);
                    }
                }
            }
            Expr::GetAttr { expr, .. } => each(expr, true),
            Expr::BinaryOp {
                op: BinaryOp::GetTag | BinaryOp::HasTag | BinaryOp::In,
                left,
                right,
            } => {
                each(left, true);
                each(right, false);
            }
            Expr::BinaryOp { left, right, .. } => {
                each(left, false);
                each(right, false);
            }
            Expr::Is { expr, in_expr, .. } => {
                each(expr, in_expr.is_some());
                in_expr.iter().for_each(|above| each(above, false));
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                each(cond, false);
                each(then_expr, into);
                each(else_expr, into);
            }
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => each(expr, false),
            Expr::Set(elements) => elements.iter().for_each(|element| each(element, false)),
            Expr::Record(members) => members.values().for_each(|member| each(member, false)),
            Expr::Literal(_) | Expr::ResidualError => {}
            Expr::Var(Var::Principal | Var::Action | Var::Context) => {}
            // Nothing of which it is known what it depends on.
            _ => uses.foreign = true,
        }
    }
}
