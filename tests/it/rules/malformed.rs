//! Questions that do not fit the schema: each must be answered `400`.

use serde_json::{Map, Value, json};

use super::question::{Question, entity};
use super::rng::Rng;
use super::tenancy::Tenancy;
use super::vocabulary::{ACTIONS, Action, FLAGS, Kind, Member};

/// A question that must be refused.
#[derive(Clone, Debug)]
pub(crate) struct Malformed {
    /// The question.
    pub(crate) json: Value,
    /// The fault that was put in.
    pub(crate) why: &'static str,
    /// The question before that.
    pub(crate) question: Question,
}

type Spoil = fn(&mut Draft<'_>) -> Option<&'static str>;

const SPOILS: [Spoil; 16] = [
    other_principal,
    other_resource,
    missing_context_member,
    surplus_context_member,
    outside_vocabulary,
    unknown_action,
    flags,
    scalar_of_another_type,
    context_entity_of_another_type,
    missing_part,
    broken_entity,
    no_object,
    describes_a_served_entity,
    unreadable_id,
    unlisted_scheme,
    odd_identifier,
];

impl Malformed {
    /// A question that would be well-formed but for one fault.
    pub(crate) fn random(rng: &mut Rng, tenancy: &Tenancy) -> Self {
        let spoil = rng.pick(SPOILS);
        loop {
            let action = rng.pick(ACTIONS);
            let question = Question::of_action(rng, tenancy, &action);
            let json = question.to_json(rng);
            let mut draft = Draft {
                rng,
                action,
                json,
                question,
            };
            if let Some(why) = spoil(&mut draft) {
                let Draft { json, question, .. } = draft;
                return Self {
                    json,
                    why,
                    question,
                };
            }
        }
    }
}

/// A question while it is being spoiled.
struct Draft<'a> {
    rng: &'a mut Rng,
    action: Action,
    question: Question,
    json: Value,
}

impl Draft<'_> {
    fn context(&mut self) -> Option<&mut Map<String, Value>> {
        let question = self.json.as_object_mut()?;
        let context = question.entry("context").or_insert_with(|| json!({}));
        context.as_object_mut()
    }

    /// One of the members of the context that the question has and the filter takes.
    fn member(&mut self, filter: impl Fn(&Member) -> bool) -> Option<Member> {
        let members = self.action.context.iter();
        let members: Vec<Member> = members
            .filter(|it| filter(it) && self.question.context.contains_key(it.name))
            .copied()
            .collect();
        self.rng.choose(&members).copied()
    }

    fn set(&mut self, member: Member, value: Value) -> Option<()> {
        self.context()?.insert(member.name.to_owned(), value);
        Some(())
    }
}

