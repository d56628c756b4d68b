//! Changes that may make a single condition hold, by what it does with its operands.

use cedar_policy::EntityUid;
use cedar_policy::pst::{BinaryOp, Expr, PatternElem, UnaryOp};

use crate::explain::place::{Edit, Spot, other_values};
use crate::explain::world::World;
use crate::schema::{Type, Value};

/// The changes of which each by itself may make an expression what is wanted.
pub(super) fn changes(expression: &Expr, want: bool, world: &World<'_>) -> Vec<Vec<Edit>> {
    match expression {
        Expr::GetAttr { .. } => flag(expression, want, world),
        Expr::HasAttr { expr, attrs } => {
            let mut path = expr.as_ref().clone();
            for attr in attrs {
                path = Expr::GetAttr {
                    expr: path.into(),
                    attr: attr.clone(),
                };
            }
            presence(&path, want, world)
        }
        Expr::Like { expr, pattern } => {
            let chars = pattern.iter().filter_map(|element| match element {
                PatternElem::Char(char) => Some(*char),
                PatternElem::Wildcard => None,
            });
            let text: String = if want { chars.collect() } else { String::new() };
            let value = Value::String(text.into());
            edit(world.spot(expr).map(|spot| Edit::Put(spot, value)))
        }
        Expr::UnaryOp {
            op: UnaryOp::IsEmpty,
            expr,
        } => {
            let Some(spot) = world.spot(expr) else {
                return Vec::new();
            };
            match want {
                true => edit(Some(Edit::Put(spot, Value::Set([].into())))),
                false => {
                    let elements = others(&spot, &[], world).into_iter();
                    let add = |element| vec![Edit::Add(spot.clone(), vec![element])];
                    elements.map(add).collect()
                }
            }
        }
        Expr::BinaryOp { op, left, right } => match op {
            BinaryOp::GetTag => flag(expression, want, world),
            BinaryOp::HasTag => {
                let tag = Expr::BinaryOp {
                    op: BinaryOp::GetTag,
                    left: left.clone(),
                    right: right.clone(),
                };
                presence(&tag, want, world)
            }
            BinaryOp::Eq => equal(left, right, want, world),
            BinaryOp::NotEq => equal(left, right, !want, world),
            BinaryOp::Less if want => less(left, right, 1, world),
            BinaryOp::Less => less(right, left, 0, world),
            BinaryOp::LessEq if want => less(left, right, 0, world),
            BinaryOp::LessEq => less(right, left, 1, world),
            BinaryOp::Greater if want => less(right, left, 1, world),
            BinaryOp::Greater => less(left, right, 0, world),
            BinaryOp::GreaterEq if want => less(right, left, 0, world),
            BinaryOp::GreaterEq => less(left, right, 1, world),
            BinaryOp::Contains => contains(left, right, want, world),
            BinaryOp::ContainsAny => {
                let mut found = contains_any(left, right, want, world);
                found.extend(contains_any(right, left, want, world));
                found
            }
            BinaryOp::ContainsAll => contains_all(left, right, want, world),
            BinaryOp::In if want => above_it(left, right, world),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn edit(edit: Option<Edit>) -> Vec<Vec<Edit>> {
    edit.map(|edit| vec![edit]).into_iter().collect()
}

fn flag(expression: &Expr, want: bool, world: &World<'_>) -> Vec<Vec<Edit>> {
    let spot = world.spot(expression);
    edit(spot.map(|spot| Edit::Put(spot, Value::Bool(want))))
}

fn presence(expression: &Expr, want: bool, world: &World<'_>) -> Vec<Vec<Edit>> {
    let Some(spot) = world.spot(expression) else {
        return Vec::new();
    };
    edit(match want {
        true => world.made_up(&spot).map(|value| Edit::Put(spot, value)),
        false => Some(Edit::Remove(spot)),
    })
}

fn equal(left: &Expr, right: &Expr, want: bool, world: &World<'_>) -> Vec<Vec<Edit>> {
    let mut found = Vec::new();
    for (kept, other) in [(left, right), (right, left)] {
        let (Some(spot), Some(value)) = (world.spot(kept), world.value(other)) else {
            continue;
        };
        let values = match want {
            true => vec![value],
            false => others(&spot, &[value], world),
        };
        let put = |value| vec![Edit::Put(spot.clone(), value)];
        found.extend(values.into_iter().map(put));
    }
    found
}

/// `left + by <= right`.
fn less(left: &Expr, right: &Expr, by: i64, world: &World<'_>) -> Vec<Vec<Edit>> {
    let number = |expression: &Expr| match world.value(expression) {
        Some(Value::Long(number)) => Some(number),
        _ => None,
    };
    let put = |at: &Expr, value: Option<i64>| {
        let value = Value::Long(value?);
        world.spot(at).map(|spot| vec![Edit::Put(spot, value)])
    };
    let raised = number(left).and_then(|number| number.checked_add(by));
    let lowered = number(right).and_then(|number| number.checked_sub(by));
    let both = [put(right, raised), put(left, lowered)];
    both.into_iter().flatten().collect()
}

fn contains(set: &Expr, element: &Expr, want: bool, world: &World<'_>) -> Vec<Vec<Edit>> {
    if let (Some(spot), Some(value)) = (world.spot(set), world.value(element)) {
        let values = vec![value];
        return edit(Some(match want {
            true => Edit::Add(spot, values),
            false => Edit::Take(spot, values),
        }));
    }
    let (Some(values), Some(spot)) = (elements(set, world), world.spot(element)) else {
        return Vec::new();
    };
    let values = match want {
        true => values,
        false => others(&spot, &values, world),
    };
    let put = |value| vec![Edit::Put(spot.clone(), value)];
    values.into_iter().map(put).collect()
}

fn contains_any(kept: &Expr, of: &Expr, want: bool, world: &World<'_>) -> Vec<Vec<Edit>> {
    let (Some(spot), Some(values)) = (world.spot(kept), elements(of, world)) else {
        return Vec::new();
    };
    match want {
        true => {
            let add = |value| vec![Edit::Add(spot.clone(), vec![value])];
            values.into_iter().map(add).collect()
        }
        false => edit(Some(Edit::Take(spot, values))),
    }
}

fn contains_all(whole: &Expr, part: &Expr, want: bool, world: &World<'_>) -> Vec<Vec<Edit>> {
    if let (Some(spot), Some(values)) = (world.spot(whole), elements(part, world)) {
        return match want {
            true => edit(Some(Edit::Add(spot, values))),
            false => {
                let take = |value| vec![Edit::Take(spot.clone(), vec![value])];
                values.into_iter().map(take).collect()
            }
        };
    }
    match (elements(whole, world), elements(part, world)) {
        (Some(all), Some(values)) if want => {
            if world.basis.compare(values.len(), all.len()).is_none() {
                return Vec::new();
            }
            let surplus = values.into_iter().filter(|value| !all.contains(value));
            let surplus = surplus.collect();
            edit(world.spot(part).map(|spot| Edit::Take(spot, surplus)))
        }
        _ => Vec::new(),
    }
}

/// An entity becomes a child of another, or of one of several.
pub(super) fn above_it(child: &Expr, above: &Expr, world: &World<'_>) -> Vec<Vec<Edit>> {
    let schema = &world.basis.decider.bundle.schema;
    let Some(child) = world
        .entity(child)
        .filter(|uid| world.rows.contains_key(uid))
    else {
        return Vec::new();
    };
    let parents: Vec<EntityUid> = match world.value(above) {
        Some(Value::Entity(uid)) => vec![EntityUid::clone(&uid)],
        Some(Value::Set(values)) => {
            let mut uids = Vec::new();
            values
                .iter()
                .for_each(|value| value.each_entity(&mut |uid| uids.push(uid.clone())));
            uids
        }
        _ => return Vec::new(),
    };
    let may_be = schema
        .entity_type(child.type_name())
        .map(|of| &of.member_of);
    let fits = |uid: &EntityUid| may_be.is_some_and(|types| types.contains(uid.type_name()));
    let parents = parents.into_iter().filter(|uid| fits(uid));
    parents
        .map(|parent| vec![Edit::Climb(child.clone(), parent)])
        .collect()
}

fn elements(expression: &Expr, world: &World<'_>) -> Option<Vec<Value>> {
    match world.value(expression)? {
        Value::Set(values) => Some(values.to_vec()),
        _ => None,
    }
}

/// Values that may be at a spot, or in the set that is there, and are none of these.
fn others(spot: &Spot, than: &[Value], world: &World<'_>) -> Vec<Value> {
    let schema = &world.basis.decider.bundle.schema;
    let action = &world.basis.question.action;
    let mut ty = match spot.place.type_in(schema, action) {
        Some(ty) => ty,
        None => return Vec::new(),
    };
    for member in &spot.members {
        ty = match &ty {
            Type::Record(shape) => match shape.attributes.get(member) {
                Some(attribute) => attribute.ty.clone(),
                None => return Vec::new(),
            },
            _ => return Vec::new(),
        };
    }
    if let Type::Set(element) = &ty {
        ty = element.as_ref().clone();
    }
    match world.basis.compare(world.rows.len(), than.len()) {
        Some(()) => other_values(&ty, than, schema, &world.rows),
        None => Vec::new(),
    }
}
