//! `explain`, as a person reads it and as a program does.

use serde_json::{Value, json};

use crate::author::{Author, Ended};

/// A user who is ApUser of an organisation and may receive for one of its parties.
fn documents() -> String {
    let permissions = json!({
        "canSendDocument": false, "canReceiveDocument": true,
        "canRemoveDocument": false, "canManageHook": false,
    });
    let participant = "iso6523-actorid-upis::0088:party";
    let documents = [
        json!({"type": "USER", "id": "mia", "email": "mia@x.example", "emailVerified": true, "superadmin": false}),
        json!({"type": "ORGANISATION", "id": "org-3", "legalIdentifierCode": "SE_ORGNR", "legalIdentifier": "550000-0001", "organisationMode": "SHARED", "modeChangeRequest": null, "contacts": []}),
        json!({"type": "MEMBERSHIP", "userId": "mia", "organisationId": "org-3", "memberRole": "ApUser"}),
        json!({"type": "ACCESS_POINT", "id": "test", "environment": "TEST", "organisationId": null}),
        json!({"type": "PARTICIPANT", "id": participant, "organisationId": "org-3", "environment": "TEST"}),
        json!({"type": "PARTY_AUTHORIZATION", "userId": "mia", "participantId": participant, "name": "party", "permissions": permissions}),
    ];
    documents
        .iter()
        .map(|document| format!("{document}\n"))
        .collect()
}

