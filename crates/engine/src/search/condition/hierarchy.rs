//! Conditions of the hierarchy: `in`, where one side depends on what is looked for.

use std::sync::Arc;

use cedar_policy::EntityTypeName;
use cedar_policy::pst::Expr;

use super::{ConditionReader, TextOperand, certain, elements, id_of, text};
use crate::schema::Type;
use crate::store::{AncestorTest, Condition, ValueTest};

/// Entities above another one that are asked for one by one.
const ABOVE: usize = 50;

impl ConditionReader<'_> {
    pub(super) fn is_in(&self, entity: &Expr, above: &Expr, want: bool) -> Condition {
        if let Some(elements) = elements(above) {
            if want && elements.len() > ABOVE {
                return Condition::Always;
            }
            let parts = elements.iter().take(ABOVE);
            let parts = parts.map(|above| self.is_in(entity, above, want));
            return if want {
                Condition::any(parts)
            } else {
                Condition::all(parts)
            };
        }
        match (self.text(entity), self.text(above)) {
            (None, Some(above)) => self.is_below(entity, &above, want),
            (Some(known), None) => self.is_above(&known, above, want),
            _ => Condition::Always,
        }
    }

    /// The condition that the entity that is looked for, or one that it leads to, is in a known
    /// entity.
    fn is_below(&self, entity: &Expr, above: &TextOperand, want: bool) -> Condition {
        let (Some(Type::Entity(name)), Some(above_type)) = (self.type_of(entity), &above.of) else {
            return Condition::Always;
        };
        let itself = if name == *above_type {
            self.is_one_of(entity, vec![above.clone()], want)
        } else {
            certain(!want)
        };
        let through = self.types_with_parents(&name);
        if !through
            .iter()
            .any(|found| self.parents_of(found).contains(above_type))
        {
            return itself;
        }
        let own = *entity == Expr::Var(self.unknown.clone());
        let sayable = |found: &EntityTypeName| self.is_spelled_one_way(found);
        if !(own || sayable(&name))
            || !sayable(above_type)
            || !through.iter().all(|found| {
                self.store.serves(found)
                    && (*found == name || sayable(found))
                    && self.parents_of(found).iter().all(sayable)
            })
        {
            return Condition::Always;
        }
        let above = AncestorTest {
            of: name.to_string().into(),
            above: above_type.to_string().into(),
            id: Arc::clone(&above.text),
            through: through
                .iter()
                .map(|found| found.to_string().into())
                .collect(),
        };
        if want {
            Condition::any([itself, self.value(entity, ValueTest::Below(above))])
        } else {
            Condition::all([itself, self.value(entity, ValueTest::NotBelow(above))])
        }
    }

    /// The condition that a known entity is in one that depends on what is looked for.
    fn is_above(&self, known: &TextOperand, above: &Expr, want: bool) -> Condition {
        let Some(known_type) = &known.of else {
            return Condition::Always;
        };
        let Some((uid, row)) = self
            .known
            .iter()
            .find(|(uid, _)| uid.type_name() == known_type && id_of(uid) == &*known.text)
        else {
            return Condition::Always;
        };
        let all = std::iter::once(uid).chain(&row.ancestors);
        let of_type = |name: &EntityTypeName| -> Option<Vec<TextOperand>> {
            let all = all.clone().filter(|uid| uid.type_name() == name);
            all.map(|uid| text(id_of(uid), Some(name.clone())))
                .collect()
        };
        match self.type_of(above) {
            Some(Type::Entity(name)) => match of_type(&name) {
                Some(texts) => self.is_one_of(above, texts, want),
                None => Condition::Always,
            },
            Some(Type::Set(element)) => match &*element {
                Type::Entity(name) => match of_type(name) {
                    Some(texts) => self.contains(above, &texts, want, false),
                    None => Condition::Always,
                },
                _ => Condition::Always,
            },
            _ => Condition::Always,
        }
    }

    /// A type and those above it that have parents themselves.
    fn types_with_parents(&self, name: &EntityTypeName) -> Vec<EntityTypeName> {
        let mut all = vec![name.clone()];
        let mut place = 0;
        while let Some(name) = all.get(place).cloned() {
            place += 1;
            for parent in self.parents_of(&name) {
                if !all.contains(parent) {
                    all.push(parent.clone());
                }
            }
        }
        all.retain(|name| !self.parents_of(name).is_empty());
        all
    }
}
