//! Values that these settings accept, and values that they refuse.

use serde_json::json;

use super::*;
use crate::config::tests::load_text;

fn network(text: &str) -> Result<Network, NetworkError> {
    Network::try_from(text.to_owned())
}

#[test]
fn a_network_holds_its_addresses_and_no_others() {
    for (text, within, without) in [
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("127.0.0.1/32", "::ffff:127.0.0.1", "::1"),
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
        ("0.0.0.0/0", "203.0.113.9", "::1"),
        ("::/0", "2001:db8::1", "127.0.0.1"),
        ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
        ("::1", "::1", "::2"),
    ] {
        let network = network(text).unwrap();
        assert!(network.holds(within.parse().unwrap()), "{text} {within}");
        assert!(!network.holds(without.parse().unwrap()), "{text} {without}");
    }
    assert!(!network("unix").unwrap().holds("127.0.0.1".parse().unwrap()));
}

#[test]
fn what_could_be_meant_otherwise_is_no_network() {
    for text in [
        "",
        "localhost",
        "10.0.0.1/33",
        "10.0.0.0/",
        "10.0.0.0/08",
        "10.0.0.0/+8",
        "::1/129",
        "10.0.0.0/8 ",
        "Unix",
        "::ffff:10.0.0.1",
        "10.0.0.1/8",
        "2001:db8::1/32",
    ] {
        assert!(network(text).is_err(), "{text}");
    }
    let error = network("10.0.0.1/8").unwrap_err().to_string();
    assert!(error.contains("`10.0.0.0/8`"), "{error}");
}

#[test]
fn a_certificates_name_is_what_the_star_stands_for() {
    let name = |text: &str| CertificateName::try_from(text.to_owned());
    let user = name("spiffe://example.org/user/*").unwrap();
    assert_eq!(
        user.read("spiffe://example.org/user/anna", &['/']),
        Some("anna")
    );
    for other in [
        "spiffe://example.org/user/",
        "spiffe://example.org/user/a/b",
        "spiffe://example.org/users/anna",
        "x-spiffe://example.org/user/anna",
    ] {
        assert_eq!(user.read(other, &['/']), None, "{other}");
    }
    let subject = name("CN=*,O=Acme").unwrap();
    assert_eq!(subject.read("CN=anna,O=Acme", &[',']), Some("anna"));
    assert_eq!(subject.read("CN=anna,OU=x,O=Acme", &[',']), None);
    assert_eq!(subject.read("CN=,O=Acme", &[',']), None);
    for text in ["", "*", "*,O=Acme", "CN=anna", "CN=*,O=*"] {
        assert!(name(text).is_err(), "{text}");
    }
}

#[test]
fn a_denial_says_what_is_in_braces() {
    let body = json!({"error": {"code": "{code}", "n": [1, "{status}", "{{{code}}}: {message}"]}});
    let Json::Object(members) = body else {
        panic!()
    };
    let body = DenialBody::try_from(members.clone()).unwrap();
    assert_eq!(serde_json::to_value(&body).unwrap(), Json::Object(members));
    let Shape::Object(outer) = body.shape() else {
        panic!("{body:?}")
    };
    let (_, Shape::Object(inner)) = &outer[0] else {
        panic!("{body:?}")
    };
    assert_eq!(
        inner[0].1,
        Shape::Text(vec![Piece::Filled(Placeholder::Code)])
    );
    let Shape::Array(elements) = &inner[1].1 else {
        panic!("{body:?}")
    };
    assert_eq!(elements[0], Shape::Constant(json!(1)));
    let pieces = vec![
        Piece::Text("{".to_owned()),
        Piece::Filled(Placeholder::Code),
        Piece::Text("}: ".to_owned()),
        Piece::Filled(Placeholder::Message),
    ];
    assert_eq!(elements[2], Shape::Text(pieces));
}

#[test]
fn a_denial_with_other_braces_is_refused() {
    for text in [
        "{policy}", "{code", "code}", "{}", "{ code }", "{{code}", "{code}}",
    ] {
        let members = Members::from_iter([("a".to_owned(), json!([text]))]);
        let error = DenialBody::try_from(members).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    assert!(DenialBody::try_from(Members::new()).is_err());
}

fn faults(toml: &str) -> Vec<String> {
    load_text(toml).err().unwrap_or_default()
}

#[test]
fn who_is_believed_is_said_whole() {
    let header = "[[gateway.header]]\nendpoint = \"nginx\"\ntype = \"User\"\n";
    let family = "[[gateway.family]]\nmethod = \"X-Method\"\ntarget = \"X-Target\"\n";
    let certificate = "[[gateway.certificate]]\ntype = \"User\"\nfrom = [\"unix\"]\n";
    for (toml, problem) in [
        ("[gateway]\nrealm = \"a\\\"b\"".to_owned(), "printable"),
        ("[gateway]\nrealm = \"\"".to_owned(), "printable"),
        (format!("{header}from = []\nname = \"X-User\""), "`from`"),
        (
            format!("{header}from = [\"unix\"]\nname = \"X User\""),
            "`X User` is no name",
        ),
        (
            format!("{header}from = [\"unix\"]\nname = \"\""),
            "`` is no name",
        ),
        (
            format!("{header}from = [\"unix\"]\nname = \"Authorization\""),
            "another meaning",
        ),
        (
            format!("{header}from = [\"unix\"]\nname = \"X-Original-URL\""),
            "another meaning",
        ),
        (
            format!("{header}from = [\"unix\"]\nname = \"x-target\"\n{family}endpoint = \"caddy\""),
            "another meaning",
        ),
        (format!("{family}endpoint = \"envoy\""), "`endpoint`: Envoy"),
        (
            format!("{family}endpoint = \"nginx\"\n{family}endpoint = \"nginx\""),
            "one family",
        ),
        (
            format!(
                "{}endpoint = \"nginx\"",
                family.replace("X-Target", "X Target")
            ),
            "`X Target` is no name",
        ),
        (
            format!("{}endpoint = \"nginx\"", family.replace("X-Target", "Host")),
            "`Host` has another meaning",
        ),
        (
            format!(
                "{}endpoint = \"nginx\"",
                family.replace("X-Target", "x-method")
            ),
            "one header",
        ),
        (
            format!("{certificate}endpoint = \"nginx\"\nuri = \"a:*\""),
            "`endpoint`",
        ),
        (
            format!("{certificate}endpoint = \"envoy\""),
            "one of `uri` and `subject`",
        ),
        (
            format!("{certificate}endpoint = \"envoy\"\nuri = \"a:*\"\nsubject = \"CN=*\""),
            "one of `uri` and `subject`",
        ),
    ] {
        let faults = faults(&toml);
        assert!(
            faults.len() == 1 && faults[0].contains(problem),
            "{toml}: {faults:?}"
        );
    }
    assert!(faults(&format!("{header}from = [\"unix\"]\nname = \"X-User\"")).is_empty());
    assert!(faults(&format!("{family}endpoint = \"nginx\"")).is_empty());
}
