//! Random policies over the types, of every operator.

use std::sync::Arc;

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};

use peppol_authz_engine::policy::{Bundle, load};

use super::shape::{ACTIONS, ActionShape, Attribute, CHOICES, CONTEXT, Ty, kind_of};
use super::world::World;
use crate::deciding::sources;
use crate::rules::rng::Rng;

/// References that policies follow.
const LEVEL: u32 = 5;

/// Makes expressions for one kind of principal and one of resource.
struct ExpressionMaker<'a> {
    rng: &'a mut Rng,
    world: &'a World,
    principal: &'static str,
    resource: &'static str,
}

/// A value that policies name, and what has to hold for it to be there.
struct Path {
    text: String,
    guards: Vec<String>,
    ty: Ty,
}

/// A text as Cedar writes it.
pub(super) fn quoted(text: &str) -> String {
    let escaped: String = text.chars().map(escaped).collect();
    format!("\"{escaped}\"")
}

fn escaped(c: char) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_control() => format!("\\u{{{:x}}}", u32::from(c)),
        c => c.to_string(),
    }
}

/// `before` and the name of a member.
fn member(before: &str, name: &str) -> String {
    if name.contains(' ') {
        format!("{before}[\"{name}\"]")
    } else {
        format!("{before}.{name}")
    }
}

