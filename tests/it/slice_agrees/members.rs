//! Members and their tokens, organisations and items: relations as tags, asked
//! for by every kind of key, with records and entities in them.

use serde_json::{Value, json};

use super::{IdChoice, PolicyWorld, uid};
use crate::rules::rng::Rng;

const ORGS: usize = 4;
const MEMBERS: usize = 5;
const TOKENS: usize = 4;
const ITEMS: usize = 6;

pub(super) const WORLD: PolicyWorld = PolicyWorld {
    schema: SCHEMA,
    policies: POLICIES,
    entities,
    question,
};

const SCHEMA: &str = r#"
entity RoleWord enum ["admin", "member", "guest"];
entity Org = { id: String, open: Bool, parent?: Org } tags Bool;
entity Member = { id: String, orgs: Set<Org>, boss?: Member } tags Set<RoleWord>;
entity Token = { member: Member, scopes: Set<RoleWord> } tags Org;
entity Item = {
  org: Org,
  key: String,
  extra?: { note?: String, second: Org },
} tags { owner: Member, weight: Long };
action get, put appliesTo {
  principal: [Member, Token],
  resource: [Item, Org],
  context: { key: String, as?: Member },
};
"#;

const POLICIES: &str = r#"
@id("admin") permit (principal is Member, action, resource is Item)
  when { principal.hasTag(resource.org.id) && principal.getTag(resource.org.id).contains(RoleWord::"admin") };
@id("member") permit (principal is Member, action == Action::"get", resource is Org)
  when { principal.hasTag(resource.id) };
@id("token") permit (principal is Token, action, resource is Item)
  when { principal.member.hasTag(resource.org.id) &&
         principal.scopes.containsAny(principal.member.getTag(resource.org.id)) };
@id("token-org") permit (principal is Token, action, resource is Org)
  when { principal.hasTag("home") && principal.getTag("home") == resource };
@id("open") permit (principal, action == Action::"get", resource is Item) when { resource.org.open };
@id("put-open") permit (principal, action == Action::"put", resource is Org) when { resource.open };
@id("owner") forbid (principal is Member, action == Action::"put", resource is Item)
  when { resource.hasTag(context.key) && resource.getTag(context.key).owner != principal };
@id("heavy") forbid (principal, action, resource is Item)
  when { resource.hasTag(resource.key) && resource.getTag(resource.key).weight > 3 };
@id("boss") forbid (principal is Member, action, resource is Item)
  when { resource.hasTag("main") && resource.getTag("main").owner has boss &&
         resource.getTag("main").owner.boss.hasTag("org0") };
@id("frozen") forbid (principal is Member, action == Action::"put", resource is Item)
  when { resource.org.hasTag(principal.id) && resource.org.getTag(principal.id) };
@id("second") forbid (principal, action == Action::"put", resource is Item)
  when { resource has extra.note && resource.extra.second has parent && !resource.extra.second.parent.open };
@id("as") forbid (principal, action, resource is Item)
  when { context has as && context.as.hasTag(if resource.org.open then "org1" else resource.org.id) };
@id("home") forbid (principal is Token, action, resource is Item)
  when { principal.hasTag("home") && principal.getTag("home") has parent &&
         principal.getTag("home").parent.hasTag(principal.member.id) };
@id("token1") permit (principal == Token::"token1", action, resource) when { principal.hasTag("home") };
@id("member2") forbid (principal == Member::"member2", action == Action::"get", resource is Item)
  when { principal.hasTag(context.key) };
@id("item3") forbid (principal, action, resource == Item::"item3")
  when { resource.hasTag("other") && resource.getTag("other").owner has boss };
@id("org3") forbid (principal is Token, action == Action::"get", resource == Org::"org3");
@id("computed") forbid (principal is Member, action == Action::"get", resource is Item)
  when { (if principal has boss then principal.boss else principal).hasTag(context.key) &&
         principal.orgs.contains(resource.org) };
"#;

fn entity(kind: &str, number: usize, attributes: &Value, tags: &Value) -> Value {
    let id = format!("{}{number}", kind.to_lowercase());
    json!({"uid": uid(kind, &id), "attrs": attributes, "parents": [], "tags": tags})
}

fn roles(rng: &mut Rng) -> Value {
    let all = ["admin", "member", "guest"];
    let held = all.iter().filter(|_| rng.percent(50));
    held.map(|role| uid("RoleWord", role)).collect()
}

/// The keys that tags are under, and that questions ask for.
fn key(rng: &mut Rng) -> &'static str {
    rng.pick(["main", "org0", "org1", "other", ""])
}

fn entities(rng: &mut Rng, names: &IdChoice) -> Vec<Value> {
    let mut all = Vec::new();
    for number in 0..ORGS {
        let mut attributes = json!({"id": format!("org{number}"), "open": rng.percent(40)});
        if rng.percent(50) {
            attributes["parent"] = names.any(rng, "Org", ORGS);
        }
        let tags = (0..rng.below(4)).map(|_| {
            let member = format!("member{}", rng.below(MEMBERS));
            (member, json!(rng.percent(50)))
        });
        all.push(entity("Org", number, &attributes, &tags.collect()));
    }
    for number in 0..MEMBERS {
        let id = format!("member{number}");
        let mut attributes = json!({"id": id, "orgs": names.some(rng, "Org", ORGS)});
        if rng.percent(50) {
            attributes["boss"] = names.any(rng, "Member", MEMBERS);
        }
        let tags = (0..rng.below(4)).map(|_| (format!("org{}", rng.below(ORGS)), roles(rng)));
        all.push(entity("Member", number, &attributes, &tags.collect()));
    }
    for number in 0..TOKENS {
        let member = names.any(rng, "Member", MEMBERS);
        let attributes = json!({"member": member, "scopes": roles(rng)});
        let mut tags = json!({});
        if rng.percent(60) {
            tags["home"] = names.any(rng, "Org", ORGS);
        }
        all.push(entity("Token", number, &attributes, &tags));
    }
    for number in 0..ITEMS {
        let mut attributes = json!({"org": names.any(rng, "Org", ORGS), "key": key(rng)});
        if rng.percent(60) {
            attributes["extra"] = json!({"second": names.any(rng, "Org", ORGS)});
            if rng.percent(60) {
                attributes["extra"]["note"] = json!("n");
            }
        }
        let tags = (0..rng.below(4)).map(|_| {
            let owner = names.any(rng, "Member", MEMBERS);
            let tag = json!({"owner": owner, "weight": rng.below(6)});
            (key(rng).to_owned(), tag)
        });
        all.push(entity("Item", number, &attributes, &tags.collect()));
    }
    all
}

fn question(rng: &mut Rng, names: &IdChoice) -> Value {
    let principal = rng.pick([("Member", MEMBERS), ("Token", TOKENS)]);
    let resource = rng.pick([("Item", ITEMS), ("Item", ITEMS), ("Org", ORGS)]);
    let mut context = json!({"key": key(rng)});
    if rng.percent(30) {
        context["as"] = names.any(rng, "Member", MEMBERS);
    }
    json!({
        "principal": names.any(rng, principal.0, principal.1),
        "action": {"type": "Action", "id": rng.pick(["get", "put"])},
        "resource": names.any(rng, resource.0, resource.1),
        "context": context,
    })
}
