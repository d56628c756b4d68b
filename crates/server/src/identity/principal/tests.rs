//! The entity that claims name.

use serde_json::json;

use super::*;

fn entries(text: &str) -> Vec<Principal> {
    #[derive(serde::Deserialize)]
    struct Table {
        principal: Vec<Principal>,
    }
    toml::from_str::<Table>(text).unwrap().principal
}

/// `kind`, or `kind.attribute`, and the value.
fn named(entries: &[Principal], claims: &Value) -> Result<(String, String), InvalidReason> {
    let found = designate(claims.as_object().unwrap(), entries)?;
    let kind = match found.attribute {
        Some(attribute) => format!("{}.{attribute}", found.kind),
        None => found.kind,
    };
    Ok((kind, found.value))
}

fn is(kind: &str, value: &str) -> Result<(String, String), InvalidReason> {
    Ok((kind.to_owned(), value.to_owned()))
}

const SUB_ACCOUNTS: &str = "
    [[principal]]
    type = 'SubAccount'
    claim = 'email'
    attribute = 'email'
    when = { account_type = 'sub-account', '/realm/level' = 2 }

    [[principal]]
    type = 'Robot'
    claim = '/client/id'
    when = { robot = true }

    [[principal]]
    type = 'User'
    claim = 'sub'
";

#[test]
fn the_first_entry_that_fits_decides() {
    let entries = entries(SUB_ACCOUNTS);
    let all = json!({
        "sub": "anna", "email": "anna@example.com", "email_verified": true, "account_type": "sub-account",
        "realm": {"level": 2}, "robot": true, "client": {"id": "r2"}
    });
    let without = |names: &[&str]| {
        let mut claims = all.clone();
        for name in names {
            claims.as_object_mut().unwrap().remove(*name);
        }
        named(&entries, &claims)
    };
    assert_eq!(without(&[]), is("SubAccount.email", "anna@example.com"));
    assert_eq!(without(&["realm"]), is("Robot", "r2"));
    assert_eq!(without(&["account_type"]), is("Robot", "r2"));
    assert_eq!(without(&["account_type", "robot"]), is("User", "anna"));
    // The first entry that fits decides, even if it names nobody.
    assert!(without(&["email"]).unwrap_err().contains("missing"));
    assert!(without(&["account_type", "client"]).is_err());
    let [first, second] = [&entries[0], &entries[1]].map(Clone::clone);
    let claims = json!({"sub": "anna"});
    let reason = named(&[first, second], &claims).unwrap_err();
    assert!(reason.contains("no entry"), "{reason}");
}

#[test]
fn a_condition_is_a_constant_or_an_array_that_holds_it() {
    let fits = |when: &str, claims: Value| {
        let text = format!(
            "[[principal]]\ntype = 'Fits'\nclaim = 'sub'\nwhen = {{ x = {when} }}\n\
             [[principal]]\ntype = 'User'\nclaim = 'sub'\n"
        );
        let mut claims = claims;
        claims["sub"] = json!("anna");
        named(&entries(&text), &claims).unwrap().0 == "Fits"
    };
    for (when, value) in [
        ("'a'", json!("a")),
        ("'a'", json!(["b", "a"])),
        ("true", json!(true)),
        ("false", json!([false])),
        ("3", json!(3)),
        ("3", json!([1, 3])),
        ("-3", json!(-3)),
    ] {
        assert!(fits(when, json!({"x": value})), "{when} {value}");
    }
    for (when, value) in [
        ("'a'", json!("A")),
        ("'a'", json!("ab")),
        ("'a'", json!([["a"]])),
        ("'a'", json!({"a": true})),
        ("'a'", json!([])),
        ("true", json!("true")),
        ("true", json!(1)),
        ("false", json!(null)),
        ("3", json!("3")),
        ("3", json!(3.5)),
        ("'null'", json!(null)),
    ] {
        assert!(!fits(when, json!({"x": value})), "{when} {value}");
    }
    assert!(!fits("false", json!({})));
}