impl ExpressionMaker<'_> {
    fn root(&mut self) -> Path {
        let plain = |text: &str, kind| Path {
            text: text.to_owned(),
            guards: Vec::new(),
            ty: Ty::Of(kind),
        };
        match self.rng.below(10) {
            0..3 => plain("principal", self.principal),
            3..8 => plain("resource", self.resource),
            _ => {
                let of_context = Path {
                    text: "context".to_owned(),
                    guards: Vec::new(),
                    ty: Ty::Record(CONTEXT),
                };
                let attribute = *self.rng.choose(CONTEXT).unwrap();
                step(of_context, &attribute)
            }
        }
    }

    /// Somewhere that attributes and tags lead to.
    fn path(&mut self) -> Path {
        let mut at = self.root();
        for _ in 0..self.rng.pick([0, 1, 1, 2, 2, 3, 4]) {
            at = match at.ty {
                Ty::Of(name) => {
                    let Some(kind) = kind_of(name) else { break };
                    if let Some(tags) = kind.tags
                        && self.rng.percent(30)
                    {
                        let (key, mut guards) = self.of(Ty::Text, 30);
                        guards.extend(at.guards);
                        guards.push(format!("{}.hasTag({key})", at.text));
                        Path {
                            text: format!("{}.getTag({key})", at.text),
                            guards,
                            ty: tags,
                        }
                    } else {
                        let attribute = *self.rng.choose(kind.attributes).unwrap();
                        step(at, &attribute)
                    }
                }
                Ty::Record(attributes) => {
                    let attribute = *self.rng.choose(attributes).unwrap();
                    step(at, &attribute)
                }
                _ => break,
            };
        }
        at
    }

    /// A value of a type: in some of 100 cases a path to one, and else a literal.
    fn of(&mut self, ty: Ty, paths: usize) -> (String, Vec<String>) {
        if self.rng.percent(paths) {
            for _ in 0..20 {
                let path = self.path();
                if path.ty == ty {
                    return (path.text, path.guards);
                }
            }
        }
        if self.rng.percent(6) && !matches!(ty, Ty::Record(_)) {
            let (cond, then, other) = (self.bool(1), self.of(ty, 40), self.of(ty, 40));
            let guards = [then.1, other.1].concat();
            return (
                format!("(if {cond} then {} else {})", then.0, other.0),
                guards,
            );
        }
        let text = match ty {
            Ty::Bool => self.rng.percent(50).to_string(),
            Ty::Long => match self.world.long(self.rng) {
                i64::MIN => "-9223372036854775807".to_owned(),
                number => number.to_string(),
            },
            Ty::Text => quoted(&self.world.text(self.rng)),
            Ty::Of("Kind") => format!("Kind::{}", quoted(self.rng.pick(CHOICES))),
            Ty::Of(kind) => {
                let id = self.world.id(self.rng, kind, 60);
                format!("{kind}::{}", quoted(&id))
            }
            Ty::Set(element) => {
                let count = self.rng.between(1, 3);
                let paths = self.rng.pick([0, 0, 10]);
                let parts: Vec<_> = (0..count).map(|_| self.of(*element, paths)).collect();
                let guards = parts.iter().flat_map(|part| part.1.clone()).collect();
                let texts: Vec<_> = parts.into_iter().map(|part| part.0).collect();
                return (format!("[{}]", texts.join(", ")), guards);
            }
            Ty::Record(_) => "{}".to_owned(),
        };
        (text, Vec::new())
    }

    /// `text like` that.
    fn pattern(&mut self) -> String {
        let text = self.world.text(self.rng);
        let mut pattern = String::new();
        for c in text.chars().take(20) {
            match self.rng.below(5) {
                0 => pattern.push('*'),
                _ if c == '*' => pattern.push_str("\\*"),
                _ => pattern.push_str(&escaped(c)),
            }
        }
        if self.rng.percent(50) {
            pattern.push('*');
        }
        format!("\"{pattern}\"")
    }

    /// Something that is true or false.
    fn bool(&mut self, depth: usize) -> String {
        if depth > 0 {
            let [one, two, three] = [(); 3].map(|()| self.bool(depth - 1));
            return match self.rng.below(10) {
                0..3 => format!("({one} && {two})"),
                3..6 => format!("({one} || {two})"),
                6 | 7 => format!("!({one})"),
                8 => format!("(if {one} then {two} else {three})"),
                _ => format!("(({one}) {} ({two}))", self.rng.pick(["==", "!="])),
            };
        }
        if self.rng.percent(2) {
            return self.rng.pick(["true", "false"]).to_owned();
        }
        let path = self.path();
        let (test, mut guards) = self.test(&path);
        guards.splice(0..0, path.guards);
        guards.dedup();
        match (guards.len(), self.rng.below(4)) {
            (0, _) => format!("({test})"),
            (_, 0) => {
                let otherwise = self.rng.percent(50);
                format!("(if {} then {test} else {otherwise})", guards.join(" && "))
            }
            _ => format!("({} && {test})", guards.join(" && ")),
        }
    }

    fn test(&mut self, path: &Path) -> (String, Vec<String>) {
        let at = &path.text;
        match path.ty {
            Ty::Bool => match self.rng.below(4) {
                0 => (format!("{at} == {}", self.rng.percent(50)), Vec::new()),
                1 => (format!("!{at}"), Vec::new()),
                _ => (at.clone(), Vec::new()),
            },
            Ty::Long => {
                let op = self.rng.pick(["==", "!=", "<", "<=", ">", ">="]);
                let (other, guards) = self.of(Ty::Long, 15);
                let (one, two) = match self.rng.below(6) {
                    0 => (other, at.clone()),
                    1 => (format!("{at} + 1"), other),
                    2 => (format!("{at} * 3 - 2"), other),
                    3 => (format!("-{at}"), other),
                    _ => (at.clone(), other),
                };
                (format!("{one} {op} {two}"), guards)
            }
            Ty::Text if self.rng.percent(40) => {
                (format!("{at} like {}", self.pattern()), Vec::new())
            }
            Ty::Text if self.rng.percent(20) => {
                let (set, guards) = self.of(Ty::Set(&Ty::Text), 40);
                (format!("{set}.contains({at})"), guards)
            }
            Ty::Text => self.equal(at, path.ty),
            Ty::Of(kind) => self.test_entity(at, kind),
            Ty::Set(element) => {
                let (other, guards) = match self.rng.below(5) {
                    0 | 1 => self.of(*element, 20),
                    _ => self.of(path.ty, 20),
                };
                match self.rng.below(5) {
                    0 => (format!("{at}.isEmpty()"), Vec::new()),
                    _ if !other.starts_with('[') && guards.is_empty() => {
                        (format!("{at}.contains({other})"), guards)
                    }
                    1 => (format!("{at}.containsAll({other})"), guards),
                    2 => (format!("{other}.containsAny({at})"), guards),
                    3 => (format!("{at} == {other}"), guards),
                    _ => (format!("{at}.containsAny({other})"), guards),
                }
            }
            Ty::Record(attributes) => self.has(at, attributes),
        }
    }

    fn equal(&mut self, at: &str, ty: Ty) -> (String, Vec<String>) {
        let op = self.rng.pick(["==", "!="]);
        let (other, guards) = self.of(ty, 20);
        let text = match self.rng.percent(50) {
            true => format!("{at} {op} {other}"),
            false => format!("{other} {op} {at}"),
        };
        (text, guards)
    }

    fn test_entity(&mut self, at: &str, name: &'static str) -> (String, Vec<String>) {
        let Some(kind) = kind_of(name) else {
            return self.equal(at, Ty::Of(name));
        };
        let above = match self.rng.choose(kind.parents) {
            Some(parent) if self.rng.percent(85) => parent,
            _ => name,
        };
        match self.rng.below(10) {
            0 if kind.tags.is_some() => {
                let (key, guards) = self.of(Ty::Text, 40);
                (format!("{at}.hasTag({key})"), guards)
            }
            0..4 => {
                let (above, guards) = match self.rng.below(3) {
                    0 => {
                        let parts: Vec<_> = (0..2).map(|_| self.of(Ty::Of(above), 15)).collect();
                        let texts: Vec<_> = parts.iter().map(|part| part.0.clone()).collect();
                        let guards = parts.into_iter().flat_map(|part| part.1).collect();
                        (format!("[{}]", texts.join(", ")), guards)
                    }
                    _ => self.of(Ty::Of(above), 30),
                };
                match self.rng.percent(30) {
                    true => (format!("{at} is {name} in {above}"), guards),
                    false => (format!("{at} in {above}"), guards),
                }
            }
            // Membership of the known entity in the unknown one.
            4 => {
                let (below, mut guards) = match self.rng.percent(70) {
                    true => ("principal".to_owned(), Vec::new()),
                    false => self.of(Ty::Of("Person"), 90),
                };
                let set = self.of(Ty::Set(&Ty::Of("Team")), 90);
                match self.rng.percent(50) {
                    true => {
                        guards.extend(set.1);
                        (format!("{below} in {}", set.0), guards)
                    }
                    false => (format!("{below} in {at}"), guards),
                }
            }
            5 => {
                let (set, guards) = self.of(Ty::Set(&Ty::Of("Team")), 50);
                match name {
                    "Team" => (format!("{set}.contains({at})"), guards),
                    _ => (format!("{at} in {set}"), guards),
                }
            }
            6 => self.has(at, kind.attributes),
            7 if self.rng.percent(30) => (format!("{at} is {name}"), Vec::new()),
            _ => self.equal(at, Ty::Of(name)),
        }
    }

    fn has(&mut self, at: &str, attributes: &[Attribute]) -> (String, Vec<String>) {
        let attribute = *self.rng.choose(attributes).unwrap();
        let inner = match attribute.ty {
            Ty::Record(inner) => Some(inner),
            Ty::Of(name) => kind_of(name).map(|kind| kind.attributes),
            _ => None,
        };
        let plain = |name: &str| !name.contains(' ');
        if let Some(next) = inner.and_then(|inner| self.rng.choose(inner))
            && self.rng.percent(60)
            && plain(next.name)
        {
            return (
                format!("{at} has {}.{}", attribute.name, next.name),
                Vec::new(),
            );
        }
        match plain(attribute.name) {
            true => (format!("{at} has {}", attribute.name), Vec::new()),
            false => (format!("{at} has \"{}\"", attribute.name), Vec::new()),
        }
    }

    fn scope(&mut self, var: &str, kind: &'static str, several: bool) -> String {
        let parent = kind_of(kind).and_then(|found| self.rng.choose(found.parents));
        match (self.rng.below(12), parent) {
            (0, _) => format!("{var} == {}", self.of(Ty::Of(kind), 0).0),
            (1, Some(parent)) => format!("{var} is {kind} in {}", self.of(Ty::Of(parent), 0).0),
            _ if several => format!("{var} is {kind}"),
            (2, Some(parent)) => format!("{var} in {}", self.of(Ty::Of(parent), 0).0),
            _ => var.to_owned(),
        }
    }

    fn policy(&mut self, action: &ActionShape) -> String {
        let effect = if self.rng.percent(70) {
            "permit"
        } else {
            "forbid"
        };
        let principal = self.scope("principal", self.principal, action.principals.len() > 1);
        let resource = self.scope("resource", self.resource, action.resources.len() > 1);
        let clause = self.rng.pick(["when", "when", "unless"]);
        let depth = self.rng.pick([0, 0, 1, 1, 2, 3]);
        let mut text = format!(
            "{effect} ({principal}, action == Action::\"{}\", {resource}) {clause} {{ {} }}",
            action.name,
            self.bool(depth)
        );
        if self.rng.percent(15) {
            text.push_str(&format!(" unless {{ {} }}", self.bool(0)));
        }
        text.push(';');
        text
    }
}

