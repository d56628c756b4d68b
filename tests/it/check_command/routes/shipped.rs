//! The shipped table: what each endpoint of the source systems is asked as, listed from their
//! documents and not from the table.

use std::sync::{Arc, LazyLock};

use peppol_authz_engine::policy::routes::{RequestTarget, Route, Routes};
use peppol_authz_engine::policy::{Sources, load};

use crate::author::Author;

static ROUTES: LazyLock<Arc<Routes>> =
    LazyLock::new(|| load(&Sources::shipped()).unwrap().routes.unwrap());

/// The actions that a request is asked as, in order; `public` for one that is.
fn actions(route: &Route) -> String {
    if route.public.is_some() {
        return "public".to_owned();
    }
    let names = route.asks.iter().map(|ask| {
        let name: &str = ask.action.id().as_ref();
        name.to_owned()
    });
    names.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn asked(request: &str) -> Option<String> {
    let (method, target) = request.split_once(' ').unwrap();
    let target = RequestTarget::parse(target).unwrap();
    let (route, _) = ROUTES.find(method, &target)?;
    Some(actions(route))
}

#[track_caller]
fn assert_asked(cases: &[(&str, &str)]) {
    for (request, expected) in cases {
        assert_eq!(asked(request).as_deref(), Some(*expected), "{request}");
    }
}

#[test]
fn it_is_without_a_fault() {
    let ended = Author::empty().run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = format!(", {} routes, ", ROUTES.all().len());
    assert!(ended.stdout.contains(&said), "{ended:?}");
}

/// Seeds A and B.
#[test]
fn organisations() {
    assert_asked(&[
        ("POST /orgs", "createOrganisation"),
        (
            "GET /orgs/a33d7cda-c8f4-461c-b001-33ebd034144f",
            "getOrganisation",
        ),
        ("HEAD /orgs/o-1", "getOrganisation"),
        (
            "PUT /orgs/a33d7cda-c8f4-461c-b001-33ebd034144f",
            "updateOrganisation requestModeChange setOrganisationMode rejectModeChange",
        ),
        ("GET /orgs/o/members", "listMembers"),
        ("POST /orgs/o/members", "grantMembership"),
        ("PUT /orgs/o/members/u", "changeMemberRole"),
        ("DELETE /orgs/o/members/u", "revokeMembership"),
        ("POST /orgs/o/leave", "leaveOrganisation"),
        ("PUT /orgs/o/members/u/ap-manager", "grantApManager"),
        ("DELETE /orgs/o/members/u/ap-manager", "revokeApManager"),
        ("GET /orgs/o/invitations", "listInvitations"),
        ("POST /orgs/o/invitations", "inviteMember"),
        ("DELETE /orgs/o/invitations/i", "withdrawInvitation"),
        ("POST /invitations/i/accept", "acceptInvitation"),
        ("GET /orgs/o/transactions", "listDocuments"),
    ]);
}

/// Seed C.
#[test]
fn user_management() {
    assert_asked(&[
        ("GET /api/v1/user", "listUsers"),
        ("PUT /api/v1/user", "putUser"),
        ("DELETE /api/v1/user/bob", "deleteUser"),
        ("GET /api/v1/user/bob/party", "listPartyAuthorizations"),
        ("PUT /api/v1/user/bob/party", "putPartyAuthorization"),
        (
            "DELETE /api/v1/user/bob/party/0106%3A12345678",
            "removePartyAuthorization",
        ),
    ]);
}

/// Seed D.
#[test]
fn sub_accounts() {
    let entity = "/legal-entities/123e4567-e89b-12d3-a456-426614174000";
    assert_asked(&[
        (
            &format!("POST {entity}/sub-accounts"),
            "createSubAccount createSubAccount addSubAccount",
        ),
        (
            &format!("POST /be{entity}/sub-accounts"),
            "createSubAccount createSubAccount addSubAccount",
        ),
        (&format!("GET {entity}/sub-accounts"), "listSubAccounts"),
        (&format!("GET /be{entity}/sub-accounts"), "listSubAccounts"),
        (
            &format!("DELETE {entity}/sub-accounts/foo@bar.com"),
            "removeSubAccount",
        ),
        (
            &format!("DELETE /be{entity}/sub-accounts/foo@bar.com"),
            "removeSubAccount",
        ),
        ("PUT /sub-accounts/sa-1/full-access", "setFullAccess"),
        ("GET /invoices", "listDocuments"),
        ("GET /be/credit-notes", "listDocuments"),
        ("GET /it/despatch-advice", "listDocuments"),
        ("GET /order-response", "listDocuments"),
        ("POST /legal-entities", "createLegalEntity"),
        ("GET /legal-entities", "listLegalEntities"),
        (&format!("GET {entity}"), "getLegalEntity"),
        (&format!("PUT {entity}"), "updateLegalEntity"),
        (&format!("DELETE {entity}"), "deleteLegalEntity"),
        ("GET /invoices/d-1", "viewDocument"),
        ("GET /be/credit-notes/d-1/source", "viewDocument"),
        ("GET /it/despatch-advice/d-1", "viewDocument"),
        ("GET /orders/d-1/source", "viewDocument"),
        ("GET /order-response/d-1", "viewDocument"),
    ]);
}

/// The other routes of the same products.
#[test]
fn the_rest_of_the_products() {
    let party = "iso6523-actorid-upis%3A%3A0088%3A5798000000001";
    let document = "busdox-docid-qns%3A%3Aurn%3Ax%3A%3AInvoice%23%23urn%3A%3A2.1";
    for (request, expected) in [
        ("GET /orgs/o/certificates", "listCertificates"),
        ("POST /orgs/o/certificates", "uploadCertificate"),
        ("GET /orgs/o/certificates/c", "listCertificates"),
        ("PUT /orgs/o/certificates/c", "uploadCertificate"),
        (
            "POST /orgs/o/certificates/batch_delete",
            "deleteCertificate",
        ),
        ("POST /orgs/o/aps", "createAccessPoint"),
        ("GET /orgs/o/aps/a", "getAccessPoint"),
        (
            "PUT /orgs/o/aps/a",
            "updateAccessPoint createAccessPoint createAccessPoint",
        ),
        ("POST /orgs/o/aps/batch-delete", "deleteAccessPoint"),
        ("GET /orgs/o/participants", "listParticipants"),
        (
            "POST /orgs/o/participants",
            "createParticipant createParticipant",
        ),
        ("GET /orgs/o/participants/0007:1", "getParticipant"),
        (
            "PUT /orgs/o/participants/0007:1",
            "updateParticipant updateParticipant createParticipant createParticipant updateParticipant",
        ),
        (
            "GET /orgs/o/participants/0007:1/supported_document_types",
            "getParticipant",
        ),
        (
            "PUT /orgs/o/participants/0007:1/supported_document_types",
            "updateParticipant",
        ),
        (
            "POST /orgs/o/participants/batch-delete",
            "deleteParticipant",
        ),
        ("POST /orgs/o/transactions?ap=ap-1", "sendDocument"),
        ("GET /orgs/o/transactions/t", "viewDocument"),
        ("GET /orgs/o/transactions/t/artefacts", "viewDocument"),
        ("GET /api/v1/peppol/config/party", "listParticipants"),
        ("GET /api/v1/peppol/config/party/p", "getParticipant"),
        ("PUT /api/v1/peppol/config/party/p", "updateParticipant"),
        ("DELETE /api/v1/peppol/config/party/p", "deleteParticipant"),
        (
            "PUT /api/v1-beta/p/enroll",
            "updateParticipant createParticipant",
        ),
        ("GET /api/v1/p/hook", "manageHook"),
        ("PUT /api/v1/p/hook", "manageHook"),
        ("DELETE /api/v1/p/hook/h", "manageHook"),
        ("GET /api/v1/p/hook/ping", "manageHook"),
        ("POST /api/v1/p/salesInvoice/send", "sendDocument"),
        (
            "POST /api/v1/p/salesInvoice/queryRecipientParty",
            "sendDocument",
        ),
        ("POST /api/v1/p/salesInvoice/recognize", "sendDocument"),
        ("GET /api/v1/p/salesInvoice/d/status", "sendDocument"),
        ("POST /api/v1/p/purchaseOrder/send", "sendDocument"),
        (
            "POST /api/v1/p/purchaseOrder/queryRecipientParty",
            "sendDocument",
        ),
        ("POST /api/v1/p/purchaseOrder/d/cancel", "sendDocument"),
        ("GET /api/v1/p/purchaseOrder/d/status", "sendDocument"),
        (
            "POST /api/v1/p/purchaseInvoice/queryRecipientParty",
            "receiveDocument",
        ),
        ("POST /api/v1-beta/p/generic/send", "sendDocument"),
        (
            "GET /api/v1/p/purchaseInvoice/d/download",
            "receiveDocument",
        ),
        ("GET /api/v1/p/purchaseInvoice/d/status", "receiveDocument"),
        (
            "POST /api/v1/p/purchaseInvoice/recognize",
            "receiveDocument",
        ),
        ("GET /api/v1/p/salesOrder/d/download", "receiveDocument"),
        ("GET /api/v1/p/salesOrder/d/status", "receiveDocument"),
        ("POST /api/v1/p/salesOrder/d/response", "receiveDocument"),
        (
            "POST /api/v1/p/salesOrder/queryRecipientParty",
            "receiveDocument",
        ),
        ("POST /api/v1-beta/p/generic/receive", "receiveDocument"),
        ("GET /api/v1-beta/p/generic/d/download", "receiveDocument"),
        ("DELETE /api/v1/p/purchaseInvoice/d", "removeDocument"),
        ("DELETE /api/v1/p/salesOrder/d", "removeDocument"),
        ("GET /legal-entities/l/smp", "getLegalEntity"),
        ("GET /{sg}", "public"),
        ("GET /complete/{sg}", "public"),
        ("GET /{sg}/services/{doctype}", "public"),
        ("GET /bdxr-smp-2/{sg}", "public"),
        ("GET /bdxr-smp-2/{sg}/services/{doctype}", "public"),
        (
            "PUT /{sg}?create-in-sml=false",
            "updateParticipant createParticipant",
        ),
        ("DELETE /{sg}?delete-in-sml=true", "deleteParticipant"),
        ("PUT /{sg}/services/{doctype}", "updateParticipant"),
        ("DELETE /{sg}/services", "updateParticipant"),
        ("DELETE /{sg}/services/{doctype}", "updateParticipant"),
        (
            "DELETE /{sg}/services/{doctype}/process",
            "updateParticipant",
        ),
        ("GET /businesscard/{sg}", "public"),
        ("PUT /businesscard/{sg}", "updateParticipant"),
        ("DELETE /businesscard/{sg}", "updateParticipant"),
        ("POST /businesscard/{sg}/push", "updateParticipant"),
        ("GET /{sg}/customproperties", "public"),
        ("GET /{sg}/customproperties/name", "public"),
        ("PUT /{sg}/customproperties", "updateParticipant"),
        (
            "PUT /{sg}/customproperties/public/name",
            "updateParticipant",
        ),
        ("DELETE /{sg}/customproperties", "updateParticipant"),
        ("DELETE /{sg}/customproperties/name", "updateParticipant"),
        ("PUT /migration/outbound/start/{sg}", "updateParticipant"),
        ("PUT /migration/outbound/cancel/{sg}", "updateParticipant"),
        ("PUT /migration/outbound/finalize/{sg}", "deleteParticipant"),
        (
            "PUT /migration/inbound/{sg}/key",
            "updateParticipant createParticipant",
        ),
        ("GET /smpquery/{sg}", "public"),
        ("GET /smpquery/{sg}/{doctype}", "public"),
        ("GET /businesscardquery/{sg}", "public"),
    ] {
        let request = request
            .replace("{sg}", party)
            .replace("{doctype}", document);
        assert_asked(&[(&request, expected)]);
    }
}

#[test]
fn what_is_not_in_it_is_not_found() {
    let party = "iso6523-actorid-upis%3A%3A0088%3A5798000000001";
    for request in [
        "GET /",
        "GET /orgs",
        "DELETE /orgs/o-1",
        "post /orgs",
        "TRACE /orgs",
        "POST /Orgs",
        "POST /orgs%20",
        "GET /orgs/o/aps",
        // None of an Access Point or a transaction that is called so.
        "GET /orgs/o/aps/alltouse",
        "HEAD /orgs/o/aps/alltouse",
        "GET /orgs/o/transactions/from_network",
        "GET /orgs/o/webhooks",
        "GET /api/v1/me",
        "POST /api/v1/p/purchaseInvoice/d/response",
        "GET /api/v1/hook",
        "GET /document-types",
        // It does not say as which participant.
        "PUT /legal-entities/l/smp",
        "POST /be/invoices/outgoing/ubl",
        "GET /fr/invoices",
        "GET /fr/invoices/d-1",
        // No participant.
        "PUT /0088",
        "GET /status",
        "GET /list/anna",
        "GET /servicegroupids/all",
        "GET /exchange/export/all/xml/v1",
        "PUT /exchange/import/xml/v1/anna",
        "PUT /migration/inbound",
        &format!("POST /{party}"),
        &format!("GET /{party}/services"),
    ] {
        assert_eq!(asked(request), None, "{request}");
    }
}

#[test]
fn parameters_are_what_the_path_says_once_decoded() {
    let text =
        "/iso6523-actorid-upis%3A%3a0088:AbC/services/busdox-docid-qns%3A%3Aa%23%23b%3A%3A2.1";
    let target = RequestTarget::parse(text).unwrap();
    let (route, captures) = ROUTES.find("PUT", &target).unwrap();
    assert_eq!(&*route.request, "PUT /{party=*::*}/services/{documentType}");
    assert_eq!(
        captures.get("party"),
        Some("iso6523-actorid-upis::0088:AbC")
    );
    assert_eq!(
        captures.get("documentType"),
        Some("busdox-docid-qns::a##b::2.1")
    );
    assert_eq!(captures.get("services"), None);
    assert!(!route.reads_body);
}

#[test]
fn a_route_says_whether_its_body_is_read() {
    for (request, expected) in [
        ("PUT /orgs/o-1", true),
        ("POST /orgs/o-1/aps", true),
        ("POST /orgs/o-1/aps/batch-delete", true),
        ("PUT /api/v1/user", true),
        ("POST /legal-entities/l/sub-accounts", true),
        ("GET /orgs/o-1", false),
        ("POST /orgs", false),
        ("PUT /api/v1-beta/p/enroll", false),
    ] {
        let (method, target) = request.split_once(' ').unwrap();
        let target = RequestTarget::parse(target).unwrap();
        let (route, _) = ROUTES.find(method, &target).unwrap();
        assert_eq!(route.reads_body, expected, "{request}");
    }
}
