//! Members of questions that could be meant for others: matched or refused, never passed over.

use serde_json::{Value, json};

use super::{about, organisations, role, user};
use crate::sidecar::{Sidecar, Start};

/// `victim` is an ApUser of the other organisation, which a forbid says of whoever is named.
fn sidecar() -> Sidecar {
    let mut documents = organisations();
    documents.extend([
        user("victim"),
        role("victim", "globex", "ApUser"),
        user("ulla"),
        role("ulla", "rival", "ApUser"),
    ]);
    Start::new().documents(&documents).start()
}

fn evaluation(properties: &Value, context: &Value) -> Value {
    json!({
        "subject": {"type": "user", "id": "rita"},
        "action": {"name": "putUser", "properties": properties},
        "resource": {"type": "organisation", "id": "rival"},
        "context": context,
    })
}

const MATCHED: [&str; 5] = ["User", "USER", "_user", "us-er", "u_s_e_r"];

const REFUSED: [&str; 9] = [
    " user",
    "user ",
    "us\u{200b}er",
    "\u{feff}user",
    "\u{ff55}ser",
    "u\u{17f}er",
    "user[]",
    "use\u{301}r",
    "$user",
];

#[test]
fn a_member_of_the_context_that_could_be_meant_is_not_dropped() {
    let sidecar = sidecar();
    let ask = |evaluation: &Value| sidecar.post("/access/v1/evaluation", evaluation).json();
    let none = json!({});
    assert_eq!(ask(&evaluation(&none, &none))["decision"], true);
    for name in MATCHED {
        for asked in [
            evaluation(&none, &json!({name: "victim"})),
            evaluation(&json!({name: "victim"}), &none),
            // The action's properties win, in any spelling.
            evaluation(&json!({name: "victim"}), &json!({"user": "ulla"})),
        ] {
            let answer = ask(&asked);
            assert_eq!(
                answer["context"]["codes"],
                json!(["NOT_YOUR_AP_USER", "USER_HAS_OTHER_ROLES"]),
                "{asked}: {answer}"
            );
        }
        for asked in [
            evaluation(&none, &json!({name: "ulla", "user": "victim"})),
            evaluation(&json!({name: "ulla", "user": "ulla"}), &none),
        ] {
            let answer = ask(&asked);
            assert_eq!(answer["decision"], false, "{asked}: {answer}");
            let error = answer["context"]["error"].to_string();
            assert!(error.contains("is written as"), "{error}");
        }
    }
    for name in REFUSED {
        for asked in [
            evaluation(&none, &json!({name: "victim"})),
            evaluation(&json!({name: "victim"}), &none),
        ] {
            let answer = ask(&asked);
            assert_eq!(answer["decision"], false, "{asked}: {answer}");
            let error = answer["context"]["error"].to_string();
            assert!(error.contains("write `user`, if that is meant"), "{error}");
        }
    }
}

/// Without `user` the question is another one, and its Allow not that of the one that was meant.
#[test]
fn nothing_is_passed_over_while_an_optional_member_is_absent() {
    let sidecar = sidecar();
    let ask = |evaluation: &Value| sidecar.post("/access/v1/evaluation", evaluation).json();
    let none = json!({});
    for name in UNKNOWN {
        for asked in [
            evaluation(&none, &json!({name: "victim"})),
            evaluation(&json!({name: "victim"}), &none),
            evaluation(&none, &json!({name: null})),
        ] {
            let answer = ask(&asked);
            assert_eq!(answer["decision"], false, "{asked}: {answer}");
            let error = &answer["context"]["error"];
            assert_eq!(error["status"], 400, "{asked}: {answer}");
            let error = error["message"].as_str().unwrap();
            assert!(error.contains(name), "{error}");
            assert!(error.contains("write `user`, if that is meant"), "{error}");
        }
        // There is nothing left that it could be meant for.
        let asked = evaluation(&none, &json!({"user": "ulla", name: "victim"}));
        assert_eq!(ask(&asked)["decision"], true, "{asked}");
    }
    // Nor is it where all members are obligatory.
    let asked = json!({
        "subject": {"type": "user", "id": "rita"}, "action": {"name": "listPartyAuthorizations"},
        "resource": {"type": "organisation", "id": "rival"}, "context": {"user": "ulla", "time": 1, "x": null},
    });
    assert_eq!(ask(&asked)["decision"], true);
}

const UNKNOWN: [&str; 12] = [
    "userId",
    "user_id",
    "users",
    "us\u{435}r",
    "\u{443}ser",
    "username",
    "name",
    "target",
    "time",
    "context",
    "user.id",
    "",
];

