//! Characters that nobody sees, and blanks at either end, in ids at every entrance.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{Scene, about, organisations, role, user};
use crate::sidecar::{Start, program};

/// One of each kind.
const UNSEEN: [&str; 29] = [
    "\u{1}",
    "\u{9}",
    "\u{a}",
    "\u{d}",
    "\u{1f}",
    "\u{7f}",
    "\u{80}",
    "\u{9f}",
    "\u{ad}",
    "\u{34f}",
    "\u{61c}",
    "\u{115f}",
    "\u{180e}",
    "\u{200b}",
    "\u{200d}",
    "\u{202e}",
    "\u{2060}",
    "\u{2066}",
    "\u{2800}",
    "\u{3164}",
    "\u{fe0f}",
    "\u{feff}",
    "\u{ffa0}",
    "\u{fffd}",
    "\u{ffff}",
    "\u{e000}",
    "\u{f0000}",
    "\u{e0041}",
    "\u{e0100}",
];

/// Each blank, and each unseen character behind, before and within a name.
fn spelt(name: &str) -> Vec<String> {
    let blanks = [
        " ", "\u{a0}", "\u{1680}", "\u{2003}", "\u{202f}", "\u{3000}",
    ];
    let ends = blanks.into_iter().chain(UNSEEN);
    let ends = ends.flat_map(|end| [format!("{name}{end}"), format!("{end}{name}")]);
    let (head, tail) = name.split_at(3);
    let within = UNSEEN
        .into_iter()
        .map(|unseen| format!("{head}{unseen}{tail}"));
    ends.chain(within).collect()
}

