//! Random schemas, and entities of them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cedar_agrees::uid;
use crate::rules::rng::Rng;

/// The number of entity types.
pub(super) const TYPES: usize = 4;

/// Ids of a type, and one more that nothing has.
pub(super) const IDS: usize = 4;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Bool,
    Long,
    Text,
    Of(usize),
    Set(Box<Kind>),
}

#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) optional: bool,
}

#[derive(Debug)]
pub(super) struct EntityKind {
    pub(super) attributes: Vec<Attribute>,
    parents: Vec<usize>,
    pub(super) tags: Option<Kind>,
}

/// A schema.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) types: Vec<EntityKind>,
    pub(super) context: Vec<Attribute>,
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
    pub(super) fn random(rng: &mut Rng) -> Self {
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

    pub(super) fn schema(&self) -> String {
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

    pub(super) fn value(&self, rng: &mut Rng, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => rng.percent(50).into(),
            Kind::Long => rng.below(5).into(),
            Kind::Text => rng.pick(["", "x", "xy", "z"]).into(),
            Kind::Of(of) => json!({"__entity": self.uid(rng, *of)}),
            Kind::Set(of) => (0..rng.below(3)).map(|_| self.value(rng, of)).collect(),
        }
    }

    /// One of a type, which need not be there.
    pub(super) fn uid(&self, rng: &mut Rng, of: usize) -> Value {
        let ids = if rng.percent(15) { IDS + 1 } else { IDS };
        let id = rng.below(ids);
        uid(&format!("T{of}"), &id.to_string())
    }

    pub(super) fn values(&self, rng: &mut Rng, attributes: &[Attribute]) -> Value {
        let mut record = json!({});
        for attribute in attributes {
            if !attribute.optional || rng.percent(60) {
                record[&attribute.name] = self.value(rng, &attribute.kind);
            }
        }
        record
    }

    pub(super) fn entities(&self, rng: &mut Rng) -> Value {
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
