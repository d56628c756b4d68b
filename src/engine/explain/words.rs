//! What a permit lacks, in words.

use super::cedar::shown;
use super::lacks::Lacking;
use super::place::{Edit, Place, Spot};
use super::world::World;
use crate::schema::Value;

/// Says what a condition looks at, how that is, and what it would have to be.
pub(super) fn say(lacking: &Lacking, world: &World<'_>) -> String {
    let Some(edit) = lacking.edits.first() else {
        return String::new();
    };
    let spot = match edit {
        Edit::Climb(child, parent) => return format!("`{child}` is not in `{parent}`"),
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

/// Whether it is only looked whether something is there.
fn is_presence(lacking: &Lacking) -> bool {
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
    match &spot.place {
        Place::Attribute(uid, name) => format!("`{name}` of `{uid}`"),
        Place::Tag(uid, key) => format!("tag `{key}` of `{uid}`"),
        Place::Context(name) => format!("`{name}` of the context"),
    }
}

fn listed(values: &[Value]) -> String {
    let values: Vec<String> = values
        .iter()
        .map(|value| format!("`{}`", shown(value)))
        .collect();
    values.join(" and ")
}
