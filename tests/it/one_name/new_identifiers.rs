//! An identifier that may be new has one form: in any other it could be a spelling of one that is
//! registered, so that a stranger would register it again.

use serde_json::{Value, json};

use super::{Scene, about, organisations, participant};

const REGISTERED: &str = "iso6523-actorid-upis::0007:5561234567";

/// Spellings that mean it.
const SAME: [&str; 6] = [
    REGISTERED,
    "0007:5561234567",
    "SE:ORGNR:5561234567",
    "se_orgnr:5561234567",
    "iso6523-actorid-upis::SE:ORGNR:5561234567",
    "iso6523-actorid-upis::se_orgnr:5561234567",
];

/// Spellings that some service or library could take for it.
const ODD: [&str; 47] = [
    // The scheme and what is between it and the value.
    "iso6523-actorid-upis:0007:5561234567",
    "iso6523-actorid-upis:::0007:5561234567",
    "iso6523-actorid-upis%3A%3A0007%3A5561234567",
    "iso6523-actorid-upis::0007%3A5561234567",
    "iso6523-actorid-upis%3a%3a0007:5561234567",
    "iso6523-actorid-upis\u{ff1a}\u{ff1a}0007:5561234567",
    "iso6523-actorid-upis;;0007:5561234567",
    "iso6523-actorid-upis/0007:5561234567",
    "ISO6523-ACTORID-UPIS::0007:5561234567",
    "Iso6523-actorid-upis::0007:5561234567",
    "i\u{17f}o6523-actorid-upis::0007:5561234567",
    "iso6523_actorid_upis::0007:5561234567",
    "iso6523-actorid-upis ::0007:5561234567",
    "iso6523-actorid-upis:: 0007:5561234567",
    "iso6523-actorid-upis::iso6523-actorid-upis::0007:5561234567",
    "iso6523-actorid-upis::iso6523-actorid-upis:0007:5561234567",
    "busdox-actorid-upis::iso6523-actorid-upis::0007:5561234567",
    "::0007:5561234567",
    "busdox-actorid-upis::0007:5561234567",
    "actorid-upis::0007:5561234567",
    "se::orgnr:5561234567",
    "se::orgnr::5561234567",
    "urn:iso6523-actorid-upis::0007:5561234567",
    "\"iso6523-actorid-upis::0007:5561234567\"",
    // The code.
    "00007:5561234567",
    "07:5561234567",
    "7:5561234567",
    "+0007:5561234567",
    "0007.0:5561234567",
    "\u{660}\u{660}\u{660}\u{667}:5561234567",
    "\u{ff10}\u{ff10}\u{ff10}\u{ff17}:5561234567",
    "\u{17f}e:orgnr:5561234567",
    "SE:ORGNR::5561234567",
    "icd:0007:5561234567",
    // The value.
    "0007:5561234567#",
    "0007:5561234567/",
    "0007:5561234567?",
    "0007:5561234567;x=1",
    "0007:5561234567%20",
    "0007:%35561234567",
    "0007:556123 4567",
    "0007:556123:4567",
    "0007:\u{665}\u{665}\u{666}1234567",
    "0007:5561234567\u{301}",
    "0007:5561234567,0007:1",
    "0007:\\5561234567",
    "0007:\"5561234567\"",
];

fn scene() -> Scene {
    let mut documents = organisations();
    documents.push(participant(REGISTERED, "globex"));
    Scene::of(&documents)
}

/// A stranger's question whether a participant may be created.
fn create(id: &Value) -> Value {
    let mut question = about("rita", "createParticipant", "Organisation", "rival");
    question["context"] = json!({"environment": "PRODUCTION", "participant": id});
    question
}

/// Each way to write an entity.
fn forms(id: &str) -> [Value; 3] {
    let uid = json!({"type": "Peppol::ParticipantIdentifier", "id": id});
    [json!(id), uid.clone(), json!({"__entity": uid})]
}

/// How the surfaces say the same.
struct Asked {
    native: (u16, Value),
    authzen: Value,
    aws: (u16, Value),
}

fn asked(scene: &Scene, id: &str, form: &Value) -> Asked {
    let context = json!({"environment": "PRODUCTION", "participant": form});
    let evaluation = json!({
        "subject": {"type": "user", "id": "rita"}, "action": {"name": "create_participant"},
        "resource": {"type": "organisation", "id": "rival"}, "context": context,
    });
    let named =
        |kind: &str, id: &str| json!({"entityType": format!("Peppol::{kind}"), "entityId": id});
    let aws = json!({
        "policyStoreId": "any", "principal": named("User", "rita"), "resource": named("Organisation", "rival"),
        "action": {"actionType": "Peppol::Action", "actionId": "createParticipant"},
        "context": {"contextMap": {
            "environment": {"entityIdentifier": named("Environment", "PRODUCTION")},
            "participant": {"entityIdentifier": named("ParticipantIdentifier", id)},
        }},
    });
    let target = [("x-amz-target", "VerifiedPermissions.IsAuthorized")];
    let aws = scene.sidecar.send("/", &target, aws.to_string().as_bytes());
    let authzen = scene.sidecar.post("/access/v1/evaluation", &evaluation);
    Asked {
        native: scene.natively(&create(form)),
        authzen: authzen.json(),
        aws: (aws.status, aws.json()),
    }
}

