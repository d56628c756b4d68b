//! Decisions of every surface are looked at, each once.

use serde_json::{Value, json};

use super::{CLOSED, allowed, denied, disagreements, looked, of_result, shadow_of};
use crate::samples::Samples;
use crate::sidecar::{Reply, Sidecar, Start};

fn start() -> Sidecar {
    let settings = "[[gateway.header]]\nendpoint = \"envoy\"\nfrom = [\"127.0.0.1\"]\n\
                    name = \"X-User\"\ntype = \"User\"\n";
    let start = Start::quickstart();
    let path = start.path("config.toml");
    std::fs::write(&path, settings).unwrap();
    let (start, _) = shadow_of(start, CLOSED);
    start.with(&["--config", path.to_str().unwrap()]).start()
}

/// Asked once, decided once, and answered as it is by the first policies.
#[track_caller]
fn is_counted(sidecar: &Sidecar, allows: u32, denials: u32) -> Samples {
    let samples = looked(sidecar, allows + denials);
    let first = ["Allow", "", "organisation/orgadmin-manages"];
    let shadow = ["Deny", "DEMO_NO_CERTIFICATES", "next/closed"];
    let of_allow = disagreements(&samples, "verdict", first, shadow);
    let of_deny = disagreements(&samples, "codes", ["Deny", "NOT_PERMITTED", ""], shadow);
    assert_eq!((of_allow, of_deny), (f64::from(allows), f64::from(denials)));
    samples
}

#[track_caller]
fn sent(reply: Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

#[test]
fn a_native_batch_is() {
    let sidecar = start();
    let batch = json!({"requests": [allowed(), {}, denied(), allowed()]});
    let answer = sent(sidecar.post("/v1/batch_is_authorized", &batch));
    assert_eq!(answer["results"][0]["decision"], "Allow");
    is_counted(&sidecar, 2, 1);
}

#[test]
fn evaluations_are_and_what_is_no_question_is_not() {
    let sidecar = start();
    let mut evaluation = json!({
        "subject": {"type": "user", "id": "anna"},
        "action": {"name": "get_organisation"},
        "resource": {"type": "organisation", "id": "acme"},
    });
    let answer = sent(sidecar.post("/access/v1/evaluation", &evaluation));
    assert_eq!(answer["decision"], true);
    evaluation["evaluations"] = json!([
        {}, {"subject": {"type": "user", "id": "mia"}}, {"action": {"name": "fly"}},
    ]);
    sent(sidecar.post("/access/v1/evaluations", &evaluation));
    is_counted(&sidecar, 2, 1);
}

#[test]
fn questions_to_verified_permissions_are() {
    let sidecar = start();
    let request = |user: &str| {
        json!({
            "principal": {"entityType": "Peppol::User", "entityId": user},
            "action": {"actionType": "Peppol::Action", "actionId": "getOrganisation"},
            "resource": {"entityType": "Peppol::Organisation", "entityId": "acme"},
        })
    };
    let send = |operation: &str, mut body: Value| {
        let target = format!("VerifiedPermissions.{operation}");
        body["policyStoreId"] = "any".into();
        let body = body.to_string();
        sent(sidecar.send("/", &[("X-Amz-Target", &target)], body.as_bytes()))
    };
    assert_eq!(send("IsAuthorized", request("anna"))["decision"], "ALLOW");
    let batch = json!({"requests": [request("anna"), request("mia")]});
    send("BatchIsAuthorized", batch);
    is_counted(&sidecar, 2, 1);
}

#[test]
fn requests_of_a_gateway_are_where_something_is_asked() {
    let sidecar = start();
    let ask = |path: &str, user: &str| {
        let url = format!("/authz/envoy{path}");
        crate::gateway::ask(&sidecar.address, &url, &[("x-user", user)]).status
    };
    assert_eq!(ask("/orgs/acme", "anna"), 200);
    assert_eq!(ask("/orgs/acme", "mia"), 403);
    // No route, so no question.
    assert_eq!(ask("/nothing/of/this", "anna"), 403);
    is_counted(&sidecar, 1, 1);
}

/// A question that is asked again is looked at again: no count is by an earlier result.
#[test]
fn all_of_many_are() {
    let sidecar = start();
    for _ in 0..50 {
        sidecar.ask(&allowed());
    }
    let samples = is_counted(&sidecar, 50, 0);
    assert_eq!(of_result(&samples, "disagreed"), 50.0);
}
