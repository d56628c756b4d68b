//! Users in groups, files in folders: hierarchies, sets and records of entities,
//! a policy that overflows.

use serde_json::{Value, json};

use super::{IdChoice, PolicyWorld, uid};
use crate::rules::rng::Rng;

const GROUPS: usize = 4;
const USERS: usize = 6;
const FOLDERS: usize = 4;
const FILES: usize = 6;

pub(super) const WORLD: PolicyWorld = PolicyWorld {
    schema: SCHEMA,
    policies: POLICIES,
    entities,
    question,
};

const SCHEMA: &str = r#"
entity Group in [Group] = { locked: Bool };
entity User in [Group] = {
  level: Long,
  mentor?: User,
  friends: Set<User>,
  home: { city: String, host?: User },
};
entity Folder in [Folder] = { owner: User };
entity File in [Folder] = {
  owner: User,
  group?: Group,
  shared: Set<User>,
  labels: Set<String>,
  size: Long,
  meta: { author: User, reviewer?: User },
} tags User;
action access;
action edit in [access];
action view in [access] appliesTo {
  principal: User,
  resource: [File, Folder],
  context: { depth: Long, via?: User, steps: Set<File>, trail: { last?: Folder } },
};
action rename, erase in [edit] appliesTo {
  principal: User,
  resource: File,
  context: { via?: User },
};
"#;

const POLICIES: &str = r#"
@id("owner") permit (principal, action, resource) when { resource.owner == principal };
@id("shared") permit (principal, action == Action::"view", resource is File)
  when { resource.shared.contains(principal) || resource.shared.containsAny(principal.friends) };
@id("staff") permit (principal in Group::"group0", action in Action::"access", resource);
@id("folder") permit (principal, action, resource in Folder::"folder0");
@id("host") permit (principal, action == Action::"view", resource)
  when { principal.home has host && principal.home.host.level > 3 };
@id("reviewer") permit (principal, action in [Action::"edit"], resource is File)
  when { resource.meta has reviewer && resource.meta.reviewer == principal };
@id("via") forbid (principal, action, resource)
  when { context has via && context.via.level < principal.level && !(context.via in Group::"group1") };
@id("locked") forbid (principal, action in Action::"edit", resource is File)
  when { resource has group && resource.group.locked };
@id("mentor") forbid (principal, action, resource)
  when { principal has mentor.mentor && principal.mentor.mentor.home.city == "city1" };
@id("author") forbid (principal, action == Action::"erase", resource is File)
  unless { resource.meta.author in [Group::"group2", Group::"group0"] || resource.meta.author.level > 1 };
@id("user0") permit (principal == User::"user0", action in Action::"access", resource)
  when { resource.owner.level > 2 };
@id("file1") permit (principal, action == Action::"view", resource == File::"file1");
@id("pair") permit (principal == User::"user2", action, resource == File::"file2");
@id("user1") forbid (principal == User::"user1", action, resource) when { resource.owner.level > 3 };
@id("folder2") forbid (principal in Group::"group3", action, resource == Folder::"folder2");
@id("file0") forbid (principal, action in Action::"edit", resource == File::"file0")
  when { principal.level * 3074457345618258603 > 5 };
@id("trail") forbid (principal, action == Action::"view", resource)
  when { context.trail has last && context.trail.last.owner.level == 0 };
@id("depth") forbid (principal, action == Action::"view", resource)
  when { context.depth * 4611686018427387904 > 0 && context.steps.isEmpty() };
@id("keeper") forbid (principal, action, resource is File)
  when { resource.hasTag("keeper") && (if resource.size > 3 then resource.getTag("keeper") else resource.owner).level > 4 };
"#;

fn entity(kind: &str, number: usize, attributes: Value, parents: Vec<Value>) -> Value {
    let id = format!("{}{number}", kind.to_lowercase());
    json!({"uid": uid(kind, &id), "attrs": attributes, "parents": parents})
}

/// Parents with a larger number, so that there is no circle; the last is not
/// described anywhere.
fn parents(rng: &mut Rng, kind: &str, above: usize, count: usize) -> Vec<Value> {
    let number = |rng: &mut Rng| rng.between(above, count);
    let id = |number| uid(kind, &format!("{}{number}", kind.to_lowercase()));
    let mut numbers: Vec<_> = (0..rng.below(3)).map(|_| number(rng)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().map(id).collect()
}

fn entities(rng: &mut Rng, names: &IdChoice) -> Vec<Value> {
    let mut all = Vec::new();
    for number in 0..GROUPS {
        // Group 0 is above all others.
        let parents = match number {
            0 => vec![],
            _ if rng.percent(30) => vec![uid("Group", "group0")],
            _ => parents(rng, "Group", number + 1, GROUPS),
        };
        all.push(entity(
            "Group",
            number,
            json!({"locked": rng.percent(50)}),
            parents,
        ));
    }
    for number in 0..USERS {
        let mut attributes = json!({
            "level": rng.below(6),
            "friends": names.some(rng, "User", USERS),
            "home": {"city": format!("city{}", rng.below(3))},
        });
        if rng.percent(60) {
            attributes["mentor"] = names.any(rng, "User", USERS);
        }
        if rng.percent(40) {
            attributes["home"]["host"] = names.any(rng, "User", USERS);
        }
        let groups = parents(rng, "Group", 1, GROUPS);
        all.push(entity("User", number, attributes, groups));
    }
    for number in 0..FOLDERS {
        let owner = json!({"owner": names.any(rng, "User", USERS)});
        let parents = match number {
            0 => vec![],
            _ if rng.percent(30) => vec![uid("Folder", "folder0")],
            _ => parents(rng, "Folder", number + 1, FOLDERS),
        };
        all.push(entity("Folder", number, owner, parents));
    }
    for number in 0..FILES {
        let mut attributes = json!({
            "owner": names.any(rng, "User", USERS),
            "shared": names.some(rng, "User", USERS),
            "labels": ["a", "b"],
            "size": rng.below(7),
            "meta": {"author": names.any(rng, "User", USERS)},
        });
        if rng.percent(50) {
            attributes["group"] = names.any(rng, "Group", GROUPS);
        }
        if rng.percent(50) {
            attributes["meta"]["reviewer"] = names.any(rng, "User", USERS);
        }
        let folders = parents(rng, "Folder", 1, FOLDERS);
        let mut file = entity("File", number, attributes, folders);
        if rng.percent(50) {
            file["tags"] =
                json!({"keeper": names.any(rng, "User", USERS), "other": uid("User", "ghost")});
        }
        all.push(file);
    }
    all
}

fn question(rng: &mut Rng, names: &IdChoice) -> Value {
    let action = rng.pick(["view", "view", "rename", "erase"]);
    let mut context = json!({});
    if rng.percent(40) {
        context["via"] = names.any(rng, "User", USERS);
    }
    let resource = if action == "view" {
        context["depth"] = json!(rng.below(4));
        context["steps"] = names.some(rng, "File", FILES);
        context["trail"] = json!({});
        if rng.percent(40) {
            context["trail"]["last"] = names.any(rng, "Folder", FOLDERS);
        }
        rng.pick([("File", FILES), ("Folder", FOLDERS)])
    } else {
        ("File", FILES)
    };
    json!({
        "principal": names.any(rng, "User", USERS),
        "action": {"type": "Action", "id": action},
        "resource": names.any(rng, resource.0, resource.1),
        "context": context,
    })
}
