//! Devices at sites: addresses, amounts, instants and lengths of time, and words
//! of closed vocabularies, in a namespace.

use serde_json::{Value, json};

use super::{IdChoice, PolicyWorld, extension, uid};
use crate::rules::rng::Rng;

const SITES: usize = 3;
const PEOPLE: usize = 5;
const DEVICES: usize = 6;

pub(super) const WORLD: PolicyWorld = PolicyWorld {
    schema: SCHEMA,
    policies: POLICIES,
    entities,
    question,
};

const SCHEMA: &str = r#"
namespace Net {
  type Visit = { at: datetime, from: ipaddr, zone: ZoneWord };
  entity ZoneWord enum ["INSIDE", "OUTSIDE", "BETWEEN"];
  entity Role;
  entity Person in [Role] = {
    born: datetime,
    limit: decimal,
    zones: Set<ZoneWord>,
    last?: Visit,
  };
  entity Site = { zone: ZoneWord, manager: Person, net: ipaddr };
  entity Device in [Site] = {
    address: ipaddr,
    price: decimal,
    bought: datetime,
    warranty: duration,
    site?: Site,
    zone: ZoneWord,
  };
  action use;
  action connect in [use] appliesTo {
    principal: Person,
    resource: Device,
    context: { visit: Visit, cost?: decimal },
  };
  action move in [use] appliesTo {
    principal: Person,
    resource: Device,
    context: { to: Site, zone: ZoneWord, within: duration },
  };
}
"#;

const POLICIES: &str = r#"
@id("zone") permit (principal, action, resource) when { principal.zones.contains(resource.zone) };
@id("manager") permit (principal, action in Net::Action::"use", resource)
  when { resource has site && resource.site.manager == principal };
@id("engineer") permit (principal is Net::Person in Net::Role::"engineer", action, resource);
@id("dear") forbid (principal, action == Net::Action::"connect", resource)
  when { resource.price.greaterThan(principal.limit) && !(principal in Net::Role::"buyer") };
@id("cost") forbid (principal, action == Net::Action::"connect", resource)
  when { context has cost && context.cost.greaterThanOrEqual(decimal("2.5")) };
@id("net") forbid (principal, action, resource)
  when { resource has site && !resource.address.isInRange(resource.site.net) };
@id("loopback") forbid (principal, action == Net::Action::"connect", resource)
  when { context.visit.from.isLoopback() || context.visit.from.isInRange(ip("10.0.0.0/30")) };
@id("warranty") forbid (principal, action == Net::Action::"connect", resource)
  when { resource.bought.offset(resource.warranty) < context.visit.at };
@id("last") forbid (principal, action, resource)
  when { principal has last.zone && principal.last.zone == Net::ZoneWord::"BETWEEN" };
@id("young") forbid (principal, action == Net::Action::"connect", resource)
  when { context.visit.at.durationSince(principal.born) < duration("2d") };
@id("to") forbid (principal, action == Net::Action::"move", resource)
  unless { context.to.zone == context.zone || context.to.manager.limit.lessThan(decimal("3.0")) };
@id("within") forbid (principal, action == Net::Action::"move", resource)
  when { context.within.toHours() > 30 && resource in Net::Site::"site0" };
"#;

fn zone(rng: &mut Rng) -> Value {
    uid("Net::ZoneWord", rng.pick(["INSIDE", "OUTSIDE", "BETWEEN"]))
}

fn address(rng: &mut Rng) -> Value {
    let text = rng.pick([
        "10.0.0.1",
        "10.0.0.77",
        "127.0.0.1",
        "10.0.1.1",
        "::1",
        "fe80::1",
    ]);
    extension("ip", text)
}

fn amount(rng: &mut Rng) -> Value {
    extension("decimal", &format!("{}.{}", rng.below(5), rng.below(10)))
}

fn instant(rng: &mut Rng) -> Value {
    extension(
        "datetime",
        &format!("2024-01-0{}T0{}:00:00Z", rng.between(1, 9), rng.below(10)),
    )
}

fn length(rng: &mut Rng) -> Value {
    extension("duration", &format!("{}d{}h", rng.below(4), rng.below(24)))
}

fn entity(kind: &str, number: usize, attributes: &Value, parents: &Value) -> Value {
    let id = format!("{}{number}", kind.to_lowercase());
    json!({"uid": uid(&format!("Net::{kind}"), &id), "attrs": attributes, "parents": parents})
}

fn visit(rng: &mut Rng) -> Value {
    json!({"at": instant(rng), "from": address(rng), "zone": zone(rng)})
}

fn entities(rng: &mut Rng, names: &IdChoice) -> Vec<Value> {
    let mut all = Vec::new();
    for number in 0..PEOPLE {
        let zones: Value = (0..rng.below(3)).map(|_| zone(rng)).collect();
        let mut attributes = json!({"born": instant(rng), "limit": amount(rng), "zones": zones});
        if rng.percent(40) {
            attributes["last"] = visit(rng);
        }
        let roles: Value = ["engineer", "buyer"]
            .iter()
            .filter(|_| rng.percent(40))
            .map(|role| uid("Net::Role", role))
            .collect();
        all.push(entity("Person", number, &attributes, &roles));
    }
    for number in 0..SITES {
        let net = rng.pick(["10.0.0.0/24", "0.0.0.0/0", "::/0"]);
        let attributes = json!({
            "zone": zone(rng),
            "manager": names.any(rng, "Net::Person", PEOPLE),
            "net": extension("ip", net),
        });
        all.push(entity("Site", number, &attributes, &json!([])));
    }
    for number in 0..DEVICES {
        let mut attributes = json!({
            "address": address(rng),
            "price": amount(rng),
            "bought": instant(rng),
            "warranty": length(rng),
            "zone": zone(rng),
        });
        if rng.percent(60) {
            attributes["site"] = names.any(rng, "Net::Site", SITES);
        }
        // The second is not described.
        let sites: Value = ["site0", "site7"]
            .iter()
            .filter(|_| rng.percent(40))
            .map(|site| uid("Net::Site", site))
            .collect();
        all.push(entity("Device", number, &attributes, &sites));
    }
    all
}

fn question(rng: &mut Rng, names: &IdChoice) -> Value {
    let action = rng.pick(["connect", "move"]);
    let context = if action == "connect" {
        let mut context = json!({"visit": visit(rng)});
        if rng.percent(50) {
            context["cost"] = amount(rng);
        }
        context
    } else {
        let to = names.any(rng, "Net::Site", SITES);
        json!({"to": to, "zone": zone(rng), "within": length(rng)})
    };
    json!({
        "principal": names.any(rng, "Net::Person", PEOPLE),
        "action": {"type": "Net::Action", "id": action},
        "resource": names.any(rng, "Net::Device", DEVICES),
        "context": context,
    })
}