fn step(at: Path, attribute: &Attribute) -> Path {
    let mut guards = at.guards;
    if attribute.optional {
        guards.push(match attribute.name.contains(' ') {
            true => format!("{} has \"{}\"", at.text, attribute.name),
            false => format!("{} has {}", at.text, attribute.name),
        });
    }
    Path {
        text: member(&at.text, attribute.name),
        guards,
        ty: attribute.ty,
    }
}

/// Policies that are valid, some for each action, and as they are loaded.
pub(super) fn random(rng: &mut Rng, world: &World, schema: &str) -> (String, Arc<Bundle>) {
    let (cedar, _) = Schema::from_cedarschema_str(schema).unwrap();
    let validator = Validator::new(cedar);
    let mut texts = Vec::new();
    for action in &ACTIONS {
        let wanted = rng.between(1, 4);
        add(rng, world, &validator, action, wanted, &mut texts);
    }
    numbered(texts, schema)
}

/// Policies that are valid, for one action of two types, each of which looks at the resource.
pub(super) fn on_resources(
    rng: &mut Rng,
    world: &World,
    schema: &str,
    (action, principal, resource): (&str, &'static str, &'static str),
) -> (String, Arc<Bundle>) {
    let (cedar, _) = Schema::from_cedarschema_str(schema).unwrap();
    let validator = Validator::new(cedar);
    let scope = format!("(principal is {principal}, action == Action::\"{action}\", resource)");
    let is_open = rng.percent(50);
    let mut texts = Vec::new();
    if is_open {
        texts.push(format!("permit {scope};"));
    }
    let wanted = texts.len() + rng.between(1, 2);
    for _ in 0..100 {
        if texts.len() == wanted {
            break;
        }
        let depth = rng.pick([0, 0, 1, 1, 2]);
        let mut author = ExpressionMaker {
            rng: &mut *rng,
            world,
            principal,
            resource,
        };
        let body = author.bool(depth);
        let effect = if is_open { "forbid" } else { "permit" };
        let text = format!("{effect} {scope} when {{ {body} }};");
        if !body.contains("resource") {
            continue;
        }
        let Ok(set) = text.parse::<PolicySet>() else {
            continue;
        };
        let valid = validator.validate_with_level(&set, ValidationMode::Strict, LEVEL);
        if valid.validation_passed_without_warnings() {
            texts.push(text);
        }
    }
    numbered(texts, schema)
}

