//! Issuers, audiences and times.

use serde_json::json;

use super::*;
use crate::config::Config;

fn settings() -> Jwt {
    Jwt {
        issuer: vec!["https://one".to_owned(), "https://two".to_owned()],
        audience: vec!["peppol".to_owned(), "smp".to_owned()],
        leeway: Duration::from_secs(30),
        ..Config::defaults().unwrap().jwt
    }
}

/// The claims of a good token with some of them changed; null takes one away.
fn checked(changes: &Value, now: f64) -> Result<(), InvalidReason> {
    let mut claims = json!({"iss": "https://one", "aud": "peppol", "exp": 1000});
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    check(members, &settings())?.holds(now)
}

#[test]
fn the_issuer_is_one_that_is_trusted() {
    assert_eq!(checked(&json!({}), 900.0), Ok(()));
    assert_eq!(checked(&json!({"iss": "https://two"}), 900.0), Ok(()));
    for issuer in [
        json!(null),
        json!("https://one/"),
        json!("HTTPS://one"),
        json!(""),
        json!(["https://one"]),
        json!(1),
    ] {
        let reason = checked(&json!({"iss": issuer}), 900.0).unwrap_err();
        assert!(reason.contains("issuer"), "{issuer}: {reason}");
    }
}

#[test]
fn the_audience_holds_one_that_is_meant() {
    for audience in [json!("smp"), json!(["other", "peppol"]), json!(["smp"])] {
        assert_eq!(checked(&json!({"aud": audience}), 900.0), Ok(()));
    }
    for audience in [
        json!(null),
        json!("other"),
        json!("Peppol"),
        json!([]),
        json!(["other"]),
        json!(["peppol", 1]),
        json!({"peppol": true}),
        json!(1),
        json!("peppol smp"),
    ] {
        let reason = checked(&json!({"aud": audience}), 900.0).unwrap_err();
        assert!(reason.contains("audience"), "{audience}: {reason}");
    }
}

#[test]
fn a_token_is_good_from_when_to_when_it_says_and_a_leeway_around() {
    let at = |changes: Value, now| checked(&changes, now);
    assert_eq!(at(json!({}), 1029.9), Ok(()));
    assert_eq!(at(json!({}), 1030.0), Err("it has expired"));
    assert_eq!(at(json!({"exp": 1000.5}), 1030.4), Ok(()));
    assert_eq!(at(json!({"exp": 1000.5}), 1030.5), Err("it has expired"));
    assert_eq!(at(json!({"exp": -1}), 900.0), Err("it has expired"));
    assert_eq!(at(json!({"exp": 0}), 900.0), Err("it has expired"));

    assert_eq!(at(json!({"nbf": 930}), 900.0), Ok(()));
    assert_eq!(at(json!({"nbf": 931}), 900.0), Err("it is not valid yet"));
    assert_eq!(at(json!({"iat": 930}), 900.0), Ok(()));
    assert_eq!(
        at(json!({"iat": 931}), 900.0),
        Err("it was issued in the future")
    );
}

#[test]
fn times_are_numbers_and_the_end_is_required() {
    assert_eq!(
        checked(&json!({"exp": null}), 900.0),
        Err("it never expires")
    );
    for name in ["exp", "nbf", "iat"] {
        for time in [json!("1000"), json!(true), json!([1000]), json!({})] {
            let reason = checked(&json!({name: time}), 900.0);
            assert_eq!(reason, Err("one of its times is not a number"), "{name}");
        }
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_no_bearer_token() {
    for confirmation in [
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        json!({}),
        json!(false),
        json!(""),
    ] {
        let reason = checked(&json!({"cnf": confirmation}), 900.0).unwrap_err();
        assert!(reason.contains("`cnf`"), "{confirmation}: {reason}");
    }
    // Also where it is null, which `checked` cannot say.
    let claims = json!({"iss": "https://one", "aud": "peppol", "exp": 1000, "cnf": null});
    assert!(check(claims.as_object().unwrap(), &settings()).is_err());
}
