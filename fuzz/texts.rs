//! Other texts from outside: ids, tokens, documents, policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use peppol_authz_author::openapi::{Description, TableCheck, check_table};
use peppol_authz_database::{Database, Documents, Import, Sqlite, SqliteOptions};
use peppol_authz_engine::policy::{SourceFile, Sources, load};
use peppol_authz_engine::schema::{JsonOrigin, Schema};
use peppol_authz_server::config::{Config, Jwks, Jwt};
use peppol_authz_server::identity::Tokens;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::target::Target;

pub(crate) fn targets() -> Vec<Target> {
    let target = |name, check| Target { name, check };
    vec![
        target("identifier", Box::new(identifiers())),
        target("token", Box::new(tokens())),
        target("documents", Box::new(documents())),
        target("policies", Box::new(policies)),
        target("openapi", Box::new(descriptions())),
    ]
}

/// An id of every type has one spelling, which is read as itself.
fn identifiers() -> impl FnMut(&[u8]) -> Result<String, String> {
    let schema = Schema::parse(&Sources::shipped().schema.text).unwrap();
    move |input| {
        let text = String::from_utf8_lossy(input);
        let mut outcomes = BTreeMap::new();
        for of in schema.entity_types() {
            let outcome = match of.entity(&text, JsonOrigin::Context) {
                Err(misfit) => misfit.to_string(),
                Ok(uid) => {
                    let id: &str = uid.id().as_ref();
                    let again = of.entity(id, JsonOrigin::Column);
                    let again = again.map_err(|misfit| format!("`{id}`: {misfit}"))?;
                    if again != uid {
                        return Err(format!("`{uid}` is `{again}` too"));
                    }
                    let literal = schema.entity(&Value::from(uid.to_string()));
                    if literal.is_ok_and(|read| read != uid) {
                        return Err(format!("`{uid}` is read as another"));
                    }
                    "an id".to_owned()
                }
            };
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
        Ok(format!("{outcomes:?}"))
    }
}

/// A token with these claims that nobody has signed is never accepted; nor is any other text.
fn tokens() -> impl FnMut(&[u8]) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("jwks.json");
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = BASE64_URL_SAFE_NO_PAD.encode(key.public_key());
    let public = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x});
    std::fs::write(&keys, json!({"keys": [public]}).to_string()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let settings = Jwt {
        jwks: Some(Jwks::File(keys)),
        issuer: vec!["i".to_owned()],
        audience: vec!["a".to_owned()],
        ..Config::defaults().unwrap().jwt
    };
    let tokens = Tokens::new(&settings).unwrap();
    let good = {
        let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = [
            part(json!({"alg": "EdDSA", "kid": "k"})),
            part(json!({"iss": "i", "aud": "a", "sub": "anna", "exp": 4_000_000_000_u64})),
        ];
        let signed = signed.join(".");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    };
    assert!(runtime.block_on(tokens.verify(&good)).is_ok());
    move |input| {
        // The file of keys is read again.
        let _ = &directory;
        let text = String::from_utf8_lossy(input);
        let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let (signature, lines) = (good.rsplit_once('.').unwrap().1, text.split('\n'));
        let parts: Vec<String> = lines.take(2).map(encoded).collect();
        let forged = format!("{}.{signature}", parts.join("."));
        let mut outcomes = Vec::new();
        for token in [&*text, &*forged] {
            match runtime.block_on(tokens.verify(token)) {
                Err(error) => outcomes.push(error.to_string()),
                Ok(_) if token == good => {}
                Ok(_) => return Err(format!("accepted: {token}")),
            }
        }
        Ok(outcomes.join(", "))
    }
}

/// Documents are imported, or the first that is wrong is named.
fn documents() -> impl FnMut(&[u8]) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        readers: 1,
        ..SqliteOptions::default()
    };
    let store = Sqlite::open(&directory.path().join("t.db"), options).unwrap();
    let database = Database::Sqlite(Arc::new(store));
    let import = Import::new().unwrap();
    move |input| {
        let _ = &directory;
        let mut read = Documents::new(input);
        let mut number = 0;
        while let Ok(Some((line, text))) = read.next_document() {
            number += 1;
            if line == 0 || text.len() > input.len() {
                return Err(format!("line {line}, {} bytes", text.len()));
            }
        }
        let inputs = vec![("documents".to_owned(), input)];
        Ok(match database.import(&import, inputs, &mut |_| {}) {
            Ok(imported) if imported.documents != number => {
                return Err(format!("{} imported of {number}", imported.documents));
            }
            Ok(imported) => format!("{} imported", imported.documents),
            Err(error) => {
                let text = error.to_string();
                text.split_once(' ')
                    .map_or(text.clone(), |(_, text)| text.to_owned())
            }
        })
    }
}

/// Schema, policies and routes are taken, or their faults are named; one text is all of them.
fn policies(input: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(input);
    let file = |name: &str, text: &str| {
        Arc::new(SourceFile {
            name: name.to_owned(),
            path: None,
            text: text.to_owned(),
        })
    };
    let mut outcomes = Vec::new();
    for place in 0..3 {
        let mut sources = Sources::shipped();
        match place {
            0 => {
                sources.policies = vec![file("p.cedar", &text)];
                // Its rules would be held by nothing.
                sources.rules = None;
            }
            1 => sources.schema = file("s.cedarschema", &text),
            _ => sources.routes = Some(file("routes.toml", &text)),
        }
        outcomes.push(match load(&sources) {
            Ok(_) => "taken".to_owned(),
            Err(faults) if faults.is_empty() => return Err("refused for nothing".to_owned()),
            Err(faults) => {
                let text = faults[0].to_string();
                text.chars()
                    .filter(char::is_ascii_alphabetic)
                    .take(30)
                    .collect()
            }
        });
    }
    Ok(outcomes.join(", "))
}

/// A description is refused, or held against the shipped table; a place that is found is in its file.
fn descriptions() -> impl FnMut(&[u8]) -> Result<String, String> {
    let sources = Sources::shipped();
    let bundle = load(&sources).unwrap();
    let (routes, table) = (bundle.routes.clone().unwrap(), sources.routes.unwrap());
    move |input| {
        let text = String::from_utf8_lossy(input).into_owned();
        let (description, mut findings) = Description::read("api".to_owned(), text, None);
        let outcome = format!("{} {}", description.is_some(), findings.len().min(9));
        if description.is_none() && findings.is_empty() {
            return Err("refused for nothing".to_owned());
        }
        findings.extend(check_table(&TableCheck {
            routes: &routes,
            table: &table,
            schema: &bundle.schema,
            descriptions: description.as_slice(),
            is_partial: true,
        }));
        for finding in &findings {
            for label in &finding.fault.labels {
                let text = &finding.fault.file.text;
                let end = label.offset() + label.len();
                if text.get(label.offset()..end).is_none() {
                    return Err(format!("no place: {}", finding.fault));
                }
            }
        }
        let said = findings.iter().map(|it| {
            let text = it.fault.to_string();
            let letters = text.chars().filter(char::is_ascii_lowercase).take(20);
            letters.collect::<String>()
        });
        let said: std::collections::BTreeSet<_> = said.collect();
        Ok(format!("{outcome} {said:?}"))
    }
}
