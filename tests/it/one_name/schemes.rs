//! Identification schemes: a code and its name are one, and what is in no list is refused.

use serde_json::{Value, json};

use super::{Scene, about, organisations, participant};
use crate::sidecar::project;

/// The codes of the shipped list, with their names.
fn codes() -> Vec<(String, String)> {
    let schema = std::fs::read_to_string(project("schema/peppol.cedarschema")).unwrap();
    let (_, list) = schema.split_once("@codes(\"\n").unwrap();
    let (list, _) = list.split_once('"').unwrap();
    let lines = list.lines().filter(|line| !line.trim().is_empty());
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .map(|words| (words[0].to_owned(), words[1].to_owned()))
        .collect()
}

/// Each way to write what a value of a code begins with.
fn spellings(code: &str, name: &str) -> Vec<String> {
    let under = name.replace(':', "_");
    let mut all = vec![
        code.to_owned(),
        name.to_owned(),
        name.to_lowercase(),
        under.to_lowercase(),
        under,
    ];
    let mut letters = name.chars().enumerate();
    let mixed = letters.by_ref().map(|(i, c)| match i % 2 {
        0 => c.to_ascii_lowercase(),
        _ => c,
    });
    all.push(mixed.collect());
    all
}

/// A party of each code, all of globex.
fn scene() -> Scene {
    let mut documents = organisations();
    for (code, _) in codes() {
        documents.push(participant(&format!("{code}:Ab-1"), "globex"));
    }
    Scene::of(&documents)
}

#[test]
fn the_list_is_the_whole_one() {
    let codes = codes();
    assert!(codes.len() > 100, "{}", codes.len());
    for (code, name) in [
        ("0211", "IT:IVA"),
        ("0088", "GLN"),
        ("0193", "UBLBE"),
        // Removed, and in use.
        ("9906", "IT:VAT"),
        ("0037", "FI:OVT"),
    ] {
        assert!(
            codes.contains(&(code.to_owned(), name.to_owned())),
            "{code}"
        );
    }
}

#[test]
fn every_spelling_of_a_scheme_is_the_same_party() {
    let scene = scene();
    for (code, name) in codes() {
        let mut questions = Vec::new();
        for spelling in spellings(&code, &name) {
            for id in [
                format!("{spelling}:AB-1"),
                format!("iso6523-actorid-upis::{spelling}:ab-1"),
            ] {
                questions.push(about("gina", "getParticipant", "Participant", &id));
                questions.push(about("rita", "getParticipant", "Participant", &id));
                // To a stranger's gateway it is no party that could be enrolled.
                let request = format!("PUT /api/v1-beta/{}/enroll", id.replace("::", "%3A%3A"));
                let reply = scene.at_gateway("rita", &request, None);
                assert_eq!(reply.status, 403, "{request}: {}", reply.text);
            }
            let id = format!(
                "iso6523-actorid-upis%3A%3A{}%3Aab-1",
                spelling.replace(':', "%3A")
            );
            let reply = scene.at_gateway("rita", &format!("PUT /{id}"), None);
            assert_eq!(reply.status, 403, "{id}: {}", reply.text);
        }
        let reply = scene
            .sidecar
            .post("/v1/batch_is_authorized", &json!({"requests": questions}));
        for (question, answer) in questions
            .iter()
            .zip(reply.json()["results"].as_array().unwrap())
        {
            let wanted = match question["principal"]["id"].as_str() {
                Some("gina") => "Allow",
                _ => "Deny",
            };
            assert_eq!(answer["decision"], wanted, "{question}: {answer}");
            let reason = &answer["reasons"][0];
            assert_ne!(reason["code"], "UNKNOWN_RESOURCE", "{question}: {answer}");
        }
    }
}

#[test]
fn the_owner_may_do_by_the_name_what_the_owner_may_do_by_the_code() {
    let scene = scene();
    let body = |id: &str| json!({"participantIdentifier": id, "environment": "PROD"});
    for id in ["0211:ab-1", "IT:IVA:ab-1", "it_iva:AB-1"] {
        for (who, organisation, status) in [("gina", "globex", 200), ("rita", "rival", 403)] {
            // It is registered already, under whichever of its names it is asked for.
            let request = format!("POST /orgs/{organisation}/participants");
            let reply = scene.at_gateway(who, &request, Some(&body(id)));
            assert_eq!(reply.status, 403, "{who} {id}: {}", reply.text);
            assert!(reply.text.contains("PARTICIPANT_TAKEN"), "{}", reply.text);
            let reply = scene.at_gateway(who, &format!("PUT /api/v1-beta/{id}/enroll"), None);
            assert_eq!(reply.status, status, "{who} {id}: {}", reply.text);
        }
    }
    // One that is nobody's is free by either.
    for id in ["0211:new", "IT:IVA:new"] {
        let reply = scene.at_gateway("rita", &format!("PUT /api/v1-beta/{id}/enroll"), None);
        assert_eq!(reply.status, 200, "{id}: {}", reply.text);
    }
}

