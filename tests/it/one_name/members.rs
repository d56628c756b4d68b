//! Members of questions that could be meant for others: matched or refused, never passed over.

use serde_json::{Value, json};

use super::{about, organisations, role, user};
use crate::sidecar::{Sidecar, Start};

/// `victim` is an ApUser of the other organisation, which a forbid says of whoever is named.
fn sidecar() -> Sidecar {
    let mut documents = organisations();
    documents.extend([user("victim"), role("victim", "globex", "ApUser")]);
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
            evaluation(&json!({name: "victim"}), &json!({"user": "rita"})),
        ] {
            let answer = ask(&asked);
            assert_eq!(
                answer["context"]["codes"],
                json!(["NOT_YOUR_AP_USER"]),
                "{asked}: {answer}"
            );
        }
        for asked in [
            evaluation(&none, &json!({name: "rita", "user": "victim"})),
            evaluation(&json!({name: "rita", "user": "rita"}), &none),
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
    // A member that nobody could mean is ignored, and so is `null`.
    for name in ["time", "users", "\u{443}ser", "ip"] {
        assert_eq!(
            ask(&evaluation(&none, &json!({name: "victim", "User": null})))["decision"],
            true
        );
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
