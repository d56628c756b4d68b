//! AuthZEN beyond its cases: settings, properties, metadata.

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::http::described::with_entities;
use crate::sidecar::{Reply, Sidecar, Start, project};

pub(super) const EVALUATION: &str = "/access/v1/evaluation";
pub(super) const EVALUATIONS: &str = "/access/v1/evaluations";
const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

fn fixture(name: &str) -> String {
    let path = project("tests/it/fixtures/authzen-certification").join(name);
    path.display().to_string()
}

/// The schema and the policies of the certification scenario, over a file of entities.
fn records(entities: &str) -> Start {
    Start::new().with(&[
        "--schema",
        &fixture("records.cedarschema"),
        "--policies",
        &fixture("policies"),
        "--tenancy",
        &format!("entities:{}", fixture(entities)),
    ])
}

/// Where the certification scenario has to hold: over a tenancy that serves its types, and over
/// one that does not.
pub(super) fn certified() -> Vec<(&'static str, Sidecar)> {
    vec![
        ("served", records("entities.json").start()),
        ("not served", records("nobody.json").start()),
    ]
}

/// A schema, one policy and a file of entities, as texts.
fn small(schema: &str, policy: &str, entities: &str) -> Sidecar {
    let start = Start::new();
    std::fs::create_dir(start.path("policies")).unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(start.path(name), text).unwrap();
        start.path(name).display().to_string()
    };
    write("policies/see.cedar", policy);
    let schema = write("schema.cedarschema", schema);
    let tenancy = format!("entities:{}", write("entities.json", entities));
    let policies = start.path("policies").display().to_string();
    start
        .with(&[
            "--schema",
            &schema,
            "--policies",
            &policies,
            "--tenancy",
            &tenancy,
        ])
        .start()
}

fn entity(kind: &str, id: &str, properties: &Value) -> Value {
    json!({"type": kind, "id": id, "properties": properties})
}

