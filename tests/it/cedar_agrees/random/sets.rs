//! Random policies and templates of a schema.

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};

use super::model::{IDS, Kind, Model, TYPES};
use crate::cedar_agrees::{WrittenLink, named};
use crate::rules::rng::Rng;

/// An expression, and the tests that have to hold before it can be read.
struct Guarded {
    text: String,
    guards: Vec<String>,
    kind: Kind,
}

/// Expressions of policies.
struct SetWriter<'a> {
    model: &'a Model,
    rng: &'a mut Rng,
    principal: usize,
    resource: usize,
}

impl SetWriter<'_> {
    fn root(&mut self) -> Guarded {
        let (text, kind) = match self.rng.below(4) {
            0 => ("principal".to_owned(), Kind::Of(self.principal)),
            1 => ("resource".to_owned(), Kind::Of(self.resource)),
            2 => return self.of_context(),
            _ => {
                let of = self.rng.below(TYPES);
                (
                    format!("T{of}::\"{}\"", self.rng.below(IDS + 1)),
                    Kind::Of(of),
                )
            }
        };
        let guards = Vec::new();
        Guarded { text, guards, kind }
    }

    fn of_context(&mut self) -> Guarded {
        let attribute = self.rng.choose(&self.model.context).unwrap();
        let text = format!("context.{}", attribute.name);
        let guards = match attribute.optional {
            true => vec![format!("context has {}", attribute.name)],
            false => Vec::new(),
        };
        let kind = attribute.kind.clone();
        Guarded { text, guards, kind }
    }

    /// A value that is come to over some references.
    fn path(&mut self) -> Guarded {
        let mut path = self.root();
        for _ in 0..self.rng.between(0, 3) {
            let Kind::Of(of) = path.kind else { break };
            let of = &self.model.types[of];
            if let Some(tags) = of.tags.as_ref().filter(|_| self.rng.percent(25)) {
                let key = self.rng.pick(["\"x\"", "\"z\""]);
                path.guards.push(format!("{}.hasTag({key})", path.text));
                path.text = format!("{}.getTag({key})", path.text);
                path.kind = tags.clone();
                continue;
            }
            let Some(attribute) = self.rng.choose(&of.attributes) else {
                break;
            };
            if attribute.optional {
                path.guards
                    .push(format!("{} has {}", path.text, attribute.name));
            }
            path.text = format!("{}.{}", path.text, attribute.name);
            path.kind = attribute.kind.clone();
        }
        path
    }

    fn literal(&mut self, kind: &Kind) -> String {
        match kind {
            Kind::Bool => self.rng.pick(["true", "false"]).to_owned(),
            Kind::Long => self.rng.below(5).to_string(),
            Kind::Text => self.rng.pick(["\"\"", "\"x\"", "\"z\""]).to_owned(),
            Kind::Of(of) => format!("T{of}::\"{}\"", self.rng.below(IDS + 1)),
            Kind::Set(of) => format!("[{}]", self.literal(of)),
        }
    }

    fn test(&mut self) -> String {
        let path = self.path();
        let text = &path.text;
        let test = match &path.kind {
            Kind::Bool => text.clone(),
            Kind::Long => {
                let sign = self.rng.pick(["<", "<=", ">", "==", "!="]);
                format!("{text} {sign} {}", self.literal(&Kind::Long))
            }
            Kind::Text => match self.rng.percent(50) {
                true => format!("{text} like \"x*\""),
                false => format!("{text} == {}", self.literal(&Kind::Text)),
            },
            Kind::Of(of) => match self.rng.below(4) {
                0 => format!("{text} == {}", self.literal(&path.kind)),
                1 => {
                    let above = Kind::Of(self.rng.below(TYPES));
                    format!("{text} in {}", self.literal(&above))
                }
                2 => match self.rng.choose(&self.model.types[*of].attributes) {
                    Some(attribute) => format!("{text} has {}", attribute.name),
                    None => "true".to_owned(),
                },
                _ => {
                    let above = Kind::Of(self.rng.below(TYPES));
                    format!("{text} in [{}, {text}]", self.literal(&above))
                }
            },
            Kind::Set(of) => match self.rng.below(3) {
                0 => format!("{text}.isEmpty()"),
                1 => format!("{text}.contains({})", self.literal(of)),
                _ => format!("{text}.containsAny({})", self.literal(&path.kind)),
            },
        };
        let guards = path.guards.iter();
        let parts: Vec<String> = guards.cloned().chain([format!("({test})")]).collect();
        // Now and then an entity that is not there is read.
        format!("({})", parts.join(" && "))
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.rng.below(if depth == 0 { 1 } else { 6 }) {
            0 | 1 => self.test(),
            2 => format!("!{}", self.condition(depth - 1)),
            3 => format!(
                "({} && {})",
                self.condition(depth - 1),
                self.condition(depth - 1)
            ),
            4 => format!(
                "({} || {})",
                self.condition(depth - 1),
                self.condition(depth - 1)
            ),
            _ => format!(
                "(if {} then {} else {})",
                self.condition(depth - 1),
                self.condition(depth - 1),
                self.condition(depth - 1)
            ),
        }
    }

    fn policy(&mut self, id: usize) -> String {
        let effect = if self.rng.percent(65) {
            "permit"
        } else {
            "forbid"
        };
        let action = self.rng.pick(["action", "action == Action::\"see\""]);
        let (principal, resource) = (self.principal, self.resource);
        let condition = self.condition(2);
        format!(
            "@id(\"p/{id}\") {effect} (principal is T{principal}, {action}, resource is T{resource}) when {{ {condition} }};\n"
        )
    }
}

