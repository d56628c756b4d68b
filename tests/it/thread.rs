//! One rule, from its policy over the database to the wire.

use serde_json::json;

use crate::sidecar::{Start, project};

#[test]
fn a_mode_change_needs_a_business_contact() {
    let documents = project("examples/quickstart/tenancy.ndjson");
    let sidecar = Start::new()
        .with(&["--import", documents.to_str().unwrap()])
        .start();
    let answer = sidecar.ask(&json!({
        "principal": "Peppol::User::\"anna\"",
        "action": {"type": "Peppol::Action", "id": "requestModeChange"},
        "resource": {"type": "Peppol::Organisation", "id": "acme"},
        "context": {"requestedMode": "SHARED"},
    }));
    assert_eq!(answer["decision"], "Deny");
    assert_eq!(
        answer["diagnostics"],
        json!({"reason": ["organisation/mode-change-needs-business-contact"], "errors": []})
    );
    assert_eq!(
        answer["reasons"],
        json!([{
            "code": "AT-1120",
            "rule": "MCH-2",
            "policy": "organisation/mode-change-needs-business-contact",
            "message": "the organisation has no contact of type BUSINESS",
        }])
    );
}
