//! Headers and certificates by which a gateway names the principal, and the peers that are trusted to.

use super::{ask, is_denied, is_subject, of_acme, start};
use crate::sidecar::Start;

const HEADER: &str =
    "[[gateway.header]]\nendpoint = \"nginx\"\nname = \"X-User\"\ntype = \"User\"\n";

fn certificate(from: &str, pattern: &str) -> String {
    format!(
        "[[gateway.certificate]]\nendpoint = \"envoy\"\nfrom = [{from}]\n{pattern}\ntype = \"User\"\n"
    )
}

#[test]
fn a_header_is_believed_from_its_peers_alone() {
    for (from, is_believed) in [
        ("\"127.0.0.1\"", true),
        ("\"127.0.0.0/8\"", true),
        ("\"10.0.0.0/8\", \"127.0.0.1/32\"", true),
        ("\"10.0.0.0/8\", \"::1\"", false),
        ("\"127.0.0.2\"", false),
        ("\"unix\"", false),
    ] {
        let sidecar = start(&format!("{HEADER}from = [{from}]")).start();
        let reply = of_acme(&sidecar, &[("x-user", "anna")]);
        if is_believed {
            is_subject(&reply, "anna");
        } else {
            is_denied(&reply, 401, "TOKEN_MISSING");
            let both = [("x-user", "anna"), ("x-user", "root")];
            is_denied(&of_acme(&sidecar, &both), 401, "TOKEN_MISSING");
        }
    }
}

#[test]
fn a_header_is_believed_on_its_endpoint_alone() {
    let sidecar = start(&format!("{HEADER}from = [\"127.0.0.1\"]")).start();
    is_subject(&of_acme(&sidecar, &[("X-USER", "anna")]), "anna");
    is_denied(
        &of_acme(&sidecar, &[("x-email", "anna")]),
        401,
        "TOKEN_MISSING",
    );
    let envoy = ask(
        &sidecar.address,
        "/authz/envoy/orgs/acme",
        &[("x-user", "anna")],
    );
    is_denied(&envoy, 401, "TOKEN_MISSING");
    let headers = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orgs/acme"),
        ("x-user", "anna"),
    ];
    is_denied(
        &ask(&sidecar.address, "/authz/haproxy", &headers),
        401,
        "TOKEN_MISSING",
    );
}

#[test]
fn a_header_over_a_unix_socket_is_believed_where_that_is_said() {
    for (from, is_believed) in [("\"unix\"", true), ("\"0.0.0.0/0\", \"::/0\"", false)] {
        let start = start(&format!("{HEADER}from = [{from}]"));
        let address = format!("unix:{}", start.path("authz.sock").display());
        let sidecar = start.with(&["--listen", &address]).start();
        let reply = of_acme(&sidecar, &[("x-user", "anna")]);
        if is_believed {
            is_subject(&reply, "anna");
        } else {
            is_denied(&reply, 401, "TOKEN_MISSING");
        }
    }
}

#[test]
fn a_subject_is_told_in_printable_letters() {
    let start = start(&format!("{HEADER}from = [\"127.0.0.1\"]"));
    let ids = ["\u{e5}sa", "a b", "100%", "%C3%A5sa"];
    let documents: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(i, id)| {
            serde_json::json!({
                "type": "USER", "id": id, "email": format!("u{i}@platform.example"),
                "emailVerified": true, "superadmin": true,
            })
        })
        .collect();
    let sidecar = start.documents(&documents).start();
    for (id, told) in ids
        .into_iter()
        .zip(["%C3%A5sa", "a%20b", "100%25", "%25C3%25A5sa"])
    {
        is_subject(&of_acme(&sidecar, &[("x-user", id)]), told);
    }
}

#[test]
fn a_certificate_is_believed_as_it_is_configured() {
    let settings = certificate("\"127.0.0.1\"", "uri = \"spiffe://acme.example/user/*\"")
        + &certificate("\"127.0.0.1\"", "subject = \"CN=*,O=Acme\"");
    let sidecar = start(&settings).start();
    let of = |value: &str| {
        let headers = [("x-forwarded-client-cert", value)];
        ask(&sidecar.address, "/authz/envoy/orgs/acme", &headers)
    };
    for value in [
        "URI=spiffe://acme.example/user/anna",
        "By=spiffe://acme.example/gw;Hash=ab;Subject=\"CN=x\";URI=spiffe://acme.example/user/anna",
        "Hash=ab;Subject=\"CN=anna,O=Acme\";URI=",
    ] {
        is_subject(&of(value), "anna");
    }
    for value in [
        "By=spiffe://acme.example/user/anna",
        "URI=spiffe://acme.example/user/",
        "URI=spiffe://acme.example/user/anna/x",
        "URI=spiffe://other.example/user/anna",
        "Subject=\"CN=mia,OU=anna,O=Acme\"",
        "Subject=\"CN=x;URI=spiffe://acme.example/user/anna\"",
        "URI=spiffe://acme.example/user/anna,By=b;URI=spiffe://acme.example/user/anna",
        "URI=spiffe://acme.example/user/anna;URI=spiffe://acme.example/user/root",
        "",
    ] {
        is_denied(&of(value), 401, "TOKEN_MISSING");
    }
    let anna = "URI=spiffe://acme.example/user/anna";
    let twice = [("x-forwarded-client-cert", anna); 2];
    let reply = ask(&sidecar.address, "/authz/envoy/orgs/acme", &twice);
    is_denied(&reply, 401, "TOKEN_MISSING");
    is_denied(&of_acme(&sidecar, &twice[..1]), 401, "TOKEN_MISSING");
}

