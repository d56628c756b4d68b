//! Each construct of a table, over the rules that the shipped policies hold.

use peppol_authz_engine::Failure;
use peppol_authz_engine::schema::Designation;
use serde_json::json;

use super::{Gate, LIMITS, Sent, brief_of, sent};
use crate::deciding::entity;

fn route(request: &str, ask: &str) -> String {
    format!("[[route]]\nrequest = \"{request}\"\n[[route.ask]]\n{ask}\n")
}

fn by_email(kind: &str, email: &str, request: &str) -> Sent {
    Sent {
        who: Designation {
            kind: kind.to_owned(),
            attribute: Some("email".to_owned()),
            value: email.to_owned(),
        },
        ..sent("", request)
    }
}

const GET: &str = "action = \"getOrganisation\"\nresource = { Organisation = \"{path.id}\" }";

#[test]
fn who_asks_may_be_known_by_an_attribute() {
    let gate = Gate::usual(&route("GET /orgs/{id}", GET));
    let get = "GET /orgs/acme";
    gate.assert_decides(&sent("anna", get), "Allow");
    gate.assert_decides(&by_email("User", "anna@acme.example", get), "Allow");
    gate.assert_decides(&by_email("Peppol::User", "ANNA@acme.EXAMPLE", get), "Allow");
    gate.assert_decides(
        &by_email("user", "bob@acme.example", get),
        "Deny UNKNOWN_PRINCIPAL",
    );
    gate.assert_decides(&by_email("user", "", get), "Deny UNKNOWN_PRINCIPAL");
    gate.assert_decides(
        &by_email("Nobody", "anna@acme.example", get),
        "Deny UNKNOWN_PRINCIPAL",
    );
    gate.assert_decides(&sent("bob", get), "Deny UNKNOWN_PRINCIPAL");
    // The sub-account exists, and may not get an organisation.
    let sub_account = by_email("SubAccount", "foo@bar.com", get);
    gate.assert_decides(&sub_account, "Deny ACTION_DOES_NOT_APPLY");
    for attribute in ["emailVerified", "nothing", "id"] {
        let mut who = by_email("User", "anna", get);
        who.who.attribute = Some(attribute.to_owned());
        let wanted = if attribute == "id" {
            "Allow"
        } else {
            "Deny UNKNOWN_PRINCIPAL"
        };
        gate.assert_decides(&who, wanted);
    }
}

/// Two users have the attribute: a choice of one could let in the other.
#[test]
fn an_attribute_that_two_share_names_neither() {
    let user = |id: &str, email: &str| {
        let attributes = json!({"id": id, "email": {"__entity": {"type": "Peppol::EmailAddress",
            "id": email}}, "emailVerified": true, "superadmin": true,
        "severalOrganisations": false});
        entity("Peppol::User", id, attributes, &[])
    };
    let organisation = json!({"id": "o", "mode": "DEMO", "contactTypes": [],
        "participantLimit": 1, "participants": 0});
    let mut entities = vec![entity("Peppol::Organisation", "o", organisation, &[])];
    entities.extend((0..40).map(|n| user(&format!("u-{n}"), &format!("{n}@b.c"))));
    let table = route("GET /orgs/{id}", GET);
    let who = by_email("User", "37@b.c", "GET /orgs/o");
    Gate::of(&json!(entities), &table).assert_decides(&who, "Allow");
    entities.push(user("u-other", "37@b.c"));
    Gate::of(&json!(entities), &table).assert_decides(&who, "Deny UNKNOWN_PRINCIPAL");
    // Too many to look at, and nobody can say that there is no second one.
    entities.truncate(41);
    let most = u32::try_from(LIMITS.candidates).unwrap();
    entities.extend((40..most * 2).map(|n| user(&format!("u-{n}"), &format!("{n}@b.c"))));
    let failure = Gate::of(&json!(entities), &table).try_decide(&who);
    assert!(matches!(failure, Err(Failure::TooWide(_))), "{failure:?}");
}

#[test]
fn what_belongs_elsewhere_is_unknown_there() {
    let table = route(
        "GET /orgs/{org}/aps/{ap}",
        "action = \"getAccessPoint\"\nresource = { AccessPoint = \"{path.ap}\" }\n\
         belongs = { organisation = \"{path.org}\" }",
    );
    let gate = Gate::usual(&table);
    gate.assert_decides(&sent("anna", "GET /orgs/acme/aps/own"), "Allow");
    for path in [
        "globex/aps/own",
        "acme/aps/platform",
        "acme/aps/none",
        "none/aps/own",
    ] {
        let get = format!("GET /orgs/{path}");
        gate.assert_decides(&sent("anna", &get), "Deny UNKNOWN_RESOURCE");
    }
}

