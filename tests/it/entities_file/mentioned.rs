//! A type that occurs in a file in any way is the file's alone, also where no entity of it is there.

use serde_json::{Value, json};

use crate::author::Ended;
use crate::sidecar::{Sidecar, Start, program};

const SCHEMA: &str = r#"
entity Team in [Team];
entity Badge = { level: Long };
entity Room = { badge: Badge };
entity Desk in [Team] = { badge: Badge, deep?: { inner: Set<{ room: Room }> } };
entity User in [Team] = { desk?: Desk } tags Set<Badge>;
entity Free = { open: Bool };
action enter appliesTo { principal: User, resource: Free };
"#;

const POLICIES: &str = r#"
@id("p/admins") permit (principal in Team::"admins", action, resource);
@id("p/badge") permit (principal, action, resource)
when { principal has desk && principal.desk.badge.level > 3 };
@id("p/open") permit (principal, action, resource) when { resource.open };
"#;

fn entity(kind: &str, id: &str, attributes: Value, parents: &[(&str, &str)]) -> Value {
    let parents = parents
        .iter()
        .map(|(kind, id)| json!({"type": kind, "id": id}));
    let parents: Vec<Value> = parents.collect();
    json!({"uid": {"type": kind, "id": id}, "attrs": attributes, "parents": parents})
}

fn of(kind: &str, id: &str) -> Value {
    json!({"__entity": {"type": kind, "id": id}})
}

/// A sidecar over a file of these.
fn started(schema: &str, policies: &str, entities: &Value) -> Sidecar {
    let start = Start::new().policies(schema, policies);
    start.entities(entities).start()
}

/// A sidecar over a file of one user.
fn over(user: &Value) -> Sidecar {
    started(SCHEMA, POLICIES, &json!([user]))
}

fn asked(described: &[Value]) -> Value {
    json!({
        "principal": "User::\"u\"",
        "action": "Action::\"enter\"",
        "resource": "Free::\"f\"",
        "entities": described,
    })
}

fn closed() -> Value {
    entity("Free", "f", json!({"open": false}), &[])
}

#[track_caller]
fn is_refused(sidecar: &Sidecar, described: &Value) {
    let reply = sidecar.post("/v1/is_authorized", &asked(&[closed(), described.clone()]));
    assert_eq!(reply.status, 400, "{}", reply.text);
    assert_eq!(
        reply.json()["code"],
        "ENTITY_OF_SERVED_TYPE",
        "{}",
        reply.text
    );
}

#[track_caller]
fn is_decided(sidecar: &Sidecar, described: &[Value], decision: &str) {
    let answer = sidecar.ask(&asked(described));
    assert_eq!(answer["decision"], decision, "{answer}");
}

#[test]
fn as_a_parent() {
    let sidecar = over(&entity("User", "u", json!({}), &[("Team", "guests")]));
    is_decided(&sidecar, &[closed()], "Deny");
    is_refused(
        &sidecar,
        &entity("Team", "guests", json!({}), &[("Team", "admins")]),
    );
    // Nor any other of the type.
    is_refused(
        &sidecar,
        &entity("Team", "others", json!({}), &[("Team", "admins")]),
    );
}

#[test]
fn in_an_attribute() {
    let sidecar = over(&entity("User", "u", json!({"desk": of("Desk", "d")}), &[]));
    let desk = entity("Desk", "d", json!({"badge": of("Badge", "b")}), &[]);
    is_refused(&sidecar, &desk);
}

/// A type that nothing in the file mentions may be described, whatever the schema has room for.
#[test]
fn or_not_at_all() {
    let sidecar = over(&entity("User", "u", json!({}), &[]));
    let badge = entity("Badge", "b", json!({"level": 9}), &[]);
    is_decided(&sidecar, &[closed(), badge], "Deny");
    let open = entity("Free", "f", json!({"open": true}), &[]);
    is_decided(&sidecar, &[open], "Allow");
}

#[test]
fn in_a_tag() {
    let mut user = entity("User", "u", json!({}), &[]);
    user["tags"] = json!({"k": [of("Badge", "b")]});
    is_refused(
        &over(&user),
        &entity("Badge", "b", json!({"level": 9}), &[]),
    );
}

