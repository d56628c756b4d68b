//! `PUT /orgs/{orgId}` is asked as what the body changes of what the store holds: over
//! every state of an organisation and every kind of body.

use serde_json::{Map, Value, json};

use super::{Gate, brief_of, sent};
use crate::deciding::entity;

const ROUTES: &str = r#"
[[route]]
request = "PUT /orgs/{orgId}"

[[route.ask]]
action = "updateOrganisation"
resource = { Organisation = "{path.orgId}" }

[[route.ask]]
action = "requestModeChange"
resource = { Organisation = "{path.orgId}" }
context = { requestedMode = "{body.modeChangeRequest}" }
when = { sets = { modeChangeRequest = "{body.modeChangeRequest}" } }

[[route.ask]]
action = "setOrganisationMode"
resource = { Organisation = "{path.orgId}" }
context = { mode = "{body.organisationMode}" }
when = { sets = { mode = "{body.organisationMode}" } }

[[route.ask]]
action = "rejectModeChange"
resource = { Organisation = "{path.orgId}" }
when = { clears = { modeChangeRequest = "{body.modeChangeRequest}" } }
"#;

const MODES: [&str; 3] = ["DEMO", "SHARED", "WHITELABEL"];

/// The values that a member of the body may have: none, `null`, a mode, or something else.
fn members() -> Vec<Option<Value>> {
    let mut members = vec![None, Some(Value::Null)];
    members.extend(MODES.map(|mode| Some(json!(mode))));
    members.extend(
        [
            json!("demo"),
            json!(""),
            json!(1),
            json!({}),
            json!(["SHARED"]),
        ]
        .map(Some),
    );
    members
}

fn is_mode(said: &Value) -> bool {
    said.as_str().is_some_and(|said| MODES.contains(&said))
}

/// The outcome of each ask of the table, by the words of the rule: a field that the body does not
/// have, or has as the store does, is not changed.
fn wanted(mode: &str, pending: Option<&str>, body: &Map<String, Value>) -> Vec<String> {
    let asked = || "o".to_owned();
    let (not, refused) = (|| "-".to_owned(), || "REQUEST_MALFORMED".to_owned());
    let requested = match body.get("modeChangeRequest") {
        None | Some(Value::Null) => not(),
        Some(said) if pending.is_some() && said.as_str() == pending => not(),
        Some(said) if is_mode(said) => asked(),
        Some(_) => refused(),
    };
    let set = match body.get("organisationMode") {
        None => not(),
        Some(said) if said.as_str() == Some(mode) => not(),
        Some(said) if is_mode(said) => asked(),
        Some(_) => refused(),
    };
    let rejected = match body.get("modeChangeRequest") {
        Some(Value::Null) if pending.is_some() => asked(),
        _ => not(),
    };
    vec![asked(), requested, set, rejected]
}

#[test]
fn exactly_what_the_body_changes_is_asked() {
    let mut kinds = std::collections::BTreeSet::new();
    for mode in MODES {
        for pending in [None, Some("SHARED"), Some("WHITELABEL")] {
            let mut attributes = json!({
                "id": "o", "mode": mode, "contactTypes": [], "participantLimit": 10,
                "participants": 0,
            });
            if let Some(pending) = pending {
                attributes["modeChangeRequest"] = json!(pending);
            }
            let organisation = entity("Peppol::Organisation", "o", attributes, &[]);
            let gate = Gate::of(&json!([organisation]), ROUTES);
            for requested in members() {
                for set in members() {
                    let mut body = Map::new();
                    body.insert("legalName".to_owned(), json!("Acme"));
                    let said = [
                        ("modeChangeRequest", &requested),
                        ("organisationMode", &set),
                    ];
                    for (name, said) in said {
                        body.extend(said.clone().map(|said| (name.to_owned(), said)));
                    }
                    let sent = sent("anna", "PUT /orgs/o").with(&Value::Object(body.clone()));
                    let drafts = gate.drafts(&sent, true);
                    let found: Vec<_> = drafts.iter().flatten().map(brief_of).collect();
                    assert_eq!(
                        found,
                        wanted(mode, pending, &body),
                        "{mode} {pending:?} {body:?}"
                    );
                    kinds.insert(found);
                }
            }
        }
    }
    // Asked, not asked and refused, of both members, with and without a rejection.
    assert!(kinds.len() >= 11, "{kinds:?}");
}

#[test]
fn without_the_store_it_is_said_what_depends_on_it() {
    let gate = Gate::of(&json!([]), ROUTES);
    let body = json!({"modeChangeRequest": "SHARED"});
    let drafts = gate.drafts(&sent("anna", "PUT /orgs/o").with(&body), false);
    let found: Vec<_> = drafts.iter().flatten().map(brief_of).collect();
    assert_eq!(found, ["o", "?", "-", "-"]);
}

/// The body decides what is asked: without it, or with one that can be read in two ways, nothing
/// is.
#[test]
fn a_body_that_is_not_read_in_one_way_is_a_denial() {
    let gate = Gate::usual(ROUTES);
    let put = sent("anna", "PUT /orgs/acme");
    gate.assert_decides(&put, "Deny BODY_REQUIRED");
    gate.assert_decides(&put.clone().with(&json!({"legalName": "Acme"})), "Allow");
    for text in [
        "",
        "{",
        "[1]",
        "\"organisationMode\"",
        "1",
        r#"{"organisationMode":"SHARED","organisationMode":"DEMO"}"#,
        r#"{"organisationMode":"SHARED","organisation\u004dode":"DEMO"}"#,
        r#"{"OrganisationMode":"DEMO"}"#,
        r#"{"organisationMode":"SHARED","organisationmode":"DEMO"}"#,
        r#"{"ORGANISATIONMODE":"DEMO"}"#,
        // A long s, which is an `S` to services that compare by upper case.
        "{\"organi\u{17f}ationMode\":\"DEMO\"}",
        r#"{"MODEchangeREQUEST":null}"#,
        "\u{feff}{\"legalName\":\"Acme\"}",
        "{\"legalName\":\"Acme\"} {}",
    ] {
        let mut sent = put.clone().with(&json!({}));
        sent.body = Some(text.as_bytes().to_vec());
        let found = super::brief(&gate.decide(&sent));
        assert!(
            found.starts_with("Deny REQUEST_MALFORMED"),
            "{text}: {found}"
        );
    }
    let mut sent = put.with(&json!({}));
    sent.body = Some(b"{\"legalName\":\"\xff\"}".to_vec());
    gate.assert_decides(&sent, "Deny REQUEST_MALFORMED");
}
