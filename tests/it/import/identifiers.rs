//! One answer for every spelling of a participant identifier or an e-mail,
//! whichever spelling was imported.

use serde_json::{Value, json};

use super::{Target, organisation, user};

const FLAGS: [&str; 4] = [
    "canSendDocument",
    "canReceiveDocument",
    "canRemoveDocument",
    "canManageHook",
];

/// A tenancy whose identifiers are spelt in these ways.
fn target(participant: &str, authorized: &str, email: &str) -> Target {
    let flags: Value = FLAGS
        .iter()
        .map(|flag| ((*flag).to_owned(), json!(true)))
        .collect();
    let target = Target::new();
    target.import_all(&[
        organisation("acme"),
        user("anna", "anna@x"),
        json!({"type": "MEMBERSHIP", "userId": "anna", "organisationId": "acme", "memberRole": "orgadmin"}),
        json!({"type": "MEMBERSHIP", "userId": "anna", "organisationId": "acme", "memberRole": "ApUser"}),
        json!({"type": "PARTICIPANT", "id": participant, "organisationId": "acme", "environment": "TEST"}),
        json!({"type": "PARTY_AUTHORIZATION", "userId": "anna", "participantId": authorized, "name": "A", "permissions": flags}),
        json!({"type": "LEGAL_ENTITY", "id": "le", "organisationId": "acme"}),
        json!({"type": "SUB_ACCOUNT", "id": "sa", "email": email, "organisationId": "acme", "fullAccess": false, "legalEntityIds": []}),
    ]);
    target
}

fn codes(answer: &Value) -> Vec<&str> {
    let reasons = answer["reasons"].as_array().unwrap();
    reasons
        .iter()
        .filter_map(|reason| reason["code"].as_str())
        .collect()
}

const ANNA: &str = "Peppol::User::\"anna\"";

#[test]
fn a_participant_in_any_spelling_is_the_same() {
    let spellings = [
        "iso6523-actorid-upis::0088:ABC",
        "iso6523-actorid-upis::0088:abc",
        "0088:AbC",
    ];
    for (stored, authorized) in [(0, 1), (1, 2), (2, 0)] {
        let target = target(spellings[stored], spellings[authorized], "foo@bar.com");
        for asked in spellings {
            let resource = format!("Peppol::Participant::\"{asked}\"");
            for action in ["removeDocument", "getParticipant"] {
                let answer = target.ask(ANNA, action, &resource, &json!({}));
                assert_eq!(answer["decision"], "Allow", "{asked}: {answer}");
            }
        }
        // The scheme keeps its case, and other values are others.
        for other in [
            "ISO6523-ACTORID-UPIS::0088:abc",
            "0088:abd",
            "iso6523-actorid-upis::0088:ab",
        ] {
            let resource = format!("Peppol::Participant::\"{other}\"");
            let answer = target.ask(ANNA, "getParticipant", &resource, &json!({}));
            assert_eq!(codes(&answer), ["UNKNOWN_RESOURCE"], "{other}: {answer}");
        }
    }
}

#[test]
fn an_email_in_any_spelling_is_the_same() {
    for stored in ["foo@bar.com", "Foo@Bar.com"] {
        let target = target("0088:abc", "0088:abc", stored);
        let entity =
            |address: &str| json!({"__entity": {"type": "Peppol::EmailAddress", "id": address}});
        for (context, wanted) in [
            (json!("foo@bar.com"), vec!["EMAIL_ALREADY_REGISTERED"]),
            (json!("FOO@BAR.COM"), vec!["EMAIL_ALREADY_REGISTERED"]),
            (entity("Foo@bar.com"), vec!["EMAIL_ALREADY_REGISTERED"]),
            // A user's, too.
            (json!("ANNA@X"), vec!["EMAIL_ALREADY_REGISTERED"]),
            (json!("free@bar.com"), vec![]),
        ] {
            let resource = "Peppol::LegalEntity::\"le\"";
            let answer = target.ask(
                ANNA,
                "createSubAccount",
                resource,
                &json!({"email": context}),
            );
            assert_eq!(codes(&answer), wanted, "{context}: {answer}");
        }
    }
}
