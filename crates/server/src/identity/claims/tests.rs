//! Audiences, times and claims that are asked for.

use serde_json::json;

use super::*;

fn needed() -> NeededClaims {
    NeededClaims {
        audience: vec!["peppol".to_owned(), "smp".to_owned()],
        audience_claim: vec!["aud".to_owned()],
        require: BTreeMap::new(),
        expires: true,
    }
}

fn judged(claims: &Value, needed: &NeededClaims) -> Result<Validity, InvalidReason> {
    check(claims.as_object().unwrap(), needed, Duration::from_secs(30))
}

/// The claims of a good token with some of them changed; null takes one away.
fn checked(changes: &Value, now: f64) -> Result<(), InvalidReason> {
    let mut claims = json!({"aud": "peppol", "exp": 1000});
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    judged(&claims, &needed())?.holds(now)
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
    let claims = json!({"aud": "peppol", "exp": 1000, "cnf": null});
    assert!(judged(&claims, &needed()).is_err());
}

#[test]
fn the_audience_may_be_in_another_claim_and_the_first_one_counts() {
    let needed = NeededClaims {
        audience_claim: ["aud", "client_id", "/client/id"].map(str::to_owned).into(),
        ..needed()
    };
    let is_for = |claims: Value| {
        let mut claims = claims;
        claims["exp"] = json!(1000);
        judged(&claims, &needed).is_ok()
    };
    assert!(is_for(json!({"aud": "peppol"})));
    assert!(is_for(json!({"client_id": "smp"})));
    assert!(is_for(json!({"client": {"id": "smp"}})));
    for claims in [
        json!({}),
        json!({"client_id": "other"}),
        json!({"client_id": 1}),
        json!({"azp": "peppol"}),
        // One that is there and not for us is not made good by the next.
        json!({"aud": "other", "client_id": "peppol"}),
        json!({"aud": [], "client_id": "peppol"}),
        json!({"aud": null, "client_id": "peppol"}),
    ] {
        assert!(!is_for(claims.clone()), "{claims}");
    }
}

#[test]
fn claims_that_are_asked_for_are_there() {
    let needed = NeededClaims {
        require: BTreeMap::from([
            ("token_use".to_owned(), Constant::Text("access".to_owned())),
            ("/realm/level".to_owned(), Constant::Number(2)),
        ]),
        ..needed()
    };
    let is_good = |token_use: Value, realm: Value| {
        let claims = json!({"aud": "peppol", "exp": 1000, "token_use": token_use, "realm": realm});
        judged(&claims, &needed).is_ok()
    };
    assert!(is_good(json!("access"), json!({"level": 2})));
    assert!(!is_good(json!("id"), json!({"level": 2})));
    assert!(!is_good(json!("access"), json!({"level": 3})));
    assert!(!is_good(json!("access"), json!({})));
    assert!(!is_good(json!(null), json!({"level": 2})));
    assert!(judged(&json!({"aud": "peppol", "exp": 1000}), &needed).is_err());
}
