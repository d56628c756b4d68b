//! An operator's own policies of callers.

use super::*;

/// A gateway that asks about one tenant alone, and a monitor that reads metrics.
const TENANT: &str = r#"
permit (principal, action == Sidecar::Action::"decide", resource)
when {
  principal has key && principal.key == "gateway-of-acme" &&
  context has organisation && context.organisation == "acme"
};
permit (principal, action == Sidecar::Action::"metrics", resource)
when { principal has uid };
permit (principal, action == Sidecar::Action::"admin", resource)
when { principal.local && context.path == "/readyz" };
"#;

#[test]
fn a_gateway_of_a_tenant_asks_about_that_tenant_alone_and_policies_are_reloaded() {
    let start = Start::quickstart();
    let policies = start.path("callers");
    std::fs::create_dir(&policies).unwrap();
    let file = policies.join("own.cedar");
    std::fs::write(&file, TENANT).unwrap();
    let socket = format!("unix:{}", start.path("admin.sock").display());
    let text = format!(
        "[callers]\npolicies = \"{}\"\nkey = [{}]\n[admin]\nlisten = \"{socket}\"\n\
         [reload]\npoll_interval = \"20ms\"\nsettle = \"20ms\"\n",
        policies.display(),
        entry("gateway-of-acme", &[]),
    );
    let sidecar = with_settings(start, &text).start();
    let mut gateway = Connection::open(&sidecar);
    let mut ask = |body: &Value, line: &str| {
        send_as(&mut gateway, "gateway-of-acme", line, &body.to_string())
    };
    is_allowed(&ask(&about("acme"), DECIDE));
    // A denial of another tenant is not told, nor that there is none.
    for other in ["globex", "nowhere"] {
        is_refused(&ask(&about(other), DECIDE), 403, "CALLER_NOT_ALLOWED");
    }
    // Its own party, and that of another.
    let of_party = |party: &str| {
        json!({
            "principal": "Peppol::User::\"anna\"",
            "action": "Peppol::Action::\"sendDocument\"",
            "resource": {"type": "Peppol::Participant", "id": party},
            "context": {"accessPoint": "platform-test"},
        })
    };
    is_allowed(&ask(&of_party("0007:5561234567"), DECIDE));
    is_refused(
        &ask(&of_party("0007:5599990001"), DECIDE),
        403,
        "CALLER_NOT_ALLOWED",
    );
    let batch = json!({"requests": [about("acme"), about("globex"), {"principal": 1}]});
    let results = ask(&batch, "POST /v1/batch_is_authorized").json();
    assert_eq!(results["results"][0]["decision"], "Allow", "{results}");
    assert_eq!(
        results["results"][1]["error"]["code"], "CALLER_NOT_ALLOWED",
        "{results}"
    );
    assert_eq!(
        results["results"][2]["error"]["code"], "MALFORMED_QUESTION",
        "{results}"
    );
    // Local callers may no longer ask anything else.
    is_refused(
        &send(&mut Connection::open(&sidecar), DECIDE, &[], ALLOWED),
        403,
        "CALLER_NOT_ALLOWED",
    );
    let mut administration = Connection::open_at(&socket);
    assert_eq!(
        sample(&mut administration, "peppol_authz_callers_refused"),
        Some(0)
    );
    for path in [
        "/version",
        "/v1/policies",
        "/v1/policies/x",
        "/v1/schema",
        "/v1/data",
    ] {
        is_refused(&administration.get(path), 403, "CALLER_NOT_ALLOWED");
    }

    std::fs::write(
        &file,
        "permit (principal, action, resource) when { principal.nickname == 1 };",
    )
    .unwrap();
    sidecar.wait_for_log("changed policies of callers are refused; those before stay in force");
    assert_eq!(
        sample(&mut administration, "peppol_authz_callers_refused"),
        Some(1)
    );
    let ready = administration.get("/readyz");
    assert!(
        ready.text.contains("callers: the last change"),
        "{}",
        ready.text
    );
    is_allowed(&ask(&about("acme"), DECIDE));
    std::fs::write(&file, TENANT.replace("\"acme\"", "\"globex\"")).unwrap();
    sidecar.wait_for_log("changed policies of callers are in force");
    is_refused(&ask(&about("acme"), DECIDE), 403, "CALLER_NOT_ALLOWED");
    assert_eq!(ask(&about("globex"), DECIDE).json()["decision"], "Deny");
    until("it is no longer refused", || {
        sample(&mut administration, "peppol_authz_callers_refused") == Some(0)
    });
}

#[test]
fn policies_of_callers_that_are_not_valid_are_shown_at_the_start() {
    let start = Start::new();
    let policies = start.path("callers");
    std::fs::create_dir(&policies).unwrap();
    std::fs::write(
        policies.join("bad.cedar"),
        "permit (principal, action, resource)\nwhen { context.colour == 1 };",
    )
    .unwrap();
    let (code, text) = start
        .variable("PEPPOL_AUTHZ_CALLERS__POLICIES", policies.to_str().unwrap())
        .fails();
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("bad.cedar:2") && text.contains("colour"),
        "{text}"
    );
}