#[test]
fn what_is_said_is_one_of_the_choices() {
    let table = route(
        "POST /orgs/{org}/participants",
        "action = \"createParticipant\"\nresource = { Organisation = \"{path.org}\" }\n\
         context.environment = { from = \"{body.environment}\", choices = { TEST = \"TEST\", PROD = \"PRODUCTION\" } }\n\
         context.participant = \"0088:new\"",
    );
    let gate = Gate::usual(&table);
    let post = |org: &str, environment: serde_json::Value| {
        let request = format!("POST /orgs/{org}/participants");
        sent("anna", &request).with(&json!({"environment": environment}))
    };
    gate.assert_decides(&post("acme", json!("TEST")), "Allow");
    gate.assert_decides(&post("acme", json!("PROD")), "Allow");
    gate.assert_decides(&post("globex", json!("TEST")), "Allow");
    gate.assert_decides(&post("globex", json!("PROD")), "Deny DEMO_NO_PRODUCTION");
    for other in [
        json!("PRODUCTION"),
        json!("prod"),
        json!(null),
        json!(1),
        json!(["PROD"]),
    ] {
        gate.assert_decides(&post("acme", other), "Deny REQUEST_MALFORMED");
    }
}

#[test]
fn each_element_is_asked_about() {
    let table = route(
        "POST /participants/delete",
        "action = \"deleteParticipant\"\nresource = { Participant = \"{each}\" }\n\
         each = \"{body.ids}\"",
    );
    let gate = Gate::usual(&table);
    let delete = |ids: serde_json::Value| {
        sent("anna", "POST /participants/delete").with(&json!({"ids": ids}))
    };
    gate.assert_decides(&delete(json!(["0088:abc"])), "Allow");
    gate.assert_decides(
        &delete(json!(["0088:ABC", "iso6523-actorid-upis::0088:def"])),
        "Allow",
    );
    gate.assert_decides(
        &delete(json!(["0088:abc", "0088:none"])),
        "Deny UNKNOWN_RESOURCE",
    );
    gate.assert_decides(
        &delete(json!(["0088:none", "0088:abc"])),
        "Deny UNKNOWN_RESOURCE",
    );
    for ids in [
        json!([]),
        json!(null),
        json!("0088:abc"),
        json!({"0": "0088:abc"}),
        json!([1]),
    ] {
        gate.assert_decides(&delete(ids), "Deny REQUEST_MALFORMED");
    }
    let many = vec!["0088:abc"; LIMITS.questions];
    gate.assert_decides(&delete(json!(many)), "Allow");
    let too_many = vec!["0088:abc"; LIMITS.questions + 1];
    gate.assert_decides(&delete(json!(too_many)), "Deny REQUEST_MALFORMED");
}

/// Parts that elements have in common count for each of them.
#[test]
fn a_long_text_is_not_read_for_each_of_many_elements() {
    let table = route(
        "POST /participants/delete",
        "action = \"deleteParticipant\"\nresource = { Participant = \"{each}\" }\n\
         each = \"{body.ids}\"\nwhen = { given = \"{body.reason}\" }",
    );
    let gate = Gate::usual(&table);
    let delete = |ids: usize| {
        let reason = "x".repeat(LIMITS.questions_bytes / 3 - 100);
        let body = json!({"ids": vec!["0088:abc"; ids], "reason": reason});
        sent("anna", "POST /participants/delete").with(&body)
    };
    gate.assert_decides(&delete(3), "Allow");
    gate.assert_decides(&delete(4), "Deny REQUEST_MALFORMED");
}

