//! Random policies as templates, whose links are in the store: more of them than the policies were.

use std::fmt::Write as _;
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, EntityUid, Policy, PolicyId, PrincipalConstraint, ResourceConstraint,
};
use peppol_authz_engine::policy::{Bundle, load};

use super::policies::quoted;
use super::shape::{ACTIONS, ActionShape, kind_of};
use super::world::World;
use crate::deciding::linked_sources;
use crate::rules::rng::Rng;

/// A set with its links, as a database is told of them.
pub(super) struct LinkedSet {
    pub(super) policies: String,
    pub(super) bundle: Arc<Bundle>,
    pub(super) links: String,
}

/// The scope of one side: any entity, or the one that it has to be or be in.
#[derive(Clone, Debug)]
enum Side {
    Open(Option<&'static str>),
    Is(EntityUid),
    In(EntityUid),
}

/// A side that has become a slot.
#[derive(Clone, Debug)]
struct Slot {
    /// The types of entities that fill it.
    kinds: Vec<&'static str>,
    /// The entity that was there.
    first: Option<EntityUid>,
}

fn name(uid: &EntityUid) -> String {
    uid.type_name().to_string()
}

fn literal(uid: &EntityUid) -> String {
    format!("{}::{}", name(uid), quoted(uid.id().unescaped()))
}

/// Puts a slot in the place of what a scope says of one side.
fn slotted(rng: &mut Rng, text: &str, side: Side, var: &str) -> Option<(String, Slot)> {
    let replaced = |from: &str, to: &str| {
        let (scope, body) = text.split_once('{')?;
        let found = scope.contains(from);
        found.then(|| format!("{}{{{body}", scope.replacen(from, to, 1)))
    };
    let parents = |kind: &str| kind_of(kind).map_or(&[][..], |kind| kind.parents);
    match side {
        Side::Is(uid) => {
            let kinds = vec![kind_of(&name(&uid))?.name];
            let text = replaced(
                &format!("{var} == {}", literal(&uid)),
                &format!("{var} == ?{var}"),
            )?;
            let first = Some(uid);
            Some((text, Slot { kinds, first }))
        }
        Side::In(uid) => {
            let kinds = vec![kind_of(&name(&uid))?.name];
            let text = replaced(&format!(" in {}", literal(&uid)), &format!(" in ?{var}"))?;
            let first = Some(uid);
            Some((text, Slot { kinds, first }))
        }
        Side::Open(kind) => {
            let kind = kind_of(kind?)?.name;
            let (first, above) = (None, parents(kind));
            let (is_in, to) = match rng.below(3) {
                0 => (false, format!("{var} == ?{var}")),
                1 => (true, format!("{var} in ?{var}")),
                _ => (true, format!("{var} is {kind} in ?{var}")),
            };
            let kinds = match is_in {
                true => std::iter::once(kind).chain(above.iter().copied()).collect(),
                false => vec![kind],
            };
            let text = replaced(&format!("{var} is {kind}"), &to)
                .or_else(|| replaced(&format!("{var},"), &format!("{to},")))
                .or_else(|| replaced(&format!("{var})"), &format!("{to})")))?;
            Some((text, Slot { kinds, first }))
        }
    }
}

fn action_of(policy: &Policy) -> Option<&'static ActionShape> {
    let ActionConstraint::Eq(uid) = policy.action_constraint() else {
        return None;
    };
    ACTIONS.iter().find(|it| it.name == uid.id().unescaped())
}

/// The two sides.
fn sides(policy: &Policy) -> [(&'static str, Side); 2] {
    let action = action_of(policy);
    let sole = |kinds: Option<&'static [&'static str]>| match kinds {
        Some(&[kind]) => Some(kind),
        _ => None,
    };
    let known = |name: String| kind_of(&name).map(|kind| kind.name);
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::Any => Side::Open(sole(action.map(|it| it.principals))),
        PrincipalConstraint::Is(kind) => Side::Open(known(kind.to_string())),
        PrincipalConstraint::Eq(uid) => Side::Is(uid),
        PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => Side::In(uid),
    };
    let resource = match policy.resource_constraint() {
        ResourceConstraint::Any => Side::Open(sole(action.map(|it| it.resources))),
        ResourceConstraint::Is(kind) => Side::Open(known(kind.to_string())),
        ResourceConstraint::Eq(uid) => Side::Is(uid),
        ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => Side::In(uid),
    };
    [("principal", principal), ("resource", resource)]
}

