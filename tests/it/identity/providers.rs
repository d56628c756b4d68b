//! Tokens in the shapes of ten providers: what they really sign is taken, and nothing that is one
//! step beside it.

use peppol_authz_server::config::JwtIssuer;

use super::signer::encoded;
use super::*;

/// A provider: its keys as it publishes them, and a good token of it.
struct Provider {
    /// The settings of its issuer, but for the issuer and the keys.
    settings: Value,
    /// The members of its header beside `alg` and `kid`.
    header: Value,
    claims: Value,
    /// The members of its key beside the numbers.
    key: Value,
    /// The keys beside it.
    other_keys: Vec<Value>,
    /// The type of the principal, and its name.
    principal: (&'static str, &'static str),
    /// The claim that holds the audience.
    audience: &'static str,
    /// Changes that make a token of the same provider one that is not meant.
    wrong: [Value; 2],
}

const USER: &str = "User";

fn users_by(claim: &str) -> Value {
    json!([{"type": "User", "claim": claim}])
}

fn providers() -> Vec<Provider> {
    let audience = "api://peppol";
    let tenant = "72f988bf-0000-4000-8000-2d7cd011db47";
    vec![
        // Microsoft Entra: keys without `alg`, and with the issuer of any tenant.
        Provider {
            settings: json!({"audience": audience, "principal": users_by("oid"), "require": {"ver": "2.0"}}),
            header: json!({"typ": "JWT", "x5t": "nOo3ZDrODXEK1jKWhXslHR_KXEg"}),
            claims: json!({
                "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "aud": audience, "tid": tenant,
                "oid": "anna", "sub": "pairwise", "ver": "2.0", "azp": "c", "roles": ["Sender"], "uti": "x",
            }),
            key: json!({"use": "sig", "x5t": "nOo3ZDrODXEK1jKWhXslHR_KXEg", "x5c": ["MIID"],
                "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}),
            other_keys: vec![],
            principal: (USER, "anna"),
            audience: "aud",
            wrong: [
                json!({"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}),
                json!({"ver": "1.0"}),
            ],
        },
        // Keycloak: a key for encryption beside it, ID tokens by the same key.
        Provider {
            settings: json!({"audience": audience, "principal": users_by("preferred_username"), "require": {"typ": "Bearer"}}),
            header: json!({"typ": "JWT"}),
            claims: json!({
                "iss": "https://id.acme.example/realms/acme", "aud": [audience, "account"], "sub": "f3c0", "typ": "Bearer",
                "azp": "portal", "preferred_username": "anna", "realm_access": {"roles": ["offline_access"]},
                "resource_access": {"account": {"roles": ["view-profile"]}}, "organization": {"acme": {"id": "42"}},
            }),
            key: json!({"alg": "RS256", "use": "sig", "x5c": ["MIIC"], "x5t#S256": "x"}),
            other_keys: vec![
                json!({"alg": "RSA-OAEP", "use": "enc"}),
                json!({"alg": "RS512", "use": "sig"}),
            ],
            principal: (USER, "anna"),
            audience: "aud",
            wrong: [json!({"typ": "ID"}), json!({"typ": "Refresh"})],
        },
        // Amazon Cognito: no `typ`, no `aud`.
        Provider {
            settings: json!({"audience": audience, "audience_claim": "client_id", "principal": users_by("username"),
                "require": {"token_use": "access"}}),
            header: json!({}),
            claims: json!({
                "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI", "client_id": audience,
                "sub": "aaaa", "username": "anna", "token_use": "access", "scope": "openid", "version": 2,
                "cognito:groups": ["senders"], "auth_time": 1,
            }),
            key: json!({"alg": "RS256", "use": "sig"}),
            other_keys: vec![],
            principal: (USER, "anna"),
            audience: "client_id",
            wrong: [
                json!({"token_use": "id"}),
                json!({"token_use": "id", "aud": audience, "client_id": null}),
            ],
        },
        // Okta: a type of its own.
        Provider {
            settings: json!({"audience": audience, "principal": users_by("uid"), "types": ["JWT", "okta-internal-at+jwt"]}),
            header: json!({"typ": "application/okta-internal-at+jwt"}),
            claims: json!({
                "iss": "https://acme.okta.com/oauth2/default", "aud": audience, "sub": "anna@acme.example", "ver": 1,
                "jti": "AT.x", "cid": "0oa1", "uid": "anna", "scp": ["send"],
            }),
            key: json!({"alg": "RS256", "use": "sig"}),
            other_keys: vec![],
            principal: (USER, "anna"),
            audience: "aud",
            wrong: [
                json!({"uid": null}),
                json!({"aud": "https://acme.okta.com"}),
            ],
        },
        // Auth0: claims whose names are URLs, two audiences.
        Provider {
            settings: json!({"audience": audience, "principal": users_by("https://acme.example/user")}),
            header: json!({"typ": "at+jwt"}),
            claims: json!({
                "iss": "https://acme.eu.auth0.com/", "aud": [audience, "https://acme.eu.auth0.com/userinfo"],
                "sub": "auth0|5f7c", "azp": "c", "scope": "openid", "permissions": ["send"],
                "https://acme.example/user": "anna",
            }),
            key: json!({"alg": "RS256", "use": "sig", "x5c": ["MIID"], "x5t": "x"}),
            other_keys: vec![json!({"alg": "RS256", "use": "sig", "kid": "next"})],
            principal: (USER, "anna"),
            audience: "aud",
            wrong: [
                json!({"aud": ["https://acme.eu.auth0.com/userinfo"]}),
                json!({"https://acme.example/user": ["anna"]}),
            ],
        },
        // Google: ID tokens.
        Provider {
            settings: json!({"audience": audience, "require": {"hd": "acme.example"},
                "principal": [{"type": "User", "claim": "email", "attribute": "email"}]}),
            header: json!({"typ": "JWT"}),
            claims: json!({
                "iss": "https://accounts.google.com", "aud": audience, "azp": audience, "sub": "110169484474386276334",
                "email": "anna@acme.example", "email_verified": true, "hd": "acme.example", "at_hash": "x",
            }),
            key: json!({"alg": "RS256", "use": "sig"}),
            other_keys: vec![],
            principal: (USER, "anna@acme.example"),
            audience: "aud",
            wrong: [
                json!({"hd": "other.example"}),
                json!({"email_verified": false}),
            ],
        },
        // Apple: truths are texts.
        Provider {
            settings: json!({"audience": audience, "principal": [{"type": "User", "claim": "email", "attribute": "email"}]}),
            header: json!({}),
            claims: json!({
                "iss": "https://appleid.apple.com", "aud": audience, "sub": "001026.16", "email": "anna@acme.example",
                "email_verified": "true", "is_private_email": "false", "nonce_supported": true, "auth_time": 1,
            }),
            key: json!({"alg": "RS256", "use": "sig"}),
            other_keys: vec![json!({"alg": "RS256", "use": "sig", "kid": "next"})],
            principal: (USER, "anna@acme.example"),
            audience: "aud",
            wrong: [
                json!({"email_verified": "false"}),
                json!({"email_verified": null}),
            ],
        },
        // GitHub Actions: a run of a workflow.
        Provider {
            settings: json!({"audience": audience, "principal": users_by("repository"),
                "require": {"repository_owner": "acme", "ref": "refs/heads/main"}}),
            header: json!({"typ": "JWT", "x5t": "hyQkWgTm"}),
            claims: json!({
                "iss": "https://token.actions.githubusercontent.com", "aud": audience, "sub": "repo:acme/sender:ref:refs/heads/main",
                "repository": "acme/sender", "repository_owner": "acme", "ref": "refs/heads/main", "run_id": "7",
            }),
            key: json!({"alg": "RS256", "use": "sig", "x5c": ["MIID"], "x5t": "hyQkWgTm"}),
            other_keys: vec![],
            principal: (USER, "acme/sender"),
            audience: "aud",
            wrong: [
                json!({"ref": "refs/pull/1/merge"}),
                json!({"repository_owner": "mallory"}),
            ],
        },
        // Kubernetes: a service account, under a name with a dot.
        Provider {
            settings: json!({"audience": audience, "principal": users_by("/kubernetes.io/serviceaccount/name"),
                "require": {"/kubernetes.io/namespace": "peppol"}}),
            header: json!({}),
            claims: json!({
                "iss": "https://kubernetes.default.svc.cluster.local", "aud": [audience], "sub": "system:serviceaccount:peppol:anna",
                "kubernetes.io": {"namespace": "peppol", "serviceaccount": {"name": "anna", "uid": "u"}, "pod": {"name": "p"}},
            }),
            key: json!({"alg": "RS256", "use": "sig"}),
            other_keys: vec![],
            principal: (USER, "anna"),
            audience: "aud",
            wrong: [
                json!({"kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "anna"}}}),
                json!({"kubernetes.io": {"namespace": "peppol"}}),
            ],
        },
        // Zitadel: roles as an object.
        Provider {
            settings: json!({"audience": audience, "principal": users_by("username"),
                "require": {"/urn:zitadel:iam:org:project:roles/sender/1": "acme.example"}}),
            header: json!({"typ": "JWT"}),
            claims: json!({
                "iss": "https://acme.zitadel.cloud", "aud": [audience, "1234"], "sub": "5678", "username": "anna",
                "urn:zitadel:iam:org:project:roles": {"sender": {"1": "acme.example"}}, "jti": "x",
            }),
            key: json!({"alg": "RS256", "use": "sig"}),
            other_keys: vec![],
            principal: (USER, "anna"),
            audience: "aud",
            wrong: [
                json!({"urn:zitadel:iam:org:project:roles": {"reader": {"1": "acme.example"}}}),
                json!({"urn:zitadel:iam:org:project:roles": {"sender": {"1": "other.example"}}}),
            ],
        },
    ]
}

impl Provider {
    /// Its keys, in a file of this directory.
    fn issuer(&self, signer: &Signer, directory: &std::path::Path) -> JwtIssuer {
        let with = |changes: &Value| signer.published_with(changes);
        let others = self.other_keys.iter().map(with);
        let keys: Vec<_> = others.chain([with(&self.key)]).collect();
        let path = directory.join(format!("{}.json", signer.kid));
        std::fs::write(&path, json!({"keys": keys}).to_string()).unwrap();
        let mut entry = self.settings.clone();
        entry["issuer"] = self.claims["iss"].clone();
        entry["jwks"] = json!(path);
        serde_json::from_value(entry).unwrap()
    }

    fn claims(&self, changes: &Value) -> Value {
        let mut claims = self.claims.clone();
        let members = claims.as_object_mut().unwrap();
        members.insert("iat".to_owned(), json!(now() - 1));
        members.insert("exp".to_owned(), json!(now() + 600));
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(members.remove(name)),
                value => drop(members.insert(name.clone(), value.clone())),
            }
        }
        claims
    }

    fn header(&self, signer: &Signer, changes: &Value) -> Value {
        let mut header = self.header.clone();
        header["alg"] = json!("RS256");
        header["kid"] = json!(signer.kid);
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        header
    }

    /// Tokens as it makes them.
    fn good(&self, signer: &Signer) -> Vec<String> {
        let token = |changes: Value| {
            let header = self.header(signer, &json!({}));
            signer.sign(&header.to_string(), &self.claims(&changes).to_string())
        };
        vec![
            token(json!({})),
            token(json!({"nbf": now() - 1, "jti": "1"})),
            // The leeway is 30 s.
            token(json!({"exp": now() - 5})),
            token(json!({"exp": now() as f64 + 600.5, "iat": null})),
            token(
                json!({"groups": (0..600).map(|i| format!("group-of-acme-{i:08}")).collect::<Vec<_>>()}),
            ),
            token(json!({"https://acme.example/org": {"id": 1}, "a.b": [["c"]]})),
        ]
    }

    /// Tokens that are one step beside them; `stranger` is another provider's key.
    fn bad(&self, signer: &Signer, stranger: &Signer) -> Vec<String> {
        let by = |signer: &Signer, header: Value, changes: Value| {
            let header = self.header(signer, &header).to_string();
            signer.sign(&header, &self.claims(&changes).to_string())
        };
        let said = |changes: &Value| by(signer, json!({}), changes.clone());
        let good = by(signer, json!({}), json!({}));
        let unsigned = good.rsplit_once('.').unwrap().0;
        let none = self.header(signer, &json!({"alg": "none"})).to_string();
        let none = format!(
            "{}.{}.",
            encoded(none),
            encoded(self.claims(&json!({})).to_string())
        );
        vec![
            said(&self.wrong[0]),
            said(&self.wrong[1]),
            said(&json!({self.audience: "someone"})),
            said(&json!({self.audience: null})),
            said(&json!({"exp": now() - 60})),
            said(&json!({"exp": null})),
            said(&json!({"nbf": now() + 600})),
            said(&json!({"iss": "https://elsewhere.example"})),
            said(&json!({"cnf": {"jkt": "x"}})),
            by(stranger, json!({}), json!({})),
            by(stranger, json!({"kid": signer.kid}), json!({})),
            by(signer, json!({"typ": "logout+jwt"}), json!({})),
            format!("{unsigned}."),
            none,
        ]
    }
}

#[tokio::test]
async fn two_hundred_tokens_of_ten_providers() {
    let directory = tempfile::tempdir().unwrap();
    let providers = providers();
    let signers: Vec<_> = (0..providers.len())
        .map(|i| Signer::new(&format!("k{i}="), "RSA|-pkeyopt|rsa_keygen_bits:2048"))
        .collect();
    let all = || providers.iter().zip(&signers);
    let tokens = Tokens::new(&Jwt {
        jwks: None,
        issuer: Vec::new(),
        issuers: all()
            .map(|(provider, signer)| provider.issuer(signer, directory.path()))
            .collect(),
        ..settings("unused")
    })
    .unwrap();
    let mut judged = 0;
    for (place, (provider, signer)) in all().enumerate() {
        let name = &provider.claims["iss"];
        for (i, token) in provider.good(signer).iter().enumerate() {
            let found = tokens.verify(token).await;
            let found = found.unwrap_or_else(|error| panic!("{name} {i}: {error}"));
            let designation = (&*found.designation.kind, &*found.designation.value);
            assert_eq!(designation, provider.principal, "{name} {i}");
            judged += 1;
        }
        let stranger = &signers[(place + 1) % signers.len()];
        for (i, token) in provider.bad(signer, stranger).iter().enumerate() {
            let found = tokens.verify(token).await;
            assert!(
                matches!(found, Err(TokenError::Invalid(_))),
                "{name} {i}: {found:?}"
            );
            judged += 1;
        }
    }
    assert_eq!(judged, 200);
}