fn other_principal(draft: &mut Draft<'_>) -> Option<&'static str> {
    let kind = draft.rng.pick([
        "SubAccount",
        "SubAccount",
        "SubAccount",
        "Organisation",
        "EmailAddress",
        "Participant",
        "ParticipantIdentifier",
        "Platform",
    ]);
    if kind == "SubAccount" && draft.action.sub_account {
        return None;
    }
    draft.json["principal"] = entity(draft.rng, kind, &draft.question.principal.1);
    Some("another principal type")
}

fn other_resource(draft: &mut Draft<'_>) -> Option<&'static str> {
    let kind = draft.rng.pick([
        "Organisation",
        "Participant",
        "AccessPoint",
        "LegalEntity",
        "User",
        "SubAccount",
        "Document",
    ]);
    if kind == draft.action.resource {
        return None;
    }
    draft.json["resource"] = entity(draft.rng, kind, &draft.question.resource.1);
    Some("another resource type")
}

fn missing_context_member(draft: &mut Draft<'_>) -> Option<&'static str> {
    let member = draft.member(|it| !it.optional)?;
    draft.context()?.remove(member.name);
    let question = draft.json.as_object_mut()?;
    if question.get("context") == Some(&json!({})) && draft.rng.percent(50) {
        question.remove("context");
    }
    Some("a missing context member")
}

fn surplus_context_member(draft: &mut Draft<'_>) -> Option<&'static str> {
    let name = draft.rng.pick([
        "user",
        "mode",
        "environment",
        "subAccount",
        "superadmin",
        "x",
    ]);
    let members = draft.action.context;
    if members.iter().any(|member| member.name == name) {
        return None;
    }
    let value = match name {
        "superadmin" => json!(true),
        "environment" => json!("TEST"),
        "mode" => json!("SHARED"),
        _ => json!("u-1"),
    };
    draft.context()?.insert(name.to_owned(), value);
    Some("a surplus context member")
}

fn outside_vocabulary(draft: &mut Draft<'_>) -> Option<&'static str> {
    let member = draft.member(|it| matches!(it.kind, Kind::Word(_)))?;
    let other = [
        "demo", "Shared", "SANDBOX", "PROD", "Test", "ApUser", "orgAdmin", "", "TEST ",
    ];
    let value = json!(draft.rng.pick(other));
    draft.set(member, value)?;
    Some("a value outside its vocabulary")
}

fn unknown_action(draft: &mut Draft<'_>) -> Option<&'static str> {
    let name = draft.question.action;
    draft.json["action"] = match draft.rng.below(6) {
        0 => json!("Peppol::Action::\"approveEverything\""),
        1 => json!({"type": "Peppol::Action", "id": name.to_uppercase()}),
        2 => json!({"type": "Peppol::Action", "id": format!("{name} ")}),
        3 => json!({"__entity": {"type": "Action", "id": name}}),
        4 => json!(format!("Peppol::User::\"{name}\"")),
        _ => json!(name),
    };
    Some("an unknown action")
}

fn flags(draft: &mut Draft<'_>) -> Option<&'static str> {
    let member = draft.member(|it| it.kind == Kind::Flags)?;
    let flag = draft.rng.pick(FLAGS);
    let permissions = draft.question.context.get(member.name)?;
    let mut permissions = permissions.as_object()?.clone();
    let why = match draft.rng.below(6) {
        0..3 => {
            permissions.remove(flag);
            "a missing flag"
        }
        3 => {
            permissions.insert("canPay".to_owned(), json!(true));
            "a surplus flag"
        }
        4 => {
            permissions.insert(flag.to_owned(), json!("true"));
            "a flag that is no boolean"
        }
        _ => {
            permissions.insert(flag.to_owned(), Value::Null);
            "a flag that is null"
        }
    };
    draft.set(member, Value::Object(permissions))?;
    Some(why)
}

fn scalar_of_another_type(draft: &mut Draft<'_>) -> Option<&'static str> {
    let member = draft.member(|_| true)?;
    let value = draft.rng.pick([
        json!(1.5),
        json!(7),
        json!(true),
        json!(["TEST"]),
        json!([]),
        json!({}),
        json!({"TEST": "TEST"}),
        Value::Null,
    ]);
    if (value.is_null() && member.optional) || (value.is_boolean() && member.kind == Kind::Bool) {
        return None;
    }
    draft.set(member, value)?;
    Some("a context member of another type")
}

fn context_entity_of_another_type(draft: &mut Draft<'_>) -> Option<&'static str> {
    let member = draft.member(|it| matches!(it.kind, Kind::Entity(_)))?;
    let kind = draft.rng.pick([
        "Organisation",
        "User",
        "SubAccount",
        "AccessPoint",
        "Participant",
        "ParticipantIdentifier",
    ]);
    if member.kind == Kind::Entity(kind) {
        return None;
    }
    let id = draft.question.context.get(member.name)?.clone();
    let uid = json!({"type": format!("Peppol::{kind}"), "id": id});
    let form = match draft.rng.percent(50) {
        true => json!({"__entity": uid}),
        false => uid,
    };
    draft.set(member, form)?;
    Some("a context entity of another type")
}

fn missing_part(draft: &mut Draft<'_>) -> Option<&'static str> {
    let part = draft.rng.pick(["principal", "action", "resource"]);
    draft.json.as_object_mut()?.remove(part)?;
    Some("no principal, action or resource")
}

fn broken_entity(draft: &mut Draft<'_>) -> Option<&'static str> {
    let part = draft.rng.pick(["principal", "action", "resource"]);
    draft.json[part] = draft.rng.pick([
        Value::Null,
        json!(17),
        json!(true),
        json!([]),
        json!({}),
        json!("u-1"),
        json!(""),
        json!("Peppol::User::u-1"),
        json!("Peppol::User::\"u-1"),
        json!("Peppol::Nobody::\"u-1\""),
        json!("User::\"u-1\""),
        json!({"type": "Peppol::Nobody", "id": "u-1"}),
        json!({"type": "peppol::user", "id": "u-1"}),
        json!({"type": "Peppol::User"}),
        json!({"id": "u-1"}),
        json!({"type": "Peppol::User", "id": 1}),
        json!({"__entity": {"type": "Peppol::User"}}),
        json!({"__entity": "Peppol::User::\"u-1\""}),
        json!({"type": "", "id": "u-1"}),
    ]);
    Some("no entity where one is needed")
}

fn no_object(draft: &mut Draft<'_>) -> Option<&'static str> {
    let value = draft
        .rng
        .pick([json!([]), json!("{}"), json!(1), json!(false)]);
    if draft.rng.percent(50) {
        draft.json = value;
        return Some("a question that is no object");
    }
    draft.json["context"] = value;
    Some("a context that is no object")
}

/// A character that nobody sees, or a blank at an end, in the id of any part.
fn unreadable_id(draft: &mut Draft<'_>) -> Option<&'static str> {
    let unseen = draft.rng.pick([
        "\0",
        "\t",
        "\n",
        "\u{1f}",
        "\u{7f}",
        "\u{9f}",
        "\u{ad}",
        "\u{34f}",
        "\u{115f}",
        "\u{180e}",
        "\u{200b}",
        "\u{200d}",
        "\u{202e}",
        "\u{2060}",
        "\u{2800}",
        "\u{3164}",
        "\u{fe0f}",
        "\u{feff}",
        "\u{ffa0}",
        "\u{fffd}",
        "\u{fdd0}",
        "\u{e0041}",
    ]);
    let blank = draft.rng.pick([" ", "\u{a0}", "\u{2003}", "\u{3000}"]);
    let spoilt = |rng: &mut Rng, id: &str| match rng.below(4) {
        0 => format!("{blank}{id}"),
        1 => format!("{id}{blank}"),
        2 => format!("{unseen}{id}"),
        _ => format!("{id}{unseen}"),
    };
    let (kind, id) = match draft.rng.below(3) {
        0 => draft.question.principal.clone(),
        1 if draft.question.resource.0 != "Platform" => draft.question.resource.clone(),
        _ => {
            let member = draft.member(|it| matches!(it.kind, Kind::Entity(_)))?;
            let id = draft
                .question
                .context
                .get(member.name)?
                .as_str()?
                .to_owned();
            let id = spoilt(draft.rng, &id);
            draft.set(member, json!(id))?;
            return Some("an id that cannot be read in the context");
        }
    };
    let part = if (kind, &id) == (draft.question.principal.0, &draft.question.principal.1) {
        "principal"
    } else {
        "resource"
    };
    let id = spoilt(draft.rng, &id);
    draft.json[part] = json!({"type": format!("Peppol::{kind}"), "id": id});
    Some("an id that cannot be read")
}

/// A participant whose identifier begins with a scheme's name or number that there is not.
fn unlisted_scheme(draft: &mut Draft<'_>) -> Option<&'static str> {
    if draft.question.resource.0 != "Participant" {
        return None;
    }
    let scheme = draft.rng.pick([
        "XX:FOO", "xx_foo", "IT-IVA", "ITIVA", "9999", "0000", "02111", "IT:IVA2", "GLN2", "EAN",
    ]);
    let meta = draft.rng.pick(["", "iso6523-actorid-upis::"]);
    let id = format!("{meta}{scheme}:55612");
    draft.json["resource"] = json!({"type": "Peppol::Participant", "id": id});
    Some("a scheme that is not in the code list")
}

/// A spelling of an identifier that may be new, which somebody could take for a registered one.
fn odd_identifier(draft: &mut Draft<'_>) -> Option<&'static str> {
    let member = draft.member(|it| it.kind == Kind::Entity("ParticipantIdentifier"))?;
    let id = draft.question.context.get(member.name)?.as_str()?;
    let odd = match draft.rng.below(8) {
        0 => id.replacen("::", ":", 1),
        1 => id.replacen("::", "%3A%3A", 1),
        2 => id.replacen("iso6523", "ISO6523", 1),
        3 => format!("iso6523-actorid-upis::{id}"),
        4 => format!("{id}#"),
        5 => format!("{id}/"),
        6 => format!("{id}\u{301}"),
        _ => id.replacen("iso6523-actorid-upis", "iso6523_actorid-upis", 1),
    };
    if odd == id {
        return None;
    }
    draft.set(member, json!(odd))?;
    Some("an odd spelling of an identifier")
}

fn describes_a_served_entity(draft: &mut Draft<'_>) -> Option<&'static str> {
    let id = draft.question.principal.1.as_str();
    let kind = draft.question.principal.0;
    let member = draft.rng.pick(["entities", "additional_entities"]);
    let uid = json!({"type": format!("Peppol::{kind}"), "id": id});
    draft.json[member] = json!([{"uid": uid, "attrs": {}, "parents": []}]);
    Some("an entity of a type that the store serves")
}