/// `victim` is an ApUser of the other organisation, of whom rita may do nothing.
fn scene() -> Scene {
    let mut documents = organisations();
    documents.extend([user("victim"), role("victim", "globex", "ApUser")]);
    Scene::of(&documents)
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn no_question_has_them() {
    let scene = scene();
    let put = |id: &str| {
        let mut question = about("rita", "putUser", "Organisation", "rival");
        question["context"] = json!({"user": id});
        question
    };
    let (status, answer) = scene.natively(&put("victim"));
    assert_eq!(
        (status, &answer["reasons"][0]["code"]),
        (200, &Value::from("NOT_YOUR_AP_USER"))
    );
    for id in spelt("victim") {
        let literal = format!("Peppol::User::\"{id}\"");
        for question in [
            put(&id),
            about(&id, "getOrganisation", "Organisation", "globex"),
            about("rita", "getOrganisation", "Organisation", &id),
            json!({"principal": literal, "action": "Peppol::Action::\"getOrganisation\"",
                   "resource": "Peppol::Organisation::\"globex\""}),
        ] {
            let (status, answer) = scene.natively(&question);
            assert_eq!(
                (status, &answer["code"]),
                (400, &Value::from("MALFORMED_QUESTION")),
                "{question}"
            );
        }
        let subject = json!({"type": "user", "id": "rita"});
        let resource = json!({"type": "organisation", "id": "rival"});
        for evaluation in [
            json!({"subject": subject, "action": {"name": "putUser"}, "resource": resource, "context": {"user": id}}),
            json!({"subject": subject, "action": {"name": "putUser", "properties": {"user": id}}, "resource": resource}),
            json!({"subject": {"type": "user", "id": id}, "action": {"name": "getOrganisation"}, "resource": resource}),
        ] {
            let answer = scene
                .sidecar
                .post("/access/v1/evaluation", &evaluation)
                .json();
            assert_eq!(answer["decision"], false, "{evaluation}: {answer}");
        }
        let named =
            |kind: &str, id: &str| json!({"entityType": format!("Peppol::{kind}"), "entityId": id});
        let aws = json!({
            "policyStoreId": "any", "principal": named("User", "rita"), "resource": named("Organisation", "rival"),
            "action": {"actionType": "Peppol::Action", "actionId": "putUser"},
            "context": {"contextMap": {"user": {"entityIdentifier": named("User", &id)}}},
        });
        let target = [("x-amz-target", "VerifiedPermissions.IsAuthorized")];
        let reply = scene.sidecar.send("/", &target, aws.to_string().as_bytes());
        assert_eq!(reply.status, 400, "{aws}: {}", reply.text);
    }
}

#[test]
fn no_request_at_a_gateway_has_them() {
    let scene = scene();
    let put = |body: &Value| {
        scene
            .at_gateway("rita", "PUT /api/v1/user", Some(body))
            .status
    };
    assert_eq!(put(&json!({"name": "new"})), 200);
    assert_eq!(put(&json!({"name": "victim"})), 403);
    // A body that does not say who is meant may mean anybody.
    for body in [
        json!({}),
        json!({"userName": "victim"}),
        json!({"name": null, "user": "victim"}),
    ] {
        assert_eq!(put(&body), 403, "{body}");
    }
    for id in spelt("victim") {
        assert_eq!(put(&json!({"name": id})), 403, "{id:?}");
        for request in [
            format!("DELETE /api/v1/user/{}", percent(&id)),
            format!("GET /orgs/{}", percent(&id)),
        ] {
            let reply = scene.at_gateway("rita", &request, None);
            assert_eq!(reply.status, 403, "{request}: {}", reply.text);
        }
    }
}

/// The claims of a token, and what a gateway's header says.
#[test]
fn nobody_is_named_with_them() {
    let scene = scene();
    let key = crate::gateway::tokens::Key::new();
    std::fs::write(scene.sidecar.path("keys.json"), key.set().to_string()).unwrap();
    let start = Start::new().documents(&organisations());
    let path = start.path("config.toml");
    let header = |name: &str, rest: &str| {
        format!("{{endpoint = \"traefik\", from = [\"127.0.0.1\"], name = \"{name}\", {rest}}}")
    };
    let headers = [
        header("X-User", "type = \"User\""),
        header("X-Email", "type = \"User\", attribute = \"email\""),
    ];
    std::fs::write(
        &path,
        format!("[gateway]\nheader = [{}]\n", headers.join(", ")),
    )
    .unwrap();
    let sidecar = start.with(&["--config", path.to_str().unwrap()]).start();
    let named = |header: &str, value: &str| {
        let headers = [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/orgs/rival"),
            (header, value),
        ];
        sidecar.send("/authz/traefik", &headers, b"").status
    };
    assert_eq!(
        (named("x-user", "rita"), named("x-email", "RITA@x.example")),
        (200, 200)
    );
    // Those that a header can have at all, and that no parser takes off.
    for unseen in UNSEEN
        .into_iter()
        .filter(|unseen| unseen.chars().all(|c| c > '\u{7f}'))
    {
        assert_eq!(named("x-user", &format!("rita{unseen}")), 403, "{unseen:?}");
        assert_eq!(
            named("x-email", &format!("ri{unseen}ta@x.example")),
            403,
            "{unseen:?}"
        );
    }
}

/// Literals, and entities in a file, are checked at the start.
#[test]
fn no_policy_and_no_file_of_entities_has_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(
        path("s.cedarschema"),
        "entity U; entity D; action read appliesTo { principal: U, resource: D };",
    )
    .unwrap();
    std::fs::write(
        path("ok.cedar"),
        "@id(\"ok\")\npermit (principal, action, resource);\n",
    )
    .unwrap();
    let check = |policies: &str, schema: &str| {
        let mut command = program();
        command.args(["check", "--policies", policies, "--schema", schema]);
        let output = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        (output.status.code(), said.into_owned())
    };
    assert_eq!(check(&path("ok.cedar"), &path("s.cedarschema")).0, Some(0));
    for escape in ["\\u{1f}", "\\u{200b}", "\\u{a0}", "\\n", "\\0", " "] {
        let text =
            format!("@id(\"p\") forbid (principal == U::\"victim{escape}\", action, resource);");
        std::fs::write(path("p.cedar"), text).unwrap();
        let (code, said) = check(&path("p.cedar"), &path("s.cedarschema"));
        assert_eq!(code, Some(3), "{escape}: {said}");
        assert!(said.contains("no entity can have this id"), "{said}");
        let text = format!(
            "entity U enum [\"a{escape}\"]; entity D; action read appliesTo {{ principal: U, resource: D }};"
        );
        std::fs::write(path("e.cedarschema"), text).unwrap();
        let (code, said) = check(&path("ok.cedar"), &path("e.cedarschema"));
        assert_eq!(code, Some(3), "{escape}: {said}");
    }
    let entities =
        json!([{"uid": {"type": "U", "id": "victim\u{200b}"}, "attrs": {}, "parents": []}]);
    std::fs::write(path("e.json"), entities.to_string()).unwrap();
    let source = format!("entities:{}", path("e.json"));
    let (code, said) = Start::new()
        .with(&[
            "--tenancy",
            &source,
            "--policies",
            &path("ok.cedar"),
            "--schema",
            &path("s.cedarschema"),
        ])
        .fails();
    assert_ne!(code, 0);
    assert!(said.contains("U+200B"), "{said}");
}

/// Another program may have written one: nobody is it, and nobody can be asked about it.
#[test]
fn what_the_database_holds_of_them_is_nobody() {
    let start = Start::new().documents(&organisations());
    let path = start.path("config.toml");
    let header = "[gateway]\nheader = [{endpoint = \"traefik\", from = [\"127.0.0.1\"], name = \"X-Email\", \
                  type = \"User\", attribute = \"email\"}]\n";
    std::fs::write(&path, header).unwrap();
    let sidecar = start.with(&["--config", path.to_str().unwrap()]).start();
    let connection = rusqlite::Connection::open(sidecar.path("tenancy.db")).unwrap();
    connection
        .execute_batch(
            "INSERT INTO registered_user VALUES ('rita' || char(8203), 1, 0);
             INSERT INTO account (email, user_id) VALUES ('other@x.example', 'rita' || char(8203));
             INSERT INTO membership VALUES ('rita' || char(8203), 'rival', 'orgadmin');",
        )
        .unwrap();
    let named = |value: &str| {
        let headers = [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/orgs/rival"),
            ("x-email", value),
        ];
        sidecar.send("/authz/traefik", &headers, b"").status
    };
    assert_eq!(
        (named("rita@x.example"), named("other@x.example")),
        (200, 403)
    );
    let search = json!({
        "principal": {"type": "Peppol::User"}, "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"rival\"",
    });
    let found = sidecar.post("/v1/search", &search).json();
    assert_eq!(
        found["results"],
        json!([{"type": "Peppol::User", "id": "rita"}])
    );
}