#[test]
fn a_certificate_from_elsewhere_is_not_believed() {
    let settings = certificate("\"10.0.0.0/8\", \"unix\"", "uri = \"spiffe://a/*\"");
    let sidecar = start(&settings).start();
    let headers = [("x-forwarded-client-cert", "URI=spiffe://a/anna")];
    let reply = ask(&sidecar.address, "/authz/envoy/orgs/acme", &headers);
    is_denied(&reply, 401, "TOKEN_MISSING");
}

#[test]
fn what_nobody_can_be_is_refused_at_the_start() {
    let cases = [
        (
            "type = \"Usr\"\nname = \"X-User\"\nfrom = [\"unix\"]",
            1,
            "`gateway.header`: the schema has no type `Usr`",
        ),
        (
            "type = \"User\"\nname = \"X-User\"\nfrom = []",
            64,
            "`from`",
        ),
        (
            "type = \"User\"\nname = \"X-User\"\nfrom = [\"10.0.0.1/8\"]",
            64,
            "`10.0.0.0/8`",
        ),
        (
            "type = \"User\"\nname = \"Authorization\"\nfrom = [\"unix\"]",
            64,
            "another meaning",
        ),
    ];
    for (rest, status, problem) in cases {
        let (code, text) =
            start(&format!("[[gateway.header]]\nendpoint = \"nginx\"\n{rest}")).fails();
        assert!(code == status && text.contains(problem), "{code}: {text}");
    }
    let users = "attribute = \"emial\"\ntype = \"User\"";
    let flags = "attribute = \"emailVerified\"\ntype = \"User\"";
    for (users, problem) in [
        (users, "a `Peppol::User` has no attribute `emial`"),
        (
            flags,
            "`emailVerified` of a `Peppol::User` is neither a string nor an entity",
        ),
        ("type = \"Usr\"", "the schema has no type `Usr`"),
    ] {
        let header =
            "[[gateway.header]]\nendpoint = \"nginx\"\nname = \"X-User\"\nfrom = [\"unix\"]";
        let certificate =
            "[[gateway.certificate]]\nendpoint = \"envoy\"\nfrom = [\"unix\"]\nuri = \"a:*\"";
        let token = "[jwt]\njwks = \"/nowhere/jwks.json\"\nissuer = \"i\"\naudience = \"a\"\n\
                     [[jwt.principal]]\nclaim = \"sub\"\ntype = \"User\"\n\
                     [[jwt.principal]]\nclaim = \"email\"";
        for (setting, rest) in [
            ("gateway.header", header),
            ("gateway.certificate", certificate),
            ("jwt.principal", token),
        ] {
            let (code, text) = start(&format!("{rest}\n{users}\n")).fails();
            let fault = format!("error: `{setting}`: {problem}");
            assert!(code == 1 && text.contains(&fault), "{code}: {text}");
        }
    }
    let settings = "[gateway.denial]\ncode = \"{policy}\"";
    let (code, text) = start(settings).fails();
    assert!(
        code == 64 && text.contains("`gateway.denial`") && text.contains("{policy}"),
        "{text}"
    );
}

#[test]
fn without_a_table_gateways_are_denied_everything() {
    let start = Start::new();
    let directory = crate::sidecar::project("tests/it/fixtures/photos");
    let [schema, policies, entities] =
        ["photos.cedarschema", "policies", "entities.json"].map(|name| directory.join(name));
    let entities = format!("entities:{}", entities.display());
    let config = start.path("config.toml");
    std::fs::write(&config, format!("{HEADER}from = [\"127.0.0.1\"]")).unwrap();
    let sidecar = start
        .with(&[
            "--schema",
            schema.to_str().unwrap(),
            "--policies",
            policies.to_str().unwrap(),
        ])
        .with(&["--tenancy", &entities, "--config", config.to_str().unwrap()])
        .start();
    is_denied(
        &of_acme(&sidecar, &[("x-user", "anna")]),
        403,
        "ROUTE_UNKNOWN",
    );
}