/// Templates that Cedar takes, if with a warning, and links of them.
pub(super) fn templates(rng: &mut Rng, model: &Model, schema: &str) -> (String, Vec<WrittenLink>) {
    let validator = Validator::new(Schema::from_cedarschema_str(schema).unwrap().0);
    let valid = |set: &PolicySet| {
        let valid = validator.validate(set, ValidationMode::Strict);
        valid.validation_passed()
    };
    let (mut text, mut links) = (String::new(), Vec::new());
    for number in 0..8 {
        let (principal, resource) = (rng.pick([2, 3]), rng.pick([1, 3]));
        let condition = SetWriter {
            model,
            rng,
            principal,
            resource,
        }
        .condition(1);
        let slot = |rng: &mut Rng, side: &str, of: usize| match rng.below(4) {
            0 => format!("{side} == ?{side}"),
            1 => format!("{side} in ?{side}"),
            2 => format!("{side} is T{of} in ?{side}"),
            _ => format!("{side} is T{of}"),
        };
        let one = slot(rng, "principal", principal);
        let other = slot(rng, "resource", resource);
        let effect = if rng.percent(70) { "permit" } else { "forbid" };
        let id = format!("t/{number}");
        let template = format!(
            "@id(\"{id}\") {effect} ({one}, action, {other}) when {{ (principal is T{principal} && resource is T{resource}) && {condition} }};\n"
        );
        if !template.contains('?') || !valid(&named(&template)) {
            continue;
        }
        text += &template;
        for link in 0..15 {
            let entity = |rng: &mut Rng| {
                let of = rng.below(TYPES);
                format!("T{of}::\"{}\"", rng.below(IDS + 1))
            };
            let link = WrittenLink {
                id: format!("l/{number}-{link}"),
                template: id.clone(),
                principal: one.contains('?').then(|| entity(rng)),
                resource: other.contains('?').then(|| entity(rng)),
            };
            let mut set = named(&template);
            link.add_to(&mut set);
            if valid(&set) {
                links.push(link);
            }
        }
    }
    (text, links)
}

/// Policies that Cedar takes, if with a warning, one by one.
pub(super) fn policies(rng: &mut Rng, model: &Model, schema: &str) -> String {
    let validator = Validator::new(Schema::from_cedarschema_str(schema).unwrap().0);
    let (mut text, mut count) = (String::new(), 0);
    for id in 0..20 {
        let (principal, resource) = (rng.pick([2, 3]), rng.pick([1, 3]));
        let policy = SetWriter {
            model,
            rng,
            principal,
            resource,
        }
        .policy(id);
        let set: PolicySet = policy
            .parse()
            .unwrap_or_else(|error| panic!("{error}: {policy}"));
        let valid = validator.validate(&set, ValidationMode::Strict);
        if valid.validation_passed() && count < 6 {
            text += &policy;
            count += 1;
        }
    }
    text
}