#[test]
fn a_claim_is_a_member_or_a_pointer() {
    let at = |claim: &str| {
        let text = format!("[[principal]]\ntype = 'User'\nclaim = '{claim}'\n");
        let claims = json!({
            "https://example.com/id": "a", "a": {"b": "b", "c/d": "c", "e~f": "d"},
            "list": ["e", {"f": "g"}], "a.b": "h"
        });
        named(&entries(&text), &claims).map(|(_, value)| value).ok()
    };
    for (claim, value) in [
        ("https://example.com/id", "a"),
        ("/https:~1~1example.com~1id", "a"),
        ("/a/b", "b"),
        ("/a/c~1d", "c"),
        ("/a/e~0f", "d"),
        ("/list/0", "e"),
        ("/list/1/f", "g"),
        ("a.b", "h"),
    ] {
        assert_eq!(at(claim).as_deref(), Some(value), "{claim}");
    }
    for claim in ["a/b", "/a", "/a/x", "/list/2", "/a/b/c", "/list/00", "x"] {
        assert_eq!(at(claim), None, "{claim}");
    }
}

#[test]
fn who_asks_is_a_text() {
    let entries = entries("[[principal]]\ntype = 'User'\nclaim = 'sub'\n");
    assert_eq!(named(&entries, &json!({"sub": "anna"})), is("User", "anna"));
    for sub in [
        json!(""),
        json!(7),
        json!(true),
        json!(null),
        json!(["anna"]),
        json!({"id": "anna"}),
    ] {
        assert!(named(&entries, &json!({"sub": sub})).is_err(), "{sub}");
    }
    assert!(named(&entries, &json!({})).is_err());
}

#[test]
fn an_address_that_is_not_said_to_be_verified_names_nobody() {
    for (claim, attribute) in [
        ("email", "attribute = 'mail'"),
        ("email", ""),
        ("mail", "attribute = 'email'"),
        ("/user/email", ""),
        ("https://example.com/email", ""),
        ("/https:~1~1example.com~1email", ""),
    ] {
        let entry = format!("[[principal]]\ntype = 'User'\nclaim = '{claim}'\n{attribute}\n");
        let strict = entries(&entry);
        let lenient = entries(&format!("{entry}unverified = true\n"));
        let address = "anna@example.com";
        let claims = |verified: Option<Value>| {
            let mut claims = json!({
                "email": address, "mail": address, "user": {"email": address},
                "https://example.com/email": address,
            });
            if let Some(verified) = verified {
                claims["email_verified"] = verified;
            }
            claims
        };
        let reason = named(&strict, &claims(None)).unwrap_err();
        assert!(reason.contains("does not say"), "{entry}: {reason}");
        assert!(named(&lenient, &claims(None)).is_ok(), "{entry}");
        for entries in [&strict, &lenient] {
            for verified in [json!(true), json!("true")] {
                let result = named(entries, &claims(Some(verified)));
                assert!(result.is_ok(), "{entry}");
            }
            for verified in [
                json!(false),
                json!("false"),
                json!("True"),
                json!("true "),
                json!(""),
                json!(["true"]),
                json!(1),
                json!(null),
            ] {
                let result = named(entries, &claims(Some(verified)));
                assert!(result.unwrap_err().contains("not verified"), "{entry}");
            }
        }
    }
}

#[test]
fn an_address_may_be_said_to_be_verified_beside_it() {
    for (unverified, without) in [("", false), ("unverified = true", true)] {
        let entries = entries(&format!(
            "[[principal]]\ntype = 'User'\nclaim = '/user/email'\n{unverified}\n"
        ));
        let of = |beside: Value, whole: Value| {
            let mut claims = json!({"user": {"email": "a@b", "email_verified": beside}});
            claims["email_verified"] = whole;
            named(&entries, &claims).is_ok()
        };
        assert!(of(json!(true), json!(true)));
        assert!(!of(json!(true), json!(false)));
        assert!(!of(json!(false), json!(true)));
        let beside = |verified: bool| {
            let claims = json!({"user": {"email": "a@b", "email_verified": verified}});
            named(&entries, &claims).is_ok()
        };
        assert!(beside(true) && !beside(false));
        // Of another address.
        let other = json!({"user": {"email": "a@b"}, "other": {"email_verified": true}});
        assert_eq!(named(&entries, &other).is_ok(), without);
    }
}

#[test]
fn an_id_is_no_address() {
    let entries = entries("[[principal]]\ntype = 'User'\nclaim = 'sub'\n");
    for claims in [
        json!({"sub": "anna"}),
        json!({"sub": "anna", "email_verified": false}),
    ] {
        assert_eq!(named(&entries, &claims), is("User", "anna"));
    }
}