#[test]
fn it_is_taken_in_each_spelling_and_refused_in_each_other() {
    let scene = scene();
    for id in SAME {
        for form in forms(id) {
            let Asked {
                native,
                authzen,
                aws,
            } = asked(&scene, id, &form);
            assert_eq!(
                (native.0, &native.1["reasons"][0]["code"]),
                (200, &json!("PARTICIPANT_TAKEN")),
                "{form}"
            );
            assert_eq!(authzen["context"]["codes"], json!(["PARTICIPANT_TAKEN"]));
            assert_eq!((aws.0, &aws.1["decision"]), (200, &json!("DENY")));
        }
    }
    for id in ODD {
        for form in forms(id) {
            let Asked {
                native,
                authzen,
                aws,
            } = asked(&scene, id, &form);
            assert_eq!(
                (native.0, &native.1["code"]),
                (400, &json!("MALFORMED_QUESTION")),
                "{form}: {}",
                native.1
            );
            let said = native.1["detail"].to_string();
            assert!(said.contains("`context.participant"), "{id}: {said}");
            assert_eq!(authzen["decision"], false, "{id}: {authzen}");
            let said = authzen["context"]["error"].to_string();
            assert!(said.contains("`context.participant"), "{id}: {said}");
            assert_eq!(aws.0, 400, "{id}: {}", aws.1);
            let said = aws.1["fieldList"].to_string();
            assert!(said.contains("context.participant"), "{id}: {said}");
        }
    }
    // One that is new is free, and has at most 130 characters.
    let longest = format!("0007:{}", "9a".repeat(65));
    for (id, status) in [("0007:5561234568.A_b~c-d", 200), (&longest, 200)] {
        let (found, answer) = scene.natively(&create(&json!(id)));
        assert_eq!(
            (found, &answer["decision"]),
            (status, &json!("Allow")),
            "{answer}"
        );
    }
    let (status, answer) = scene.natively(&create(&json!(format!("{longest}0"))));
    assert_eq!(status, 400, "{answer}");
}

/// A gateway reads it out of path and body.
#[test]
fn no_gateway_lets_it_be_registered_again() {
    let scene = scene();
    let create = |id: &str| {
        let body = json!({"participantIdentifier": id, "environment": "PROD"});
        let percent: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let requests = [
            ("POST /orgs/rival/participants".to_owned(), Some(&body)),
            (format!("PUT /api/v1-beta/{percent}/enroll"), None),
            (format!("PUT /{percent}"), None),
        ];
        requests.map(|(request, body)| scene.at_gateway("rita", &request, body))
    };
    for id in SAME.into_iter().chain(ODD) {
        for reply in create(id) {
            assert_eq!(reply.status, 403, "{id}: {}", reply.text);
        }
    }
    let [by_body, by_path, _] = create("0007:5561234568");
    assert_eq!((by_body.status, by_path.status), (200, 200));
}

/// As a participant it is its owner's in each spelling, and in each other it is nobody's.
#[test]
fn an_odd_spelling_is_no_other_party() {
    let scene = scene();
    for id in SAME.into_iter().chain(ODD) {
        let (status, answer) = scene.natively(&about("gina", "getParticipant", "Participant", id));
        let code = &answer["reasons"][0]["code"];
        let is_known = answer["decision"] == "Allow";
        assert_eq!(is_known, SAME.contains(&id), "{id}: {answer}");
        assert!(
            is_known || status == 400 || *code == json!("UNKNOWN_RESOURCE"),
            "{id}: {answer}"
        );
        let (_, answer) = scene.natively(&about("rita", "getParticipant", "Participant", id));
        assert_ne!(answer["decision"], "Allow", "{id}: {answer}");
    }
}

/// Two spellings are never two rows.
#[test]
fn no_document_has_it() {
    super::documents::over_both(|source| {
        let mut all = organisations();
        all.push(participant(REGISTERED, "globex"));
        super::documents::taken(source, &all);
        for id in SAME {
            // It is the same row, so that another owner moves it.
            super::documents::taken(source, &[participant(id, "globex")]);
        }
        for id in ODD {
            let authorization = json!({
                "type": "PARTY_AUTHORIZATION", "userId": "rita", "participantId": id, "name": "x",
                "permissions": {"canSendDocument": true, "canReceiveDocument": true,
                                "canRemoveDocument": true, "canManageHook": true},
            });
            let documents = [
                (participant(id, "rival"), "`id`"),
                (authorization, "`participantId`"),
            ];
            for (document, member) in documents {
                super::documents::refused(source, &[document], &[member]);
            }
        }
    });
}

/// A literal that nothing can be stored under would never match, nor would its forbid.
#[test]
fn no_policy_names_it() {
    let directory = tempfile::tempdir().unwrap();
    for (kind, reads) in [
        ("Participant", "resource is Peppol::Participant && resource"),
        (
            "ParticipantIdentifier",
            "context has participant && context.participant",
        ),
    ] {
        for id in ODD.into_iter().filter(|id| !id.contains(['"', '\\'])) {
            let action = match kind {
                "Participant" => "getParticipant",
                _ => "createParticipant",
            };
            let policy = format!(
                "@id(\"a/b\") @rule(\"USR-1\") permit (principal, action == Peppol::Action::\"{action}\", resource) \
                 when {{ {reads} == Peppol::{kind}::\"{id}\" }};"
            );
            std::fs::write(directory.path().join("a.cedar"), policy).unwrap();
            let mut check = crate::sidecar::program();
            check.args(["check", "--policies", directory.path().to_str().unwrap()]);
            let output = check.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{id}: {said}");
            assert!(
                said.contains("no entity can have this id")
                    || said.contains("not written as it is stored"),
                "{id}: {said}"
            );
        }
    }
}