pub(super) fn evaluate(sidecar: &Sidecar, body: &Value) -> Value {
    let reply = sidecar.post(EVALUATION, body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

/// Properties count where the store does not serve the type, and nowhere else.
#[test]
fn properties_count_only_where_the_store_does_not_serve_the_type() {
    let sidecars = certified();
    let [(_, served), (_, not_served)] = sidecars.as_slice() else {
        panic!("there are two")
    };
    let none = json!({});
    let archived = json!({"status": "archived"});
    let admin = json!({"role": "admin"});
    for (user, of_user, action, record, of_record, by_store, by_caller) in [
        ("alice", &none, "write", "record-1", &archived, true, false),
        ("alice", &admin, "write", "record-2", &none, false, true),
        ("alice", &admin, "write", "record-2", &archived, false, true),
        ("bob", &none, "write", "record-2", &archived, true, false),
        ("bob", &admin, "write", "record-1", &archived, false, true),
        ("eve", &admin, "write", "record-2", &archived, false, true),
        ("eve", &admin, "read", "record-1", &none, false, false),
    ] {
        let question = json!({
            "subject": entity("user", user, of_user),
            "action": {"name": action},
            "resource": entity("record", record, of_record),
        });
        let found = evaluate(served, &question);
        assert_eq!(found["decision"], by_store, "{question} {found}");
        let found = evaluate(not_served, &question);
        assert_eq!(found["decision"], by_caller, "{question} {found}");
    }
}

#[test]
fn a_property_that_does_not_fit_is_a_denial_that_names_it_where_it_counts() {
    let sidecars = certified();
    let question = json!({
        "subject": entity("user", "alice", &json!({"role": null, "age": 7})),
        "action": {"name": "write"},
        "resource": entity("record", "record-1", &json!({"status": 7})),
    });
    let answers: Vec<Value> = sidecars
        .iter()
        .map(|(_, sidecar)| evaluate(sidecar, &question))
        .collect();
    assert_eq!(answers[0]["decision"], true);
    let error =
        json!({"status": 400, "message": "`resource.properties.status`: a string is wanted"});
    let wanted = json!({"decision": false, "context": {"error": error}});
    assert_eq!(answers[1], wanted);
}

#[test]
fn no_more_entities_are_described_than_the_limit() {
    let ask = |most: &str| {
        let sidecar = records("nobody.json")
            .variable("PEPPOL_AUTHZ_LIMITS__ENTITIES", most)
            .start();
        let question = json!({
            "subject": entity("user", "bob", &json!({"role": "admin"})),
            "action": {"name": "write"},
            "resource": entity("record", "record-2", &json!({"status": "archived"})),
        });
        evaluate(&sidecar, &question)
    };
    assert_eq!(ask("2")["decision"], true);
    for (most, member) in [("0", "subject"), ("1", "resource")] {
        let message = format!("`{member}.properties`: more than {most} entities are described");
        let error = json!({"status": 400, "message": message});
        assert_eq!(
            ask(most),
            json!({"decision": false, "context": {"error": error}})
        );
    }
}

/// A caller describes what a tenancy in Cedar's own form does not have.
#[test]
fn a_resource_that_the_store_does_not_serve_is_described_by_its_properties() {
    let sidecar = with_entities(crate::http::described::ENTITIES).start();
    let ask = |properties: Value| {
        let question = json!({
            "subject": {"type": "user", "id": "anna"},
            "action": {"name": "view_document"},
            "resource": entity("document", "d-0", &properties),
        });
        evaluate(&sidecar, &question)
    };
    let known = ask(json!({"legalEntity": "le", "direction": "SENT", "pages": 7}));
    assert_eq!(known["decision"], true, "{known}");
    for (properties, member) in [
        (json!({}), "`resource.properties.direction`: is missing"),
        (
            json!({"legalEntity": "le", "direction": null}),
            "`resource.properties.direction`: is missing",
        ),
        (
            json!({"legalEntity": "le", "direction": []}),
            "`resource.properties.direction`: a string is wanted",
        ),
        (
            json!({"legalEntity": "nowhere", "direction": "SENT"}),
            "`properties`: refers to an entity that is not there",
        ),
    ] {
        let found = ask(properties);
        let error = json!({"status": 400, "message": member});
        assert_eq!(
            found,
            json!({"decision": false, "context": {"error": error}})
        );
    }
    let unknown = ask(Value::Null);
    assert_eq!(unknown["decision"], false);
    assert_eq!(unknown["context"]["codes"], json!(["UNKNOWN_RESOURCE"]));
}

/// A caller who asks about themselves is one entity, named twice.
#[test]
fn one_entity_is_not_described_in_two_ways() {
    let schema = "entity User = { age?: Long };
        action see appliesTo { principal: User, resource: User };";
    let policy = r#"@id("see/of-age") permit (principal, action == Action::"see", resource)
        when { principal has age && principal.age > 17 };"#;
    let sidecar = small(schema, policy, "[]");
    let see = |as_subject: Value, as_resource: Value| {
        let question = json!({
            "subject": entity("user", "u", &as_subject),
            "action": {"name": "see"},
            "resource": entity("user", "u", &as_resource),
        });
        evaluate(&sidecar, &question)
    };
    let adult = json!({"age": 18, "x": 1});
    assert_eq!(see(adult.clone(), json!({"age": 18}))["decision"], true);
    assert_eq!(see(Value::Null, adult.clone())["decision"], true);
    assert_eq!(
        see(json!({"age": 17}), json!({"age": 17}))["decision"],
        false
    );
    let found = see(adult, json!({"age": 17}));
    let message = "`resource.properties`: an entity occurs twice, with different contents";
    let error = json!({"status": 400, "message": message});
    assert_eq!(
        found,
        json!({"decision": false, "context": {"error": error}})
    );
}

/// Values of Cedar's extension types come in many forms, which are no reason to refuse them.
#[test]
fn instants_addresses_and_numbers_are_taken_in_common_forms() {
    let schema = "entity User; action see appliesTo { principal: User, resource: User,
        context: { at?: datetime, ip?: ipaddr, price?: decimal } };";
    let policy = r#"@id("see/all") permit (principal, action == Action::"see", resource) when {
        (if context has at then context.at < datetime("2026-06-28") else true) &&
        (if context has ip then context.ip.isInRange(ip("10.0.0.0/8")) else true) &&
        (if context has price then context.price.lessThan(decimal("13.0")) else true) };"#;
    let user = r#"[{"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []}]"#;
    let sidecar = small(schema, policy, user);
    let ask = |name: &str, value: &Value| {
        let user = json!({"type": "user", "id": "u"});
        let context = json!({ name: value });
        let asked = json!({"subject": user, "action": {"name": "see"}, "resource": user, "context": context});
        evaluate(&sidecar, &asked)
    };
    for (name, value, allowed) in [
        ("at", json!("2026-06-27T18:03:00+00:00"), true),
        ("at", json!("2026-06-27T18:03:00.123456Z"), true),
        ("at", json!("2026-06-27T18:03-05:00"), true),
        ("at", json!("2026-06-27T18:03-07:00"), false),
        ("ip", json!("::ffff:10.1.2.3"), true),
        ("ip", json!("::ffff:11.1.2.3"), false),
        ("price", json!(12), true),
        ("price", json!(12.5), true),
        ("price", json!("13.00000"), false),
    ] {
        let found = ask(name, &value);
        assert_eq!(found["decision"], allowed, "{name} {value} {found}");
        assert_eq!(found["context"]["error"], Value::Null, "{name} {value}");
    }
    for (name, value, example) in [
        ("at", json!("2026-06-27T18:03:00"), "`2026-06-27T18:03:00Z`"),
        ("at", json!(1_782_583_380), "`2026-06-27T18:03:00Z`"),
        ("ip", json!("10.0.0.1:443"), "`10.0.0.1`"),
        ("price", json!("12.34567"), "`12.34`"),
        ("price", json!("12,5"), "`12.34`"),
    ] {
        let found = ask(name, &value);
        assert_eq!(found["decision"], false);
        let message = found["context"]["error"]["message"].as_str().unwrap();
        assert!(message.contains(example), "{message}");
    }
}