#[test]
fn in_a_record_in_a_set_in_a_record() {
    let deep = json!({"badge": of("Badge", "b"), "deep": {"inner": [{"room": of("Room", "r")}]}});
    let start = Start::new();
    let place = |name: &str| start.path(name).display().to_string();
    std::fs::write(start.path("s.cedarschema"), SCHEMA).unwrap();
    std::fs::write(start.path("p.cedar"), POLICIES).unwrap();
    let entities = json!([
        entity("Desk", "d", deep, &[]),
        entity("User", "u", json!({}), &[])
    ]);
    std::fs::write(start.path("e.json"), entities.to_string()).unwrap();
    // By a command too.
    let question = asked(&[
        closed(),
        entity("Room", "r", json!({"badge": of("Badge", "b")}), &[]),
    ]);
    std::fs::write(start.path("q.json"), question.to_string()).unwrap();
    let output = program()
        .current_dir(start.path("."))
        .args(["authorize", "--json", "--schema", &place("s.cedarschema")])
        .args([
            "--policies",
            &place("p.cedar"),
            "--tenancy",
            "entities:e.json",
            "q.json",
        ])
        .output();
    let ended = Ended::from(output.unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("tenancy store alone"), "{ended:?}");
}

/// AuthZEN drops what a caller says of such a type, as of a type that the store serves.
#[test]
fn by_properties() {
    let sidecar = over(&entity("User", "u", json!({}), &[]));
    let evaluation = |open: bool| {
        json!({
            "subject": {"type": "User", "id": "u"},
            "action": {"name": "enter"},
            "resource": {"type": "Free", "id": "f", "properties": {"open": open}},
        })
    };
    for open in [true, false] {
        let reply = sidecar.post("/access/v1/evaluation", &evaluation(open));
        assert_eq!(reply.json()["decision"], open, "{}", reply.text);
    }
}

/// A type that the file has ever spoken of in this process does not become the callers', however the
/// file changes.
#[test]
fn a_type_whose_last_entity_is_taken_out_stays_the_files() {
    let sidecar = over(&entity("User", "u", json!({}), &[("Team", "guests")]));
    let file = sidecar.path("entities.json");
    let known = sidecar.ask(&asked(&[closed()]));
    assert_eq!(known["reasons"][0]["code"], "NOT_PERMITTED", "{known}");
    for text in ["[]", "[ ]"] {
        std::fs::write(&file, text).unwrap();
        sidecar.wait_for_log("changed entities are in force");
        let absent = sidecar.ask(&asked(&[closed()]));
        assert_eq!(
            absent["reasons"][0]["code"], "UNKNOWN_PRINCIPAL",
            "{absent}"
        );
        is_refused(
            &sidecar,
            &entity("User", "u", json!({}), &[("Team", "admins")]),
        );
        is_refused(
            &sidecar,
            &entity("Team", "guests", json!({}), &[("Team", "admins")]),
        );
    }
    // Of others the caller's word counts, as before.
    let open = entity("Free", "f", json!({"open": true}), &[]);
    let answer = sidecar.ask(&asked(&[open]));
    assert_eq!(
        answer["reasons"][0]["code"], "UNKNOWN_PRINCIPAL",
        "{answer}"
    );
}

/// Also where the schema does without the type for a while.
#[test]
fn a_type_that_comes_back_stays_the_files() {
    let sidecar = over(&entity("User", "u", json!({}), &[("Team", "guests")]));
    let (file, schema) = (
        sidecar.path("entities.json"),
        sidecar.path("test.cedarschema"),
    );
    let policies = sidecar.path("policies/p.cedar");
    let asked = asked(&[
        closed(),
        entity("Team", "guests", json!({}), &[("Team", "admins")]),
    ]);
    let without = SCHEMA
        .replace("entity Team in [Team];\n", "")
        .replace(" in [Team]", "");
    std::fs::write(
        &policies,
        "@id(\"p/open\") permit (principal, action, resource) when { resource.open };",
    )
    .unwrap();
    std::fs::write(&schema, without).unwrap();
    std::fs::write(
        &file,
        json!([entity("User", "u", json!({}), &[])]).to_string(),
    )
    .unwrap();
    sidecar.wait_for_log("changed entities are in force");
    // Another file, so that what is handed on is handed on once more.
    std::fs::write(
        &file,
        json!([entity("User", "v", json!({}), &[])]).to_string(),
    )
    .unwrap();
    sidecar.wait_for_log("changed entities are in force");
    std::fs::write(&policies, POLICIES).unwrap();
    std::fs::write(&schema, SCHEMA).unwrap();
    std::fs::write(
        &file,
        json!([entity("User", "u", json!({}), &[])]).to_string(),
    )
    .unwrap();
    sidecar.wait_for_log("changed policies are in force");
    let reply = sidecar.post("/v1/is_authorized", &asked);
    assert_eq!(
        reply.json()["code"],
        "ENTITY_OF_SERVED_TYPE",
        "{}",
        reply.text
    );
}

