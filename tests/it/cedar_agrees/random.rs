//! Random schemas, policies, entities and questions: what the engine answers is what Cedar answers, but
//! for who is not there (GEN-1) and policies that fail (GEN-2).

use std::fmt::Write as _;

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use peppol_authz_engine::Verdict;
use serde_json::{Value, json};

use super::stored::{LinksDatabase, assert_same};
use super::{BothSides, WrittenLink, named, uid};
use crate::deciding::codes;
use crate::rules::rng::Rng;
use crate::search_agrees::seed;

/// Sets in a run of the suite; `PROPERTY_ROUNDS` makes it longer.
const SETS: u64 = 40;

/// The number of entity types.
const TYPES: usize = 4;

/// Ids of a type, and one more that nothing has.
const IDS: usize = 4;

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Bool,
    Long,
    Text,
    Of(usize),
    Set(Box<Kind>),
}

#[derive(Debug)]
struct Attribute {
    name: String,
    kind: Kind,
    optional: bool,
}

#[derive(Debug)]
struct EntityKind {
    attributes: Vec<Attribute>,
    parents: Vec<usize>,
    tags: Option<Kind>,
}

/// A schema.
#[derive(Debug)]
struct Model {
    types: Vec<EntityKind>,
    context: Vec<Attribute>,
}

fn kind(rng: &mut Rng, deep: bool) -> Kind {
    match rng.below(if deep { 7 } else { 5 }) {
        0 => Kind::Bool,
        1 => Kind::Long,
        2 => Kind::Text,
        3 | 4 => Kind::Of(rng.below(TYPES)),
        _ => Kind::Set(Box::new(kind(rng, false))),
    }
}

fn attributes(rng: &mut Rng, prefix: &str) -> Vec<Attribute> {
    let count = rng.between(1, 4);
    (0..count)
        .map(|number| Attribute {
            name: format!("{prefix}{number}"),
            kind: kind(rng, true),
            optional: rng.percent(40),
        })
        .collect()
}

fn written(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "Bool".to_owned(),
        Kind::Long => "Long".to_owned(),
        Kind::Text => "String".to_owned(),
        Kind::Of(of) => format!("T{of}"),
        Kind::Set(of) => format!("Set<{}>", written(of)),
    }
}

fn record(attributes: &[Attribute]) -> String {
    let all = attributes.iter().map(|it| {
        let optional = if it.optional { "?" } else { "" };
        format!("{}{optional}: {}", it.name, written(&it.kind))
    });
    format!("{{ {} }}", all.collect::<Vec<_>>().join(", "))
}

impl Model {
    fn random(rng: &mut Rng) -> Self {
        let types = (0..TYPES).map(|number| EntityKind {
            attributes: attributes(rng, "a"),
            // Also of its own type.
            parents: (0..=number).filter(|_| rng.percent(40)).collect(),
            tags: rng.percent(40).then(|| kind(rng, false)),
        });
        Self {
            types: types.collect(),
            context: attributes(rng, "c"),
        }
    }

    fn schema(&self) -> String {
        let mut text = String::new();
        for (number, of) in self.types.iter().enumerate() {
            let parents: Vec<String> = of.parents.iter().map(|it| format!("T{it}")).collect();
            let parents = match parents.is_empty() {
                true => String::new(),
                false => format!(" in [{}]", parents.join(", ")),
            };
            let tags = of
                .tags
                .as_ref()
                .map_or_else(String::new, |tags| format!(" tags {}", written(tags)));
            writeln!(
                text,
                "entity T{number}{parents} = {}{tags};",
                record(&of.attributes)
            )
            .unwrap();
        }
        let context = record(&self.context);
        for action in ["see", "do"] {
            writeln!(
                text,
                "action {action} appliesTo {{ principal: [T2, T3], resource: [T1, T3], context: {context} }};"
            )
            .unwrap();
        }
        text
    }