/// A name that the store does not hold is new, and one that it holds is looked at.
#[test]
fn an_optional_entity_is_left_out_where_it_is_unknown() {
    let table = route(
        "PUT /user",
        "action = \"putUser\"\nresource = { Organisation = \"{claim.organisation}\" }\n\
         context.user = { User = \"{body.name}\", optional = true }",
    );
    let gate = Gate::usual(&table);
    let put = |body: serde_json::Value| {
        let put = sent("anna", "PUT /user").with(&body);
        put.claiming(&json!({"organisation": "acme"}))
    };
    let context = |body| match &gate.drafts(&put(body), true)[0][0] {
        peppol_authz_engine::Drafted::Asked(draft) => draft.context.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(context(json!({"name": "new"})), 0);
    assert_eq!(context(json!({})), 0);
    assert_eq!(context(json!({"name": "anna"})), 1);
    let without_claim = sent("anna", "PUT /user").with(&json!({"name": "new"}));
    gate.assert_decides(&without_claim, "Deny REQUEST_MALFORMED");
    let other_claim = put(json!({})).claiming(&json!({"organisation": ["acme"]}));
    gate.assert_decides(&other_claim, "Deny REQUEST_MALFORMED");
}

#[test]
fn whether_the_store_holds_it_decides_what_is_asked() {
    let table = "[[route]]\nrequest = \"PUT /{party=*::*}\"\n\
         [[route.ask]]\naction = \"updateParticipant\"\nresource = { Participant = \"{path.party}\" }\n\
         when = { known = { Participant = \"{path.party}\" } }\n\
         [[route.ask]]\naction = \"createParticipant\"\nresource = { Organisation = \"{claim.organisation}\" }\n\
         context = { environment = \"TEST\", participant = \"{path.party}\" }\n\
         when = { unknown = { Participant = \"{path.party}\" } }\n";
    let gate = Gate::usual(table);
    let put = |party: &str, organisation: &str| {
        let put = sent("anna", &format!("PUT /{party}"));
        put.claiming(&json!({"organisation": organisation}))
    };
    let drafted = |sent: &Sent| {
        let drafts = gate.drafts(sent, true);
        drafts.iter().flatten().map(brief_of).collect::<Vec<_>>()
    };
    let known = put("iso6523-actorid-upis%3A%3A0088%3AABC", "acme");
    assert_eq!(drafted(&known), ["iso6523-actorid-upis::0088:abc", "-"]);
    gate.assert_decides(&known, "Allow");
    let new = put("iso6523-actorid-upis::0088:new", "acme");
    assert_eq!(drafted(&new), ["-", "acme"]);
    gate.assert_decides(&new, "Allow");
    gate.assert_decides(
        &put("iso6523-actorid-upis::0088:new", "none"),
        "Deny UNKNOWN_RESOURCE",
    );
}

/// "PROD" is no change of what is PRODUCTION, and what stands for nothing is one.
#[test]
fn what_is_set_may_have_other_names() {
    let table = route(
        "PUT /orgs/{org}/participants/{id}",
        "action = \"createAccessPoint\"\nresource = { Organisation = \"{path.org}\" }\n\
         context.environment = \"TEST\"\n\
         [route.ask.when]\nof = { Participant = \"{path.id}\" }\n\
         sets = { environment = { from = \"{body.environment}\", choices = { T = \"TEST\", P = \"PRODUCTION\" } } }",
    );
    let gate = Gate::usual(&table);
    let asked = |id: &str, environment: serde_json::Value| {
        let put = sent("anna", &format!("PUT /orgs/acme/participants/{id}"));
        let put = put.with(&json!({"environment": environment}));
        matches!(
            gate.drafts(&put, true)[0][0],
            peppol_authz_engine::Drafted::Asked(_)
        )
    };
    for (id, environment, is_asked) in [
        ("0088:abc", json!("T"), false),
        ("0088:abc", json!("P"), true),
        ("0088:def", json!("P"), false),
        ("0088:def", json!("T"), true),
        ("0088:def", json!("PRODUCTION"), true),
        ("0088:def", json!("p"), true),
        ("0088:def", json!(7), true),
        ("0088:new", json!("T"), true),
    ] {
        assert_eq!(
            asked(id, environment.clone()),
            is_asked,
            "{id} {environment}"
        );
    }
}

/// A question for which nothing of the table applies is not thereby allowed.
#[test]
fn a_request_of_which_nothing_is_asked_is_denied() {
    let table = route(
        "GET /orgs/{id}",
        &format!("{GET}\nwhen = {{ given = \"{{query.x}}\" }}"),
    );
    let gate = Gate::usual(&table);
    gate.assert_decides(&sent("anna", "GET /orgs/acme"), "Deny NOTHING_ASKED");
    gate.assert_decides(&sent("anna", "GET /orgs/acme?x="), "Allow");
    gate.assert_decides(
        &sent("anna", "GET /orgs/acme?x=1&x=1"),
        "Deny REQUEST_MALFORMED",
    );
    gate.assert_decides(
        &sent("anna", "GET /orgs/acme?X=1"),
        "Deny REQUEST_MALFORMED",
    );
}

#[test]
fn a_header_is_said_once() {
    let table = route(
        "GET /org",
        "action = \"getOrganisation\"\nresource = { Organisation = \"{header.x-org}\" }",
    );
    let gate = Gate::usual(&table);
    let get = |values: &[&[u8]]| {
        let mut get = sent("anna", "GET /org");
        get.headers = values
            .iter()
            .map(|value| ("x-org", value.to_vec()))
            .collect();
        get
    };
    gate.assert_decides(&get(&[b"acme"]), "Allow");
    gate.assert_decides(&get(&[b"globex"]), "Deny NOT_PERMITTED");
    for values in [
        &[][..],
        &[b"acme".as_slice(), b"acme"],
        &[b"acme".as_slice(), b"globex"],
        &[b"\xff".as_slice()],
        // It is no blank of HTTP, and so a part of the id.
        &["acme\u{a0}".as_bytes()],
    ] {
        gate.assert_decides(&get(values), "Deny REQUEST_MALFORMED");
    }
}

/// A service that does not regard case would take the other one.
#[test]
fn members_of_a_record_do_not_differ_in_case_alone() {
    let table = route(
        "PUT /user/{name}/party",
        "action = \"putPartyAuthorization\"\nresource = { Participant = \"{body.id}\" }\n\
         context = { user = \"{path.name}\", permissions = \"{body.permissions}\" }",
    );
    let gate = Gate::usual(&table);
    let mut permissions = json!({"canSendDocument": true, "canReceiveDocument": false,
        "canRemoveDocument": false, "canManageHook": false, "canChangeDocumentStatus": true});
    let drafted = |permissions: &serde_json::Value| {
        let body = json!({"id": "0088:abc", "permissions": permissions});
        let drafts = gate.drafts(&sent("anna", "PUT /user/anna/party").with(&body), true);
        brief_of(&drafts[0][0])
    };
    assert_eq!(drafted(&permissions), "iso6523-actorid-upis::0088:abc");
    permissions["CanManageHook"] = json!(true);
    assert_eq!(drafted(&permissions), "REQUEST_MALFORMED");
}

/// All questions have to be allowed, and the first code is that of the first in the table.
#[test]
fn one_denial_is_a_denial_of_all() {
    let two = |first: &str, second: &str| {
        let ask = |action: &str| {
            format!(
                "[[route.ask]]\naction = \"{action}\"\nresource = {{ Organisation = \"{{path.id}}\" }}\n"
            )
        };
        format!(
            "[[route]]\nrequest = \"POST /orgs/{{id}}\"\n{}{}",
            ask(first),
            ask(second)
        )
    };
    let post = sent("anna", "POST /orgs/globex");
    // An orgmember of an organisation in DEMO mode.
    let gate = Gate::usual(&two("listCertificates", "uploadCertificate"));
    gate.assert_decides(&post, "Deny DEMO_NO_CERTIFICATES");
    let gate = Gate::usual(&two("updateOrganisation", "uploadCertificate"));
    gate.assert_decides(&post, "Deny NOT_PERMITTED DEMO_NO_CERTIFICATES");
    let gate = Gate::usual(&two("uploadCertificate", "updateOrganisation"));
    gate.assert_decides(&post, "Deny DEMO_NO_CERTIFICATES NOT_PERMITTED");
    let gate = Gate::usual(&two("listCertificates", "listParticipants"));
    gate.assert_decides(&post, "Allow");
}

#[test]
fn an_obligation_is_handed_on_once() {
    let table = "[[route]]\nrequest = \"PUT /orgs/{id}\"\n\
         [[route.ask]]\naction = \"setOrganisationMode\"\nresource = { Organisation = \"{path.id}\" }\n\
         context.mode = \"SHARED\"\n\
         [[route.ask]]\naction = \"rejectModeChange\"\nresource = { Organisation = \"{path.id}\" }\n";
    let user = json!({"id": "root", "email": {"__entity": {"type": "Peppol::EmailAddress", "id": "r@b.c"}},
        "emailVerified": true, "superadmin": true,
        "severalOrganisations": false});
    let organisation = json!({"id": "o", "mode": "DEMO", "contactTypes": [], "participantLimit": 1,
        "participants": 0});
    let entities = json!([
        entity("Peppol::User", "root", user, &[]),
        entity("Peppol::Organisation", "o", organisation, &[]),
    ]);
    let decision = Gate::of(&entities, table).decide(&sent("root", "PUT /orgs/o"));
    assert_eq!(super::brief(&decision), "Allow");
    let obligations: Vec<_> = decision.obligations.iter().map(|o| &**o).collect();
    assert_eq!(obligations, ["CLEAR_MODE_CHANGE_REQUEST"]);
}