/// A caller's word of an action or of an entity of an enumerated type counts for nothing: the
/// schema says everything of them.
#[test]
fn actions_and_enumerated_types_are_the_schemas() {
    const ENUMERATED: &str = r#"
        entity Level enum ["low", "high"];
        entity Team;
        entity User in [Team] = { level: Level };
        entity Free;
        action write;
        action enter in [Action::"read"] appliesTo { principal: User, resource: Free };
        action save in [Action::"write"] appliesTo { principal: User, resource: Free };
        action read;
    "#;
    const RULES: &str = r#"
        @id("p/write") permit (principal, action in Action::"write", resource);
        @id("p/high") permit (principal, action, resource)
        when { principal.level == Level::"high" };
    "#;
    let user = entity("User", "u", json!({"level": of("Level", "low")}), &[]);
    // Nor does what a file says of an action.
    let action = entity("Action", "enter", json!({}), &[("Action", "write")]);
    let free = entity("Free", "f", json!({}), &[]);
    let sidecar = started(ENUMERATED, RULES, &json!([user, action, free]));
    let described = [
        action,
        entity("Level", "low", json!({}), &[("Level", "high")]),
        entity("Level", "low", json!({"a": 1}), &[]),
    ];
    for described in described {
        let reply = sidecar.post("/v1/is_authorized", &asked(&[described]));
        assert!(!reply.text.contains("Allow"), "{}", reply.text);
    }
}

/// Types that only a parent of an entity of another type has, or a set in a record in a tag.
#[test]
fn through_other_types() {
    const DEEP: &str = r#"
        entity Org in [Org];
        entity Team in [Org];
        entity Badge = { level: Long };
        entity Room = { badge: Badge };
        entity Desk in [Team] tags { seats: Set<{ room?: Room }> };
        entity User in [Team] = { desk?: Desk, org?: Org };
        entity Free;
        action enter appliesTo { principal: User, resource: Free };
    "#;
    let policy = r#"@id("p/org") permit (principal in Org::"root", action, resource);"#;
    let user = entity("User", "u", json!({}), &[("Team", "t")]);
    let team = entity("Team", "t", json!({}), &[("Org", "o")]);
    let mut desk = entity("Desk", "d", json!({}), &[]);
    desk["tags"] = json!({"k": {"seats": [{}, {"room": of("Room", "r")}]}});
    let entities = json!([user, team, desk, entity("Free", "f", json!({}), &[])]);
    let sidecar = started(DEEP, policy, &entities);
    for described in [
        entity("Org", "o", json!({}), &[("Org", "root")]),
        entity("Room", "r", json!({"badge": of("Badge", "b")}), &[]),
    ] {
        let reply = sidecar.post("/v1/is_authorized", &asked(&[described]));
        assert_eq!(
            reply.json()["code"],
            "ENTITY_OF_SERVED_TYPE",
            "{}",
            reply.text
        );
    }
    // To clients of Amazon Verified Permissions as well.
    let avp = json!({
        "policyStoreId": "any",
        "principal": {"entityType": "User", "entityId": "u"},
        "action": {"actionType": "Action", "actionId": "enter"},
        "resource": {"entityType": "Free", "entityId": "f"},
        "entities": {"entityList": [{
            "identifier": {"entityType": "Org", "entityId": "o"},
            "parents": [{"entityType": "Org", "entityId": "root"}],
        }]},
    });
    let header = [("x-amz-target", "VerifiedPermissions.IsAuthorized")];
    let reply = sidecar.send("/", &header, avp.to_string().as_bytes());
    assert!(!reply.text.contains("ALLOW"), "{}", reply.text);
    assert_eq!(reply.status, 400, "{}", reply.text);
}