/// Adds policies of an action.
fn add(
    rng: &mut Rng,
    world: &World,
    validator: &Validator,
    action: &ActionShape,
    mut wanted: usize,
    texts: &mut Vec<String>,
) {
    for _ in 0..40 {
        if wanted == 0 {
            break;
        }
        let (principal, resource) = (
            *rng.choose(action.principals).unwrap(),
            *rng.choose(action.resources).unwrap(),
        );
        let mut author = ExpressionMaker {
            rng: &mut *rng,
            world,
            principal,
            resource,
        };
        let text = author.policy(action);
        let Ok(set) = text.parse::<PolicySet>() else {
            continue;
        };
        let valid = validator.validate_with_level(&set, ValidationMode::Strict, LEVEL);
        if valid.validation_passed_without_warnings() {
            texts.push(text);
            wanted -= 1;
        }
    }
}

/// The policies with ids, and as they are loaded.
fn numbered(texts: Vec<String>, schema: &str) -> (String, Arc<Bundle>) {
    let texts = texts.into_iter().enumerate();
    let mut texts: Vec<String> = texts
        .map(|(number, text)| format!("@id(\"p/{number}\") {text}"))
        .collect();
    let loaded = |text: &str| load(&sources(schema, &[("p.cedar", text)]));
    // Ids that do not look like what they are have no place in a policy.
    texts.retain(|text| {
        let mut doubtful = ["Mail::", "Party::", "\\u{"].into_iter();
        let plain = text.is_ascii() && !doubtful.any(|doubtful| text.contains(doubtful));
        plain || loaded(text).is_ok()
    });
    let text = texts.join("\n");
    let bundle = loaded(&text).unwrap_or_else(|faults| panic!("{faults:#?}\n{text}"));
    (text, Arc::new(bundle))
}