/// `null` says that there is none, and to some that there is one who was not written.
#[test]
fn null_is_no_value_of_a_member() {
    let sidecar = sidecar();
    let none = json!({});
    for name in ["user", "User", "us-er"] {
        for asked in [
            evaluation(&none, &json!({name: null})),
            evaluation(&json!({name: null}), &none),
            evaluation(&json!({name: null}), &json!({"user": "ulla"})),
        ] {
            let answer = sidecar.post("/access/v1/evaluation", &asked).json();
            assert_eq!(answer["decision"], false, "{asked}: {answer}");
            let error = answer["context"]["error"]["message"].as_str().unwrap();
            assert!(error.contains(&format!(".{name}`: `null`")), "{error}");
        }
    }
}

/// A member of the context that stands elsewhere would have been dropped with all that stands there.
#[test]
fn a_member_of_the_context_in_another_place_is_not_dropped() {
    let sidecar = sidecar();
    let whole = evaluation(&json!({}), &json!({}));
    for name in ["user", "User", "us_er", " user", "us\u{200b}er"] {
        for place in [
            "/subject/properties",
            "/resource/properties",
            "/subject",
            "/resource",
            "/action",
            "",
        ] {
            let mut asked = whole.clone();
            asked["subject"]["properties"] = json!({});
            asked["resource"]["properties"] = json!({});
            asked.pointer_mut(place).unwrap()[name] = json!("victim");
            let reply = sidecar.post("/access/v1/evaluation", &asked);
            let answer = reply.json();
            assert_ne!(answer["decision"], true, "{asked}: {answer}");
            let said = "write `user` into the context, if that is meant";
            assert!(reply.text.contains(said), "{asked}: {}", reply.text);
            // It is the context's where it stands there too.
            if place.ends_with("properties") {
                asked["context"] = json!({"user": "ulla"});
                let reply = sidecar.post("/access/v1/evaluation", &asked);
                assert_eq!(reply.json()["decision"], true, "{asked}: {}", reply.text);
            }
            let several = json!({"evaluations": [asked]});
            let reply = sidecar.post("/access/v1/evaluations", &several);
            let answer = reply.json();
            let is_whole = place.ends_with("properties");
            assert_eq!(answer["evaluations"][0]["decision"], is_whole, "{several}");
        }
        let mut several = json!({"evaluations": [whole]});
        several[name] = json!("victim");
        let reply = sidecar.post("/access/v1/evaluations", &several);
        assert_eq!(reply.status, 400, "{several}: {}", reply.text);
    }
    // Properties of a subject that the context does not have are dropped as before.
    let mut asked = whole;
    asked["subject"]["properties"] = json!({"email": "x", "roles": [], "userId": "rita"});
    let reply = sidecar.post("/access/v1/evaluation", &asked);
    assert_eq!(reply.json()["decision"], true, "{}", reply.text);
}

/// Searches are read as questions are.
#[test]
fn no_search_passes_over_a_member() {
    let sidecar = sidecar();
    let subject = json!({"type": "user", "id": "rita"});
    let resource = json!({"type": "organisation", "id": "rival"});
    let found = |search: &str, body: &Value| {
        let reply = sidecar.post(&format!("/access/v1/search/{search}"), body);
        assert_eq!(reply.status, 200, "{body}: {}", reply.text);
        reply.json()["results"].as_array().unwrap().clone()
    };
    for (context, is_found) in [
        (json!({}), true),
        (json!({"user": "ulla"}), true),
        (json!({"user": "victim"}), false),
        (json!({"userId": "victim"}), false),
        (json!({"user": null}), false),
    ] {
        let of_subjects = json!({
            "subject": {"type": "user"}, "action": {"name": "putUser"}, "resource": resource, "context": context,
        });
        let of_resources = json!({
            "subject": subject, "action": {"name": "putUser"}, "resource": {"type": "organisation"}, "context": context,
        });
        let of_actions = json!({"subject": subject, "resource": resource, "context": context});
        assert_eq!(
            !found("subject", &of_subjects).is_empty(),
            is_found,
            "{context}"
        );
        assert_eq!(
            !found("resource", &of_resources).is_empty(),
            is_found,
            "{context}"
        );
        let actions = found("action", &of_actions);
        let put = actions.iter().any(|action| action["name"] == "putUser");
        assert_eq!(put, is_found, "{context}: {actions:?}");
        assert!(
            actions
                .iter()
                .any(|action| action["name"] == "getOrganisation")
        );
    }
    let misplaced = json!({
        "subject": {"type": "user", "id": "rita", "properties": {"user": "victim"}}, "resource": resource,
    });
    let actions = found("action", &misplaced);
    assert!(
        !actions.iter().any(|action| action["name"] == "putUser"),
        "{actions:?}"
    );
}