pub(super) fn anna(action: &str, context: &Value) -> Value {
    json!({
        "subject": {"type": "user", "id": "anna"},
        "action": {"name": action},
        "resource": {"type": "organisation", "id": "acme"},
        "context": context,
    })
}

/// A permit, a denial by a rule, a fault, and a permit with an obligation.
fn four() -> Value {
    let (none, shared) = (json!({}), json!({"requestedMode": "SHARED"}));
    let organisation = json!({"type": "platform", "id": "platform"});
    let mut create = anna("createOrganisation", &none);
    create["resource"] = organisation;
    json!({"evaluations": [
        anna("getOrganisation", &none),
        anna("requestModeChange", &shared),
        anna("requestModeChange", &none),
        create,
    ]})
}

pub(super) fn revealing(reveal: &str) -> Sidecar {
    Start::quickstart()
        .variable("PEPPOL_AUTHZ_AUTHZEN__REVEAL", reveal)
        .start()
}

#[test]
fn an_answer_that_reveals_nothing_is_the_decision_and_what_it_obliges_to() {
    let sidecar = revealing("nothing");
    let found = sidecar.post(EVALUATIONS, &four()).json();
    let wanted = json!({"evaluations": [
        {"decision": true}, {"decision": false}, {"decision": false},
        {"decision": true, "context": {"obligations": [grant()]}},
    ]});
    assert_eq!(found, wanted);
    for item in four()["evaluations"].as_array().unwrap() {
        let found = evaluate(&sidecar, item);
        let place = four()["evaluations"]
            .as_array()
            .unwrap()
            .iter()
            .position(|it| it == item);
        assert_eq!(found, wanted["evaluations"][place.unwrap()]);
    }
}

/// The obligation of who may create an organisation.
pub(super) fn grant() -> Value {
    json!({"id": "GRANT_ORGADMIN", "type": "custom", "properties": {}})
}

/// A default is a fault of the evaluations that take it.
#[test]
fn a_default_that_is_not_whole_spoils_nothing_that_does_not_take_it() {
    let sidecar = Start::quickstart().start();
    let whole = anna("getOrganisation", &json!({}));
    for member in ["subject", "action", "resource"] {
        for default in [
            json!({}),
            json!({"type": "organisation"}),
            json!({"id": "acme"}),
            json!({"name": 7}),
        ] {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(member);
            let mut batch = json!({"evaluations": [whole, without, whole]});
            batch[member] = default;
            let reply = sidecar.post(EVALUATIONS, &batch);
            assert_eq!(reply.status, 200, "{batch} {}", reply.text);
            let found = reply.json();
            let found = found["evaluations"].as_array().unwrap();
            let decisions: Vec<_> = found.iter().map(|item| &item["decision"]).collect();
            assert_eq!(decisions, [true, false, true], "{batch}");
            let error = &found[1]["context"]["error"];
            assert_eq!(error["status"], 400, "{batch}");
            let message = error["message"].as_str().unwrap();
            assert!(message.starts_with(&format!("`{member}")), "{message}");
        }
    }
}

#[test]
fn an_answer_for_users_names_no_policy() {
    let mut found = revealing("user").post(EVALUATIONS, &four()).json();
    for item in found["evaluations"].as_array_mut().unwrap() {
        if let Some(id) = item["context"].get_mut("id") {
            assert!(id.as_str().is_some_and(|id| id.len() == 36), "{id}");
            *id = "".into();
        }
    }
    let text = json!({"en": "the organisation has no contact of type BUSINESS"});
    let error = json!({"status": 400, "message": "`context.requestedMode`: is missing"});
    let wanted = json!({"evaluations": [
        {"decision": true, "context": {"id": ""}},
        {"decision": false, "context": {"id": "", "reason_user": text, "codes": ["AT-1120"]}},
        {"decision": false, "context": {"error": error}},
        {"decision": true, "context": {"id": "", "obligations": [grant()]}},
    ]});
    assert_eq!(found, wanted);
}