/// An entity that may fill a slot, whose id is no doubtful one.
fn filling(rng: &mut Rng, world: &World, slot: &Slot) -> Option<EntityUid> {
    for _ in 0..20 {
        let kind = *rng.choose(&slot.kinds)?;
        let id = world.id(rng, kind, 30);
        let is_plain = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric());
        if is_plain && !["Mail", "Party"].contains(&kind) {
            return format!("{kind}::{}", quoted(&id)).parse().ok();
        }
    }
    None
}

/// One policy as a template, with links; `None` where it does not become one.
fn lifted(
    rng: &mut Rng,
    world: &World,
    schema: &str,
    text: &str,
    number: usize,
) -> Option<(String, Vec<String>)> {
    let policy = Policy::parse(Some(PolicyId::new("p")), text).ok()?;
    let (mut template, mut slots) = (text.to_owned(), Vec::new());
    for (var, side) in sides(&policy) {
        let is_open = matches!(side, Side::Open(_));
        if is_open && rng.percent(50) {
            continue;
        }
        if let Some((text, slot)) = slotted(rng, &template, side, var) {
            template = text;
            slots.push((var, slot));
        }
    }
    if slots.is_empty() || load(&linked_sources(schema, &template, Some("stored = true"))).is_err()
    {
        return None;
    }
    let is_first = slots.iter().all(|(_, slot)| slot.first.is_some());
    let count = usize::from(is_first) + rng.between(1, 5);
    let mut rows = Vec::new();
    for place in 0..count {
        let of = |rng: &mut Rng, var: &str| -> Option<Option<EntityUid>> {
            let Some((_, slot)) = slots.iter().find(|(own, _)| *own == var) else {
                return Some(None);
            };
            match &slot.first {
                Some(first) if place == 0 && is_first => Some(Some(first.clone())),
                _ => filling(rng, world, slot).map(Some),
            }
        };
        let (Some(principal), Some(resource)) = (of(rng, "principal"), of(rng, "resource")) else {
            continue;
        };
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let columns = |uid: Option<EntityUid>| match uid {
            Some(uid) => format!("{}, {}", text(&name(&uid)), text(uid.id().unescaped())),
            None => "NULL, NULL".to_owned(),
        };
        rows.push(format!(
            "('l/{number}-{place}', 'p/{number}', {}, {})",
            columns(principal),
            columns(resource)
        ));
    }
    Some((template, rows))
}

/// Makes templates of some policies, which stand one in a line, each with `@id("p/…")` by its place.
pub(super) fn stored(rng: &mut Rng, world: &World, schema: &str, policies: &str) -> LinkedSet {
    let mut links = "DROP TABLE IF EXISTS template_link;
        CREATE TABLE template_link (link text, template text, principal_type text, principal_id text, \
        resource_type text, resource_id text);\n"
        .to_owned();
    let mut texts = Vec::new();
    for text in policies.lines() {
        let id = text
            .strip_prefix("@id(\"p/")
            .and_then(|it| it.split_once('"'));
        let number = id.map(|(number, _)| number.parse().unwrap());
        let made = number.and_then(|number| lifted(rng, world, schema, text, number));
        let (text, rows) = made.unwrap_or_else(|| (text.to_owned(), Vec::new()));
        texts.push(text);
        for row in rows {
            writeln!(links, "INSERT INTO template_link VALUES {row};").unwrap();
        }
    }
    let policies = texts.join("\n");
    let bundle = load(&linked_sources(schema, &policies, Some("stored = true")));
    let bundle = bundle.unwrap_or_else(|faults| panic!("{faults:#?}\n{policies}"));
    LinkedSet {
        bundle: Arc::new(bundle),
        policies: format!("{policies}\n{links}"),
        links,
    }
}