/// An operator knows what callers send beside.
#[test]
fn a_setting_names_what_is_ignored() {
    let mut documents = organisations();
    documents.extend([user("victim"), role("victim", "globex", "ApUser")]);
    let start = Start::new().documents(&documents);
    let path = start.path("config.toml");
    let names = "[authzen]\nignored_context = [\"time\", \"userId\", \"user\", \" user\"]\n";
    std::fs::write(&path, names).unwrap();
    let sidecar = start.with(&["--config", path.to_str().unwrap()]).start();
    let decision = |context: &Value| {
        let asked = evaluation(&json!({}), context);
        sidecar.post("/access/v1/evaluation", &asked).json()["decision"].clone()
    };
    for (context, wanted) in [
        (json!({"time": 1}), true),
        (
            json!({"time": null, "userId": "victim", " user": "victim"}),
            true,
        ),
        // Members that the schema has are not ignored.
        (json!({"user": "victim"}), false),
        (json!({"User": "victim"}), false),
        (json!({"user": null}), false),
        (json!({"Time": 1}), false),
        (json!({"userid": "victim"}), false),
    ] {
        assert_eq!(decision(&context), wanted, "{context}");
    }
}

#[test]
fn a_part_of_a_request_that_could_be_meant_is_not_ignored() {
    let sidecar = sidecar();
    let whole = evaluation(&json!({}), &json!({"user": "victim"}));
    for (member, other) in [
        ("context", "Context"),
        ("context", "CONTEXT"),
        ("context", "con_text"),
    ] {
        let mut asked = whole.clone();
        let value = asked.as_object_mut().unwrap().remove(member).unwrap();
        asked[other] = value;
        let reply = sidecar.post("/access/v1/evaluation", &asked);
        assert_eq!(reply.status, 400, "{asked}: {}", reply.text);
    }
    for part in ["action", "subject", "resource"] {
        let mut asked = evaluation(&json!({}), &json!({}));
        asked[part]["Properties"] = json!({"user": "victim"});
        let reply = sidecar.post("/access/v1/evaluation", &asked);
        assert_eq!(reply.status, 400, "{asked}: {}", reply.text);
    }
    let mut many = evaluation(&json!({}), &json!({}));
    many["Evaluations"] = json!([whole]);
    let reply = sidecar.post("/access/v1/evaluations", &many);
    assert_eq!(reply.status, 400, "{}", reply.text);
    let options = json!({"Evaluations_Semantic": "deny_on_first_deny"});
    let many = json!({"evaluations": [whole], "options": options});
    let reply = sidecar.post("/access/v1/evaluations", &many);
    assert_eq!(reply.status, 400, "{}", reply.text);
    // An item of several is one that is not decided.
    let mut item = evaluation(&json!({}), &json!({}));
    item["Context"] = json!({"user": "victim"});
    let reply = sidecar.post("/access/v1/evaluations", &json!({"evaluations": [item]}));
    assert_eq!(
        reply.json()["evaluations"][0]["decision"],
        false,
        "{}",
        reply.text
    );
    let search = json!({
        "subject": {"type": "user"}, "action": {"name": "putUser"},
        "resource": {"type": "organisation", "id": "rival"}, "Context": {"user": "victim"},
    });
    let reply = sidecar.post("/access/v1/search/subject", &search);
    assert_eq!(reply.status, 400, "{}", reply.text);
}

/// Natively, and as an SDK writes it, no member is passed over in any spelling.
#[test]
fn other_surfaces_refuse_what_they_do_not_know() {
    let sidecar = sidecar();
    let mut question = about("rita", "putUser", "Organisation", "rival");
    for (member, value) in [
        ("context", json!({"User": "victim"})),
        ("context", json!({"userId": "victim"})),
        ("context", json!({"user": null})),
        ("user", json!("victim")),
        ("Context", json!({"user": "victim"})),
    ] {
        question[member] = value;
        let reply = sidecar.post("/v1/is_authorized", &question);
        assert_eq!(reply.status, 400, "{question}: {}", reply.text);
        question.as_object_mut().unwrap().remove(member);
    }
    let named =
        |kind: &str, id: &str| json!({"entityType": format!("Peppol::{kind}"), "entityId": id});
    for context in [
        json!({"contextMap": {"User": {"string": "victim"}}}),
        json!({"contextMap": {"userId": {"string": "victim"}}}),
        json!({"contextMap": {"us\u{435}r": {"string": "victim"}}}),
        json!({"contextMap": {"user": null}}),
        json!({"contextMap": {"time": {"long": 1}}}),
        json!({"cedarJson": "{\"userId\": \"victim\"}"}),
        json!({"cedarJson": "{\"user\": null}"}),
        json!({"cedarJson": "{\"user\": \"rita\", \"user\": \"victim\"}"}),
        json!({"ContextMap": {"user": {"string": "victim"}}}),
        json!({"cedarJson": "{\"User\": \"victim\"}"}),
    ] {
        let aws = json!({
            "policyStoreId": "any", "principal": named("User", "rita"), "resource": named("Organisation", "rival"),
            "action": {"actionType": "Peppol::Action", "actionId": "putUser"}, "context": context,
        });
        let target = [("x-amz-target", "VerifiedPermissions.IsAuthorized")];
        let reply = sidecar.send("/", &target, aws.to_string().as_bytes());
        assert_eq!(reply.status, 400, "{aws}: {}", reply.text);
    }
}
