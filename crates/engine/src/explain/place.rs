//! Where a value is kept that a condition looks at, and how it is changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{EntityUid, EvalResult};

use crate::schema::{Row, Schema, Type, Value};

/// The place in an entity or in the context where a value is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValuePlace {
    /// An attribute.
    Attribute(EntityUid, Arc<str>),
    /// A tag, by its key.
    Tag(EntityUid, Arc<str>),
    /// An attribute of the context.
    Context(Arc<str>),
}

/// A place, or a member of the record that is kept there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) place: ValuePlace,
    pub(super) members: Vec<Arc<str>>,
}

/// A change that may meet a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    /// Takes this value.
    Put(Spot, Value),
    /// Is no longer there.
    Remove(Spot),
    /// A set with these as well.
    Add(Spot, Vec<Value>),
    /// A set without these.
    Take(Spot, Vec<Value>),
    /// The first becomes a child of the second.
    Climb(EntityUid, EntityUid),
}

impl Edit {
    /// How many values it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Add(_, values) | Self::Take(_, values) => values.len(),
            Self::Put(..) | Self::Remove(_) | Self::Climb(..) => 1,
        }
    }
}

impl From<ValuePlace> for Spot {
    fn from(place: ValuePlace) -> Self {
        let members = Vec::new();
        Self { place, members }
    }
}

impl ValuePlace {
    /// The type of what is kept there; `None` where the schema has no such place.
    pub(super) fn type_in(&self, schema: &Schema, action: &EntityUid) -> Option<Type> {
        let of = |uid: &EntityUid| {
            let found = schema.entity_type(uid.type_name())?;
            found.choices.is_none().then_some(found)
        };
        match self {
            Self::Attribute(uid, name) => Some(of(uid)?.shape.attributes.get(name)?.ty.clone()),
            Self::Tag(uid, _) => of(uid)?.tags.clone(),
            Self::Context(name) => {
                let context = &schema.action(action)?.context;
                Some(context.attributes.get(name)?.ty.clone())
            }
        }
    }
}

/// A value within another, by members of records.
pub(super) fn within<'v>(root: Option<&'v Value>, members: &[Arc<str>]) -> Option<&'v Value> {
    members.iter().try_fold(root?, |value, member| match value {
        Value::Record(record) => record.get(member),
        _ => None,
    })
}

/// The value of a place after a change.
pub(super) enum NewValue {
    /// It takes this value.
    Is(Value),
    /// It has none.
    Absent,
}

/// A root with another value at its members, or with none. Records that are missing on the way
/// are made up; `None` where that cannot be done.
pub(super) fn replaced(
    root: Option<&Value>,
    ty: &Type,
    members: &[Arc<str>],
    to: NewValue,
    made_up: &dyn Fn(&Type) -> Option<Value>,
) -> Option<NewValue> {
    let Some((member, further)) = members.split_first() else {
        return Some(to);
    };
    let Type::Record(shape) = ty else { return None };
    let record = match root {
        Some(value) => value.clone(),
        None => made_up(ty)?,
    };
    let Value::Record(record) = record else {
        return None;
    };
    let mut record = Arc::unwrap_or_clone(record);
    let inner = &shape.attributes.get(member)?.ty;
    match replaced(record.get(member), inner, further, to, made_up)? {
        NewValue::Is(value) => record.insert(Arc::clone(member), value),
        NewValue::Absent => record.remove(member),
    };
    Some(NewValue::Is(Value::Record(Arc::new(record))))
}

/// Some value of a type, where any will do. `key` is the tag that it is for: an
/// entity is rather the one that is called so.
pub(super) fn made_up(
    ty: &Type,
    schema: &Schema,
    rows: &BTreeMap<EntityUid, Arc<Row>>,
    key: Option<&str>,
) -> Option<Value> {
    Some(match ty {
        Type::Bool => Value::Bool(false),
        Type::Long => Value::Long(0),
        Type::String => Value::String(Arc::from("")),
        Type::Set(_) => Value::Set(Arc::from([])),
        Type::Record(shape) => {
            let required = shape.attributes.iter();
            let required = required.filter(|(_, attribute)| attribute.required);
            let members = required.map(|(name, attribute)| {
                let value = made_up(&attribute.ty, schema, rows, None)?;
                Some((Arc::clone(name), value))
            });
            Value::Record(Arc::new(members.collect::<Option<_>>()?))
        }
        Type::Entity(_) => {
            let others = other_values(ty, &[], schema, rows);
            let called = others.iter().find(|value| match value {
                Value::Entity(uid) => Some(uid.id().as_ref()) == key,
                _ => false,
            });
            called.or(others.first())?.clone()
        }
        Type::Extension(_) => return None,
    })
}

/// Values of a type that are none of these; of entities those that are at hand.
pub(super) fn other_values(
    ty: &Type,
    than: &[Value],
    schema: &Schema,
    rows: &BTreeMap<EntityUid, Arc<Row>>,
) -> Vec<Value> {
    let all: Vec<Value> = match ty {
        Type::Bool => vec![Value::Bool(true), Value::Bool(false)],
        Type::Long => {
            let numbers = than.iter().filter_map(|value| match value {
                Value::Long(number) => Some(*number),
                _ => None,
            });
            let (most, least) = (numbers.clone().max(), numbers.min());
            let above = most.map_or(Some(0), |number| number.checked_add(1));
            let below = least.and_then(|number| number.checked_sub(1));
            above
                .into_iter()
                .chain(below)
                .take(1)
                .map(Value::Long)
                .collect()
        }
        Type::String => vec![Value::String(Arc::from("")), Value::String(Arc::from("-"))],
        Type::Entity(name) => match schema.entity_type(name).map(|found| &found.choices) {
            Some(Some(choices)) => {
                let uid = |id: &String| {
                    let id = cedar_policy::EntityId::new(id);
                    Value::Entity(EntityUid::from_type_name_and_id(name.clone(), id).into())
                };
                choices.iter().map(uid).collect()
            }
            _ => {
                let of_type = rows.keys().filter(|uid| uid.type_name() == name);
                of_type
                    .map(|uid| Value::Entity(uid.clone().into()))
                    .collect()
            }
        },
        Type::Set(_) | Type::Record(_) | Type::Extension(_) => Vec::new(),
    };
    let other = all.into_iter().filter(|value| !than.contains(value));
    other.collect()
}

/// A result of Cedar as a value of ours; `None` for extension types.
pub(super) fn value_of(result: &EvalResult) -> Option<Value> {
    Some(match result {
        EvalResult::Bool(value) => Value::Bool(*value),
        EvalResult::Long(value) => Value::Long(*value),
        EvalResult::String(text) => Value::String(Arc::from(text.as_str())),
        EvalResult::EntityUid(uid) => Value::Entity(uid.clone().into()),
        EvalResult::Set(set) => Value::Set(set.iter().map(value_of).collect::<Option<_>>()?),
        EvalResult::Record(record) => {
            let members = record.iter();
            let members =
                members.map(|(name, value)| Some((Arc::from(name.as_str()), value_of(value)?)));
            Value::Record(Arc::new(members.collect::<Option<_>>()?))
        }
        EvalResult::ExtensionValue(_) => return None,
    })
}