#[test]
fn a_batch_holds_as_many_evaluations_as_the_limit_and_no_more() {
    let sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_LIMITS__BATCH", "2")
        .start();
    let mut batch = anna("getOrganisation", &json!({}));
    batch["evaluations"] = json!([{}, {}]);
    let reply = sidecar.post(EVALUATIONS, &batch);
    let decisions: Vec<_> = reply.json()["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["decision"].clone())
        .collect();
    assert_eq!(decisions, [true, true]);
    batch["evaluations"] = json!([{}, {}, {}]);
    let reply = sidecar.post(EVALUATIONS, &batch);
    assert_eq!(reply.status, 413, "{}", reply.text);
    let detail = reply.json()["detail"].clone();
    assert_eq!(detail, "`evaluations`: more than 2 questions");
}

/// Some clients write it so: they get every decision, and the log says why.
#[test]
fn a_misspelt_option_is_ignored_and_logged() {
    let mut sidecar = Start::quickstart()
        .variable(
            "PEPPOL_AUTHZ_LOG__FILTER",
            "info,peppol_authz_server::http=debug",
        )
        .start();
    let mut batch = anna("fly", &json!({}));
    batch["options"] = json!({"evaluation_semantics": "deny_on_first_deny"});
    batch["evaluations"] = json!([{}, {}]);
    let reply = sidecar.post(EVALUATIONS, &batch).json();
    assert_eq!(reply["evaluations"].as_array().unwrap().len(), 2);
    let said = sidecar.stop().into_iter().filter(|record| {
        let message = record["message"].as_str().unwrap_or_default();
        message.contains("`options.evaluation_semantics`")
    });
    assert_eq!(said.count(), 1);
}

#[test]
fn metadata_tell_the_url_that_is_set() {
    for (url, path) in [
        ("https://pdp.example.com", ""),
        ("https://pdp.example.com:8443/", ""),
        ("https://pdp.example.com/tenant1/x", "/tenant1/x"),
    ] {
        let sidecar = Start::quickstart()
            .variable("PEPPOL_AUTHZ_AUTHZEN__BASE_URL", url)
            .start();
        let base = url.trim_end_matches('/');
        let wanted = json!({
            "policy_decision_point": url,
            "access_evaluation_endpoint": format!("{base}{EVALUATION}"),
            "access_evaluations_endpoint": format!("{base}{EVALUATIONS}"),
            "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
            "search_resource_endpoint": format!("{base}/access/v1/search/resource"),
            "search_action_endpoint": format!("{base}/access/v1/search/action"),
            "supported_obligations": ["custom"],
        });
        for path in [WELL_KNOWN.to_owned(), format!("{WELL_KNOWN}{path}")] {
            let reply = sidecar.get(&path);
            assert_eq!(reply.status, 200, "{path}: {}", reply.text);
            assert_eq!(reply.header("content-type"), Some("application/json"));
            assert_eq!(reply.header("cache-control"), Some("max-age=3600"));
            assert_eq!(reply.json(), wanted);
        }
        assert_eq!(sidecar.get(&format!("{WELL_KNOWN}/tenant2")).status, 404);
    }
}

#[test]
fn a_base_url_that_callers_could_not_use_is_refused_at_the_start() {
    for url in ["http://pdp.example.com", "https://pdp.example.com/?x=1", ""] {
        let start = Start::quickstart().variable("PEPPOL_AUTHZ_AUTHZEN__BASE_URL", url);
        let (code, text) = start.fails();
        assert_eq!(code, 64, "{text}");
        assert!(text.contains("authzen.base_url"), "{text}");
    }
}

#[test]
fn a_host_that_is_none_does_not_get_into_metadata() {
    let sidecar = Start::quickstart().start();
    let get = |hosts: &[&str]| -> Reply {
        let hosts: String = hosts
            .iter()
            .map(|host| format!("host: {host}\r\n"))
            .collect();
        let mut connection = Connection::open(&sidecar);
        connection.write(format!("GET {WELL_KNOWN} HTTP/1.1\r\n{hosts}\r\n"));
        connection.reply()
    };
    for host in [
        "localhost:8180",
        "10.0.0.7",
        "[::1]:8180",
        "pdp_1.example.com",
    ] {
        let reply = get(&[host]);
        let metadata = reply.json();
        assert_eq!(metadata["policy_decision_point"], format!("http://{host}"));
        let endpoint = format!("http://{host}{EVALUATION}");
        assert_eq!(metadata["access_evaluation_endpoint"], endpoint);
    }
    for hosts in [
        &["evil.example/path?"][..],
        &["user@evil.example"],
        &["a b"],
        &["\"a\""],
        &["a:99999"],
        &["[::1"],
        &["a", "b"],
        &[],
    ] {
        let reply = get(hosts);
        assert_eq!(reply.status, 400, "{hosts:?} {}", reply.text);
    }
}
