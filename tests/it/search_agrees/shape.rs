//! The types that the random worlds are of, and the schema made of them.

use std::fmt::Write as _;

/// The type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ty {
    Bool,
    Long,
    Text,
    Of(&'static str),
    Set(&'static Ty),
    Record(&'static [Attribute]),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) ty: Ty,
    pub(super) optional: bool,
}

/// An entity type.
#[derive(Debug)]
pub(super) struct EntityShape {
    pub(super) name: &'static str,
    pub(super) annotations: &'static str,
    pub(super) attributes: &'static [Attribute],
    pub(super) tags: Option<Ty>,
    pub(super) parents: &'static [&'static str],
}

#[derive(Debug)]
pub(super) struct ActionShape {
    pub(super) name: &'static str,
    pub(super) principals: &'static [&'static str],
    pub(super) resources: &'static [&'static str],
}

const fn has(name: &'static str, ty: Ty) -> Attribute {
    Attribute {
        name,
        ty,
        optional: false,
    }
}

const fn may(name: &'static str, ty: Ty) -> Attribute {
    Attribute {
        name,
        ty,
        optional: true,
    }
}

const fn kind(name: &'static str, attributes: &'static [Attribute]) -> EntityShape {
    EntityShape {
        name,
        annotations: "",
        attributes,
        tags: None,
        parents: &[],
    }
}

pub(super) const CHOICES: [&str; 4] = ["RED", "GREEN", "Light blue", "it's"];
const TEXTS: Ty = Ty::Set(&Ty::Text);
const INNER: &[Attribute] = &[
    has("x", Ty::Text),
    may("deep", Ty::Long),
    may("words", TEXTS),
    may("owner", Ty::Of("Person")),
];
const META: &[Attribute] = &[
    has("theme", Ty::Text),
    may("depth", Ty::Long),
    may("on", Ty::Bool),
    may("folder", Ty::Of("Folder")),
    may("owner", Ty::Of("Person")),
    may("party", Ty::Of("Party")),
    may("kind", Ty::Of("Kind")),
    may("odd name", Ty::Text),
    may("people", Ty::Set(&Ty::Of("Person"))),
    may("inner", Ty::Record(INNER)),
];
const ROLE: &[Attribute] = &[
    has("role", Ty::Text),
    may("level", Ty::Long),
    has("on", Ty::Bool),
    may("team", Ty::Of("Team")),
];

/// The context of every action; each member may be left out.
pub(super) const CONTEXT: &[Attribute] = &[
    may("who", Ty::Of("Person")),
    may("org", Ty::Of("Org")),
    may("text", Ty::Text),
    may("num", Ty::Long),
    may("flag", Ty::Bool),
    may("words", TEXTS),
    may("teams", Ty::Set(&Ty::Of("Team"))),
    may("outside", Ty::Of("Outside")),
];

