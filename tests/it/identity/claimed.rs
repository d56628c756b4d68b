//! The claims of a token whose signature is valid.

use peppol_authz_server::config::{Constant, Principal};

use super::*;

#[tokio::test]
async fn who_made_it_for_whom_and_when_is_checked() {
    let server = server();
    let tokens = tokens(&server);
    let verify = async |changes: Value| {
        let token = SIGNERS.ed.token("EdDSA", &claims_with(&changes));
        tokens.verify(&token).await
    };
    for changes in [
        json!({}),
        json!({"aud": ["someone", "other"]}),
        json!({"nbf": null, "iat": null}),
        // The leeway is 30 s.
        json!({"exp": now() - 5}),
        json!({"nbf": now() + 20, "iat": now() + 20}),
        json!({"iat": 0, "nbf": 0.5, "exp": 4_102_444_800.5}),
    ] {
        let result = verify(changes.clone()).await;
        assert!(result.is_ok(), "{changes}: {result:?}");
    }
    for (changes, words) in [
        (json!({"iss": "https://login.example.com"}), "issuer"),
        (json!({"iss": null}), "issuer"),
        (json!({"iss": [ISSUER]}), "issuer"),
        (json!({"iss": ISSUER.to_ascii_uppercase()}), "issuer"),
        (json!({"aud": "someone"}), "audience"),
        (json!({"aud": []}), "audience"),
        (json!({"aud": null}), "audience"),
        (json!({"exp": null}), "never expires"),
        (json!({"exp": now() - 31}), "expired"),
        (json!({"exp": (now() + 60).to_string()}), "not a number"),
        (json!({"nbf": now() + 90}), "not valid yet"),
        (json!({"iat": now() + 90}), "future"),
        (json!({"sub": null}), "missing"),
        (json!({"sub": 7}), "not a string"),
        (json!({"cnf": {"jkt": "abc"}}), "no bearer token"),
    ] {
        let reason = invalid(verify(changes.clone()).await);
        assert!(reason.contains(words), "{changes}: {reason}");
    }
}

#[tokio::test]
async fn claims_name_whom_the_settings_say() {
    let server = server();
    let entry = |kind: &str, claim: &str, attribute: Option<&str>| Principal {
        kind: kind.to_owned(),
        claim: claim.to_owned(),
        attribute: attribute.map(str::to_owned),
        when: [].into(),
        unverified: false,
    };
    let mut sub_account = entry("SubAccount", "email", Some("email"));
    let constant = Constant::Text("sub-account".to_owned());
    sub_account.when.insert("/realm/roles".to_owned(), constant);
    let tokens = Tokens::new(&Jwt {
        principal: vec![sub_account, entry("User", "/account/id", None)],
        ..settings(&server.url())
    })
    .unwrap();
    let verify = async |changes: Value| {
        let token = SIGNERS.ed.token("EdDSA", &claims_with(&changes));
        let found = tokens.verify(&token).await?.designation.clone();
        Ok::<_, TokenError>((found.kind, found.attribute, found.value))
    };
    let is = |kind: &str, attribute: Option<&str>, value: &str| {
        Ok((
            kind.to_owned(),
            attribute.map(str::to_owned),
            value.to_owned(),
        ))
    };
    let roles = json!({"roles": ["reader", "sub-account"]});
    let (address, account) = ("s@example.com", json!({"id": "anna"}));
    assert_eq!(
        verify(
            json!({"realm": roles, "email": address, "email_verified": true, "account": account})
        )
        .await,
        is("SubAccount", Some("email"), address)
    );
    assert_eq!(
        verify(json!({"realm": {"roles": []}, "email": address, "account": account})).await,
        is("User", None, "anna")
    );
    for changes in [
        json!({"realm": roles, "account": account}),
        json!({"realm": roles, "email": address, "account": account}),
        json!({"realm": roles, "email": address, "email_verified": false}),
        json!({"email": address}),
    ] {
        let result = verify(changes.clone()).await;
        assert!(
            matches!(result, Err(TokenError::Invalid(_))),
            "{changes}: {result:?}"
        );
    }
}