    fn value(&self, rng: &mut Rng, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => rng.percent(50).into(),
            Kind::Long => rng.below(5).into(),
            Kind::Text => rng.pick(["", "x", "xy", "z"]).into(),
            Kind::Of(of) => json!({"__entity": self.uid(rng, *of)}),
            Kind::Set(of) => (0..rng.below(3)).map(|_| self.value(rng, of)).collect(),
        }
    }

    /// One of a type, which need not be there.
    fn uid(&self, rng: &mut Rng, of: usize) -> Value {
        let ids = if rng.percent(15) { IDS + 1 } else { IDS };
        let id = rng.below(ids);
        uid(&format!("T{of}"), &id.to_string())
    }

    fn values(&self, rng: &mut Rng, attributes: &[Attribute]) -> Value {
        let mut record = json!({});
        for attribute in attributes {
            if !attribute.optional || rng.percent(60) {
                record[&attribute.name] = self.value(rng, &attribute.kind);
            }
        }
        record
    }

    fn entities(&self, rng: &mut Rng) -> Value {
        let mut all = Vec::new();
        for (number, of) in self.types.iter().enumerate() {
            for id in 0..IDS {
                if rng.percent(15) {
                    continue;
                }
                // Upwards only, so that nothing is its own ancestor.
                let mut parents = Vec::new();
                for parent in &of.parents {
                    let above = rng.below(IDS + 1);
                    if (*parent != number || above > id) && rng.percent(60) {
                        parents.push(uid(&format!("T{parent}"), &above.to_string()));
                    }
                }
                let mut tags = json!({});
                if let Some(kind) = &of.tags {
                    for key in ["x", "z"] {
                        if rng.percent(50) {
                            tags[key] = self.value(rng, kind);
                        }
                    }
                }
                all.push(json!({
                    "uid": uid(&format!("T{number}"), &id.to_string()),
                    "attrs": self.values(rng, &of.attributes),
                    "parents": parents,
                    "tags": tags,
                }));
            }
        }
        Value::Array(all)
    }
}

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
fn templates(rng: &mut Rng, model: &Model, schema: &str) -> (String, Vec<WrittenLink>) {
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
fn policies(rng: &mut Rng, model: &Model, schema: &str) -> String {
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

#[derive(Default)]
struct Counts {
    sets: usize,
    allowed: usize,
    denied: usize,
    failed: usize,
    absent: usize,
    /// Decisions that rest on links.
    linked: usize,
}

fn hold(rng: &mut Rng, counts: &mut Counts, database: &LinksDatabase) {
    let model = Model::random(rng);
    let schema = model.schema();
    let policies = policies(rng, &model, &schema);
    let (templates, links) = templates(rng, &model, &schema);
    let policies = policies + &templates;
    if policies.is_empty() {
        return;
    }
    counts.sets += 1;
    let sides = BothSides::with_links(&schema, &policies, &links);
    let entities = model.entities(rng);
    let cedar = sides.read(&entities).unwrap();
    let engine = sides.engine(&entities).unwrap();
    let stored = database.engine((&schema, &policies, &links), &sides.bundle, &entities);
    for _ in 0..30 {
        let (principal, resource) = (rng.pick([2, 3]), rng.pick([1, 3]));
        let question = json!({
            "principal": model.uid(rng, principal),
            "action": uid("Action", rng.pick(["see", "do"])),
            "resource": model.uid(rng, resource),
            "context": model.values(rng, &model.context),
        });
        let decision = engine.decide(&question);
        assert_same(&decision, &stored.decide(&question), &question);
        if codes(&decision)
            .iter()
            .any(|code| code.starts_with("UNKNOWN_"))
        {
            assert_eq!(decision.verdict, Verdict::Deny);
            assert!(!decision.absent.is_empty(), "{question}");
            assert!(decision.absent.iter().all(|uid| cedar.get(uid).is_none()));
            counts.absent += 1;
            continue;
        }
        let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            sides.assert_agree(&engine, &cedar, &question)
        }));
        let answer = answer
            .unwrap_or_else(|_| panic!("{schema}\n{policies}\n{links:?}\n{entities}\n{question}"));
        let by_link = answer.determining.iter().any(|id| id.starts_with("l/"));
        counts.linked += usize::from(by_link);
        counts.allowed += usize::from(answer.allowed);
        counts.denied += usize::from(!answer.allowed && !answer.failed);
        counts.failed += usize::from(answer.failed);
    }
}

#[test]
fn random_sets_are_decided_as_by_cedar() {
    let rounds = std::env::var("PROPERTY_ROUNDS").ok();
    let rounds = rounds.and_then(|text| text.parse().ok()).unwrap_or(SETS);
    let mut counts = Counts::default();
    let database = LinksDatabase::new();
    for number in 0..rounds {
        let mut rng = Rng::new(seed() * 1_000_003 + number);
        hold(&mut rng, &mut counts, &database);
    }
    let Counts {
        sets,
        allowed,
        denied,
        failed,
        absent,
        linked,
    } = counts;
    let said = format!(
        "{sets} sets, {} questions: {allowed} allowed, {denied} denied, {failed} failed, {absent} of who is not \
         there, {linked} by links\n",
        allowed + denied + failed + absent
    );
    // For a long run, which `--nocapture` shows.
    std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
    let least = usize::try_from(rounds).unwrap();
    assert!(sets * 2 > least, "{sets} of {rounds}");
    for count in [allowed, denied, failed, absent, 2 * linked] {
        assert!(
            count > least,
            "{allowed} {denied} {failed} {absent} {linked}"
        );
    }
}
