//! Missing conditions in words.

use cedar_policy::EntityUid;

use super::brief::{VALUE, brief};
use super::cedar::shown;
use super::lacks::LackingCondition;
use super::place::{Edit, Spot, ValuePlace};
use super::world::World;
use crate::schema::Value;

/// Elements that are listed of those that a set would have to contain, or not to.
const LISTED: usize = 20;

/// Says which value a condition looks at, the value as it is, and as it would have to be.
pub(super) fn say(lacking: &LackingCondition, world: &World<'_>) -> String {
    let Some(edit) = lacking.edits.first() else {
        return String::new();
    };
    let spot = match edit {
        Edit::Climb(child, parent) => {
            let [child, parent] = [child, parent].map(|uid| brief(uid, VALUE));
            return format!("`{child}` is not in `{parent}`");
        }
        Edit::Put(spot, _) | Edit::Remove(spot) | Edit::Add(spot, _) | Edit::Take(spot, _) => spot,
    };
    let wish = match edit {
        Edit::Add(_, values) => format!("contain {}", listed(values)),
        Edit::Take(_, values) => format!("not contain {}", listed(values)),
        Edit::Put(_, value) => format!("be `{}`", shown(value)),
        Edit::Remove(_) | Edit::Climb(..) => "be absent".to_owned(),
    };
    let member = spot.members.iter().map(|member| format!(".{member}"));
    let member: String = member.collect();
    match (world.root(&spot.place), world.at(spot)) {
        (None, _) => {
            let wish = match (edit, spot.members.is_empty()) {
                (_, false) => format!("{wish} in it"),
                (Edit::Put(..), _) if is_presence(lacking) => {
                    return format!("{} is absent", place(spot));
                }
                _ => wish,
            };
            let it = match spot.members.is_empty() {
                true => "it".to_owned(),
                false => format!("`{}`", member.trim_start_matches('.')),
            };
            format!("{} is absent; {it} would have to {wish}", place(spot))
        }
        (Some(_), None) => format!(
            "`{}` is absent in {}",
            member.trim_start_matches('.'),
            place(spot)
        ),
        (Some(_), Some(value)) if spot.members.is_empty() => {
            format!(
                "{} is `{}`; it would have to {wish}",
                place(spot),
                shown(value)
            )
        }
        (Some(_), Some(value)) => format!(
            "`{}` in {} is `{}`; it would have to {wish}",
            member.trim_start_matches('.'),
            place(spot),
            shown(value)
        ),
    }
}

/// Returns true if the condition only asks for the presence of something.
fn is_presence(lacking: &LackingCondition) -> bool {
    use cedar_policy::pst::{BinaryOp, Expr};
    matches!(
        &lacking.condition,
        Expr::HasAttr { .. }
            | Expr::BinaryOp {
                op: BinaryOp::HasTag,
                ..
            }
    )
}

fn place(spot: &Spot) -> String {
    let of = |uid: &EntityUid| brief(uid, VALUE);
    match &spot.place {
        ValuePlace::Attribute(uid, name) => format!("`{name}` of `{}`", of(uid)),
        ValuePlace::Tag(uid, key) => format!("tag `{}` of `{}`", brief(key, VALUE), of(uid)),
        ValuePlace::Context(name) => format!("`{name}` of the context"),
    }
}

fn listed(values: &[Value]) -> String {
    let told = values.iter().take(LISTED);
    let mut told: Vec<String> = told.map(|value| format!("`{}`", shown(value))).collect();
    if values.len() > LISTED {
        told.push("others".to_owned());
    }
    told.join(" and ")
}