/// In the order in which they refer to each other, mostly. `Kind` is a vocabulary, and
/// `Outside` has no view, and no other refers to it.
pub(super) const KINDS: [EntityShape; 8] = [
    EntityShape {
        parents: &["Org"],
        ..kind(
            "Org",
            &[
                has("name", Ty::Text),
                has("size", Ty::Long),
                has("open", Ty::Bool),
                may("nick", Ty::Text),
                may("ceo", Ty::Of("Person")),
            ],
        )
    },
    EntityShape {
        parents: &["Team", "Org"],
        ..kind(
            "Team",
            &[
                has("title", Ty::Text),
                may("lead", Ty::Of("Person")),
                has("words", TEXTS),
            ],
        )
    },
    EntityShape {
        parents: &["Team", "Org"],
        tags: Some(Ty::Record(ROLE)),
        ..kind(
            "Person",
            &[
                has("org", Ty::Of("Org")),
                may("boss", Ty::Of("Person")),
                has("active", Ty::Bool),
                has("age", Ty::Long),
                may("nick", Ty::Text),
                has("teams", Ty::Set(&Ty::Of("Team"))),
                may("prefs", Ty::Record(META)),
                may("mail", Ty::Of("Mail")),
            ],
        )
    },
    EntityShape {
        parents: &["Folder"],
        tags: Some(Ty::Text),
        ..kind(
            "Folder",
            &[has("owner", Ty::Of("Person")), has("words", TEXTS)],
        )
    },
    EntityShape {
        parents: &["Folder"],
        tags: Some(Ty::Of("Team")),
        ..kind(
            "Doc",
            &[
                has("owner", Ty::Of("Person")),
                may("folder", Ty::Of("Folder")),
                has("kind", Ty::Of("Kind")),
                has("kinds", Ty::Set(&Ty::Of("Kind"))),
                has("text", Ty::Text),
                may("note", Ty::Text),
                has("size", Ty::Long),
                may("weight", Ty::Long),
                has("secret", Ty::Bool),
                may("hidden", Ty::Bool),
                may("words", TEXTS),
                has("readers", Ty::Set(&Ty::Of("Person"))),
                may("teams", Ty::Set(&Ty::Of("Team"))),
                has("numbers", Ty::Set(&Ty::Long)),
                has("info", Ty::Record(META)),
                may("meta", Ty::Record(META)),
                may("mail", Ty::Of("Mail")),
                may("party", Ty::Of("Party")),
            ],
        )
    },
    EntityShape {
        annotations: "@lowercaseId(\"all\")\n@whenAbsent(\"{\\\"seen\\\": false}\")\n",
        ..kind("Mail", &[has("seen", Ty::Bool), may("label", Ty::Text)])
    },
    EntityShape {
        annotations: "@lowercaseId(\"afterScheme\")\n@defaultScheme(\"s\")\n",
        tags: Some(Ty::Long),
        ..kind("Party", &[has("org", Ty::Of("Org")), has("n", Ty::Long)])
    },
    EntityShape {
        parents: &["Folder"],
        tags: Some(Ty::Text),
        ..kind(
            "Outside",
            &[
                has("label", Ty::Text),
                has("n", Ty::Long),
                may("org", Ty::Of("Org")),
                has("owner", Ty::Of("Person")),
                may("team", Ty::Of("Team")),
                has("kind", Ty::Of("Kind")),
                may("note", Ty::Text),
                may("size", Ty::Long),
                may("on", Ty::Bool),
                may("words", TEXTS),
                has("people", Ty::Set(&Ty::Of("Person"))),
                may("inner", Ty::Record(INNER)),
            ],
        )
    },
];

pub(super) const ACTIONS: [ActionShape; 7] = [
    ActionShape {
        name: "see",
        principals: &["Person"],
        resources: &["Doc"],
    },
    ActionShape {
        name: "keep",
        principals: &["Person"],
        resources: &["Folder", "Org", "Team"],
    },
    ActionShape {
        name: "use",
        principals: &["Person", "Mail"],
        resources: &["Party"],
    },
    ActionShape {
        name: "meet",
        principals: &["Person"],
        resources: &["Person"],
    },
    ActionShape {
        name: "write",
        principals: &["Person", "Party"],
        resources: &["Mail"],
    },
    ActionShape {
        name: "pick",
        principals: &["Person"],
        resources: &["Kind"],
    },
    ActionShape {
        name: "touch",
        principals: &["Person", "Outside"],
        resources: &["Outside"],
    },
];

/// The kind of that name; `None` of the vocabulary.
pub(super) fn kind_of(name: &str) -> Option<&'static EntityShape> {
    KINDS.iter().find(|kind| kind.name == name)
}

fn ty(ty: Ty) -> String {
    match ty {
        Ty::Bool => "Bool".to_owned(),
        Ty::Long => "Long".to_owned(),
        Ty::Text => "String".to_owned(),
        Ty::Of(name) => name.to_owned(),
        Ty::Set(element) => format!("Set<{}>", self::ty(*element)),
        Ty::Record(attributes) => record(attributes),
    }
}

fn record(attributes: &[Attribute]) -> String {
    let members = attributes.iter().map(|attribute| {
        let mark = if attribute.optional { "?" } else { "" };
        format!("\"{}\"{mark}: {}", attribute.name, ty(attribute.ty))
    });
    format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
}

/// The schema.
pub(super) fn schema() -> String {
    let mut text = String::new();
    for kind in &KINDS {
        let parents = match kind.parents {
            [] => String::new(),
            parents => format!(" in [{}]", parents.join(", ")),
        };
        let tags = kind.tags.map(|tags| format!(" tags {}", ty(tags)));
        writeln!(
            text,
            "{}entity {}{parents} = {}{};",
            kind.annotations,
            kind.name,
            record(kind.attributes),
            tags.unwrap_or_default()
        )
        .unwrap();
    }
    writeln!(text, "entity Kind enum {CHOICES:?};").unwrap();
    for action in &ACTIONS {
        writeln!(
            text,
            "action {} appliesTo {{ principal: [{}], resource: [{}], context: {} }};",
            action.name,
            action.principals.join(", "),
            action.resources.join(", "),
            record(CONTEXT)
        )
        .unwrap();
    }
    text
}