fn author() -> Author {
    let author = Author::empty();
    author.write("tenancy.ndjson", &documents());
    let ended = author.run(&["import", "--tenancy", "sqlite:t.db", "tenancy.ndjson"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    author
}

fn explain(author: &Author, principal: &str, action: &str, more: &[&str]) -> Ended {
    let principal = format!("Peppol::User::\"{principal}\"");
    let asked = [
        "explain",
        "--tenancy",
        "sqlite:t.db",
        "--principal",
        &principal,
        "--action",
        action,
        "--resource",
        "Peppol::Participant::\"iso6523-actorid-upis::0088:party\"",
        "--context",
        "{\"accessPoint\": \"test\"}",
    ];
    author.run(&[&asked[..], more].concat())
}

/// Lines of the output, in this order, others between them.
fn assert_lines(ended: &Ended, wanted: &[&str]) {
    let mut lines = ended.stdout.lines();
    for line in wanted {
        assert!(
            lines.any(|found| found == *line),
            "no `{line}`:\n{}",
            ended.stdout
        );
    }
}

#[test]
fn an_ap_user_without_the_flag_is_told_that_it_lacks() {
    let ended = explain(&author(), "mia", "sendDocument", &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_lines(
        &ended,
        &[
            "Deny",
            "  because NOT_PERMITTED  GEN-3  nothing permits this",
            "permits that could have applied",
            "exchange/ap-user-sends  PTY-4  policies/exchange.cedar:21",
            "  holds  Peppol::User::\"mia\".getTag(\"org-3\").contains(Peppol::MemberRole::\"ApUser\")",
            "  lacks  Peppol::Participant::\"iso6523-actorid-upis::0088:party\".getTag(\"mia\").canSendDocument",
            "         `canSendDocument` in tag `mia` of `Peppol::Participant::\"iso6523-actorid-upis::0088:party\"` is `false`; it would have to be `true`",
            "  then   Allow",
            "exchange/members-send-and-receive  USR-5  policies/exchange.cedar:3",
            "         tag `org-3` of `Peppol::User::\"mia\"` is `[Peppol::MemberRole::\"ApUser\"]`; it would have to contain `Peppol::MemberRole::\"orgadmin\"`",
            "         or tag `org-3` of `Peppol::User::\"mia\"` is `[Peppol::MemberRole::\"ApUser\"]`; it would have to contain `Peppol::MemberRole::\"orgmember\"`",
        ],
    );
}

#[test]
fn a_permit_is_shown_with_its_source_and_what_it_read() {
    let ended = explain(&author(), "mia", "receiveDocument", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_lines(
        &ended,
        &[
            "Allow",
            "exchange/ap-user-receives  PTY-4  policies/exchange.cedar:41",
            "  | @id(\"exchange/ap-user-receives\")",
            "  resource.organisation = Peppol::Organisation::\"org-3\"",
            "  resource.organisation.id = \"org-3\"",
            "  principal.getTag(resource.organisation.id) = [Peppol::MemberRole::\"ApUser\"]",
            "  resource.getTag(principal.id).canReceiveDocument = true",
        ],
    );
}

#[test]
fn who_is_not_there_is_named() {
    let ended = explain(&author(), "nobody", "sendDocument", &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_lines(&ended, &["Deny", "there is no Peppol::User::\"nobody\""]);
}

#[test]
fn a_program_gets_what_the_wire_has() {
    let ended = explain(&author(), "mia", "sendDocument", &["--json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(answer["decision"], "Deny");
    let near = &answer["explanation"]["near"][0];
    assert_eq!(near["policy"], "exchange/ap-user-sends");
    assert_eq!(near["checked"], true);
    assert_eq!(
        near["ways"][0]["met"][0],
        json!({
            "changes": [{
                "entity": {"type": "Peppol::Participant", "id": "iso6523-actorid-upis::0088:party"},
                "tag": "mia",
                "value": {"canSendDocument": true, "canReceiveDocument": true,
                          "canRemoveDocument": false, "canManageHook": false},
            }],
            "decision": "Allow",
            "reasons": [{"rule": "PTY-4", "policy": "exchange/ap-user-sends", "message": null}],
        })
    );
}

#[test]
fn authorize_explains_a_question_that_asks_for_it_and_no_other() {
    let author = author();
    let mut question = json!({
        "principal": "Peppol::User::\"mia\"",
        "action": "Peppol::Action::\"sendDocument\"",
        "resource": "Peppol::Participant::\"iso6523-actorid-upis::0088:party\"",
        "context": {"accessPoint": "test"},
    });
    for (explain, wanted) in [(None, false), (Some(false), false), (Some(true), true)] {
        question["explain"] = json!(explain);
        author.write("question.json", &question.to_string());
        let ended = author.run(&[
            "authorize",
            "--tenancy",
            "sqlite:t.db",
            "--json",
            "question.json",
        ]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(answer.get("explanation").is_some(), wanted, "{answer}");
    }
}

#[test]
fn what_is_no_question_is_not_explained() {
    let ended = explain(&author(), "mia", "fly", &[]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(1), ""),
        "{ended:?}"
    );
    let ended = author().run(&["explain", "--tenancy", "sqlite:t.db"]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
    // An id alone: the schema says of which type it could be.
    let (mia, org) = ("Peppol::User::\"mia\"", "Peppol::Organisation::\"org-3\"");
    for (principal, resource, said) in [
        ("mia", org, "`principal`: an entity is wanted: "),
        ("mia", org, "; did you mean Peppol::User::\"mia\"?\n"),
        (
            mia,
            "org-3",
            "; did you mean Peppol::Organisation::\"org-3\"?\n",
        ),
    ] {
        let ended = author().run(&[
            "explain",
            "--tenancy",
            "sqlite:t.db",
            "--principal",
            principal,
            "--action",
            "getOrganisation",
            "--resource",
            resource,
        ]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
}

#[test]
fn what_is_decided_then_is_told_of_each_change_where_it_differs() {
    let author = Author::new();
    author.write(
        "schema/peppol.cedarschema",
        "entity User = { roles: Set<String>, away: Bool };
         entity Desk;
         action open appliesTo { principal: User, resource: Desk };",
    );
    author.write(
        "policies/desk.cedar",
        "@id(\"desk/opens\") permit (principal, action, resource)
         when { principal.roles.containsAny([\"guest\", \"owner\"]) && !principal.away };
         @id(\"desk/no-guests\") @code(\"NO_GUESTS\") forbid (principal, action, resource)
         when { principal.roles.contains(\"guest\") };",
    );
    std::fs::remove_file(author.path("policies/rules.toml")).unwrap();
    let entities = json!([
        {"uid": {"type": "User", "id": "ann"}, "attrs": {"roles": [], "away": true}, "parents": []},
        {"uid": {"type": "Desk", "id": "red"}, "attrs": {}, "parents": []},
    ]);
    author.write("entities.json", &entities.to_string());
    let ended = author.run(&[
        "explain",
        "--tenancy",
        "entities:entities.json",
        "--principal",
        "User::\"ann\"",
        "--action",
        "open",
        "--resource",
        "Desk::\"red\"",
    ]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_lines(
        &ended,
        &[
            "desk/opens  policies/desk.cedar:1",
            "  lacks  User::\"ann\".roles.containsAny([\"guest\", \"owner\"])",
            "         `roles` of `User::\"ann\"` is `[]`; it would have to contain `\"guest\"`",
            "         or `roles` of `User::\"ann\"` is `[]`; it would have to contain `\"owner\"`",
            "  lacks  !(User::\"ann\".away)",
            "         `away` of `User::\"ann\"` is `true`; it would have to be `false`",
            "  with   `roles` of `User::\"ann\"` = [\"guest\"]",
            "  with   `away` of `User::\"ann\"` = false",
            "  then   Deny because NO_GUESTS  desk/no-guests",
            "  with   `roles` of `User::\"ann\"` = [\"owner\"]",
            "  then   Allow",
        ],
    );
}

#[test]
fn what_is_too_much_work_is_said_and_long_values_only_begin() {
    let author = Author::new();
    author.write(
        "schema/peppol.cedarschema",
        "entity User = { roles: Set<String>, away: Bool };
         entity Desk;
         action open appliesTo { principal: User, resource: Desk };",
    );
    author.write(
        "policies/desk.cedar",
        "@id(\"desk/opens\") permit (principal, action, resource)
         when { !principal.roles.isEmpty() && principal.roles.contains(\"owner\") && principal.away };",
    );
    std::fs::remove_file(author.path("policies/rules.toml")).unwrap();
    let explained = |roles: usize| {
        let roles: Vec<String> = (0..roles).map(|role| format!("role-{role}")).collect();
        let attributes = json!({"roles": roles, "away": true});
        let entities = json!([
            {"uid": {"type": "User", "id": "ann"}, "attrs": attributes, "parents": []},
            {"uid": {"type": "Desk", "id": "red"}, "attrs": {}, "parents": []},
        ]);
        author.write("entities.json", &entities.to_string());
        let asked = ["explain", "--tenancy", "entities:entities.json"];
        let principal = ["--principal", "User::\"ann\"", "--action", "open"];
        let ended =
            author.run(&[&asked[..], &principal, &["--resource", "Desk::\"red\""]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stdout.len() < 10_000, "{}", ended.stdout.len());
        ended
    };
    let cut = "to explain it to the end is too much work: there may be more to tell";
    let whole = explained(2_000);
    assert!(whole.stdout.contains("  then   Allow"), "{whole:?}");
    assert!(
        whole.stdout.contains('…') && !whole.stdout.contains(cut),
        "{whole:?}"
    );
    assert_lines(
        &explained(80_000),
        &["desk/opens  policies/desk.cedar:1", "  and others", cut],
    );
}
