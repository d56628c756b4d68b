//! Entities and values that policies name themselves: a forbid that looks into them fires, whatever a
//! caller says and however a value is written.

use serde_json::{Value, json};

use super::{question, uid};
use crate::sidecar::{Reply, Sidecar, Start};

const SCHEMA: &str = r#"
entity Group;
entity Team in [Group];
entity Settings = { owner?: User };
entity User;
entity Note = { team: Team };
entity Doc = { team?: Team };
action writers;
action "write" in [writers] appliesTo { principal: User, resource: Doc };
action "see" appliesTo { principal: User, resource: Doc,
  context: { note?: Note, ip?: ipaddr, amount?: decimal } };
"#;

const PERMIT: &str = "@id(\"p/all\") permit (principal, action, resource);";

fn entities() -> Value {
    json!([
        {"uid": uid("User", "u"), "attrs": {}, "parents": []},
        {"uid": uid("Group", "blocked"), "attrs": {}, "parents": []},
        {"uid": uid("Team", "t"), "attrs": {}, "parents": []},
        {"uid": uid("Doc", "d"), "attrs": {}, "parents": []},
        {"uid": uid("Doc", "lost"), "parents": [],
            "attrs": {"team": {"__entity": uid("Team", "ghost")}}},
    ])
}

fn over(policies: &str) -> Sidecar {
    let start = Start::new().policies(SCHEMA, policies);
    start.entities(&entities()).start()
}

fn asked(sidecar: &Sidecar, context: &Value, described: &Value, doc: &str) -> Reply {
    let mut asked = question("u", &uid("Doc", doc));
    asked["context"] = context.clone();
    asked["entities"] = described.clone();
    sidecar.post("/v1/is_authorized", &asked)
}

fn decision(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["decision"].clone()
}

/// A question has its own action; a policy may look into another one.
#[test]
fn an_action_that_a_policy_names_is_in_its_groups() {
    let forbid = "@id(\"p/f\") forbid (principal, action == Action::\"see\", resource)\n\
                  when { Action::\"write\" in Action::\"writers\" };";
    let sidecar = over(&format!("{PERMIT}\n{forbid}\n"));
    let none = json!([]);
    assert_eq!(decision(&asked(&sidecar, &json!({}), &none, "d")), "Deny");
}

#[test]
fn nobody_describes_an_entity_that_a_policy_names() {
    let permit = "@id(\"p/owner\") permit (principal, action, resource)\n\
                  when { Settings::\"global\" has owner && Settings::\"global\".owner == principal };";
    let sidecar = over(&format!("{permit}\n"));
    let described = json!([{"uid": uid("Settings", "global"), "parents": [],
        "attrs": {"owner": {"__entity": uid("User", "u")}}}]);
    let reply = asked(&sidecar, &json!({}), &described, "d");
    assert_eq!(reply.status, 400, "{}", reply.text);
    assert_eq!(reply.json()["code"], "ENTITY_OF_SERVED_TYPE");
}

/// The store may refer to what is not there; a caller has to say all that it refers to, also where the
/// store refers to the same.
#[test]
fn a_caller_refers_to_nothing_that_is_not_there() {
    let forbid = "@id(\"p/f\") forbid (principal, action == Action::\"see\", resource) when {\n\
                  context has note && context.note.team in Group::\"blocked\" };\n\
                  @id(\"p/g\") forbid (principal, action == Action::\"see\", resource) when {\n\
                  resource has team && resource.team in Group::\"blocked\" };";
    let sidecar = over(&format!("{PERMIT}\n{forbid}\n"));
    let described = json!([{"uid": uid("Note", "n"), "parents": [],
        "attrs": {"team": {"__entity": uid("Team", "ghost")}}}]);
    let context = json!({"note": {"__entity": uid("Note", "n")}});
    for doc in ["d", "lost"] {
        let reply = asked(&sidecar, &context, &described, doc);
        assert_eq!(reply.status, 400, "{doc}: {}", reply.text);
        assert_eq!(reply.json()["code"], "ENTITY_REFERS_TO_NOTHING");
    }
    // Without the caller's it is decided as by Cedar.
    let none = json!([]);
    assert_eq!(
        decision(&asked(&sidecar, &json!({}), &none, "lost")),
        "Allow"
    );
}

/// Cedar compares an address of IPv6 with addresses of IPv6, also where it stands for one of IPv4.
#[test]
fn an_address_that_cedar_takes_is_compared_as_it_is() {
    let forbid = "@id(\"p/f\") forbid (principal, action == Action::\"see\", resource) when {\n\
                  context has ip && (context.ip == ip(\"::ffff:a00:1\") ||\n\
                  context.ip.isInRange(ip(\"::ffff:0:0/96\"))) };";
    let sidecar = over(&format!("{PERMIT}\n{forbid}\n"));
    let none = json!([]);
    for (written, allowed) in [
        (json!("::ffff:a00:1"), "Deny"),
        (
            json!({"__extn": {"fn": "ip", "arg": "::ffff:a00:1"}}),
            "Deny",
        ),
        (json!("::ffff:a00:2"), "Deny"),
        (json!("[::ffff:a00:1]"), "Deny"),
        // Cedar takes no such text: it is one of IPv4.
        (json!("::ffff:10.0.0.1"), "Allow"),
    ] {
        let reply = asked(&sidecar, &json!({"ip": written}), &none, "d");
        assert_eq!(decision(&reply), allowed, "{written}");
    }
}

#[test]
fn a_number_that_was_rounded_is_no_decimal() {
    let forbid = "@id(\"p/f\") forbid (principal, action == Action::\"see\", resource) when {\n\
                  context has amount && context.amount == decimal(\"123456789012345.6789\") };";
    let sidecar = over(&format!("{PERMIT}\n{forbid}\n"));
    let post = |amount: &str| {
        let body = question("u", &uid("Doc", "d")).to_string();
        let context = format!("\"context\":{{\"amount\":{amount}}}");
        let body = body.replacen('{', &format!("{{{context},"), 1);
        sidecar.send(
            "/v1/is_authorized",
            &[("content-type", "application/json")],
            body.as_bytes(),
        )
    };
    assert_eq!(decision(&post("\"123456789012345.6789\"")), "Deny");
    assert_eq!(post("123456789012345.6789").status, 400);
    assert_eq!(decision(&post("12345678901.6789")), "Allow");
    assert_eq!(decision(&post("123456789012345")), "Allow");
}