/// Names and numbers that no list has, and what could be taken for one of them.
const UNLISTED: [&str; 17] = [
    "XX:FOO:ab-1",
    "XX_FOO:ab-1",
    "EAN:ab-1",
    "IT-IVA:ab-1",
    "IT.IVA:ab-1",
    "IT IVA:ab-1",
    "ITIVA:ab-1",
    "IT:ab-1",
    "9999:ab-1",
    "0000:ab-1",
    "211:ab-1",
    "00211:ab-1",
    "0211 :ab-1",
    "0211::ab-1",
    "IT:IVA::ab-1",
    "0211:",
    "\u{ff10}\u{ff12}\u{ff11}\u{ff11}:ab-1",
];

#[test]
fn what_is_in_no_list_is_refused_at_every_entrance() {
    let scene = scene();
    for id in UNLISTED {
        for id in [id.to_owned(), format!("iso6523-actorid-upis::{id}")] {
            let question = about("gina", "getParticipant", "Participant", &id);
            let (status, answer) = scene.natively(&question);
            assert_eq!(status, 400, "{id}: {answer}");
            assert_eq!(answer["code"], "MALFORMED_QUESTION", "{answer}");
            let evaluation = json!({
                "subject": {"type": "user", "id": "gina"}, "action": {"name": "getParticipant"},
                "resource": {"type": "participant", "id": id},
            });
            let answer = scene
                .sidecar
                .post("/access/v1/evaluation", &evaluation)
                .json();
            assert_eq!(answer["decision"], false, "{id}: {answer}");
            let body = json!({"participantIdentifier": id, "environment": "PROD"});
            let reply = scene.at_gateway("rita", "POST /orgs/rival/participants", Some(&body));
            assert_eq!(reply.status, 403, "{id}: {}", reply.text);
            let target: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for request in [
                format!("PUT /api/v1-beta/{target}/enroll"),
                format!("PUT /iso6523-actorid-upis::{target}"),
            ] {
                let reply = scene.at_gateway("rita", &request, None);
                assert_eq!(reply.status, 403, "{request}: {}", reply.text);
            }
        }
    }
}

/// The policy for identifiers compares schemes as they are written: `ISO6523-…` is another one. So
/// an identifier with it is another party, which no gateway makes.
#[test]
fn a_scheme_in_capitals_is_another_one_and_nothing_is_made_under_it() {
    let scene = scene();
    for scheme in ["ISO6523-ACTORID-UPIS", "Iso6523-actorid-upis"] {
        let id = format!("{scheme}::0211:ab-1");
        let (status, answer) = scene.natively(&about("gina", "getParticipant", "Participant", &id));
        assert_eq!(
            (status, &answer["reasons"][0]["code"]),
            (200, &Value::from("UNKNOWN_RESOURCE"))
        );
        for request in [
            format!("PUT /{id}"),
            format!("PUT /api/v1-beta/{id}/enroll"),
        ] {
            for who in ["gina", "rita"] {
                let reply = scene.at_gateway(who, &request, None);
                assert_eq!(reply.status, 403, "{request}: {}", reply.text);
            }
        }
    }
    // In a body neither; and no scheme, and no code.
    for id in [
        "ISO6523-ACTORID-UPIS::0211:ab-1",
        "iso6523-actorid-upis:0211:ab-1",
        "ab-1",
    ] {
        let body = json!({"participantIdentifier": id, "environment": "PROD"});
        let reply = scene.at_gateway("rita", "POST /orgs/rival/participants", Some(&body));
        assert_eq!(reply.status, 403, "{id}: {}", reply.text);
        let reply = scene.at_gateway("rita", &format!("PUT /api/v1-beta/{id}/enroll"), None);
        assert_eq!(reply.status, 403, "{id}: {}", reply.text);
    }
}
