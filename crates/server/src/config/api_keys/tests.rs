//! Settings of static keys.

use serde_json::json;

use super::*;
use crate::config::tests::load_text;

fn load(text: &str) -> Result<ApiKeys, Vec<String>> {
    load_text(&format!("[api_keys]\n{text}\n")).map(|config| config.api_keys)
}

fn hash(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn entry(name: &str, hash: &str) -> String {
    format!("[[api_keys.key]]\nname = '{name}'\nhash = {hash}\nclaims = {{ sub = 'anna' }}\n")
}

#[test]
fn a_key_is_a_name_hashes_and_claims() {
    let text = format!(
        "[[api_keys.key]]\nname = 'erp'\nhash = ['{}', '{}']\n\
         claims = {{ sub = 'anna', n = 7, roles = ['a'], 'https://x/org' = {{ id = true }} }}\n",
        hash('0'),
        hash('F')
    );
    let keys = load(&text).unwrap();
    assert!(keys.is_set() && !keys.basic);
    let [key] = &*keys.key else {
        panic!("{keys:?}")
    };
    let digests: Vec<_> = key.digests().map(Option::unwrap).collect();
    assert_eq!(digests, [[0; 32], [255; 32]]);
    assert_eq!(written_digest(&digests[1]), hash('f'));
    let claims = json!({"sub": "anna", "n": 7, "roles": ["a"], "https://x/org": {"id": true}});
    assert_eq!(Json::Object(key.claims.clone()), claims);
    assert!(!load("").unwrap().is_set());
    assert!(load("file = 'keys.toml'").unwrap().is_set());
}

#[test]
fn every_fault_is_named_and_no_fault_has_a_key_in_it() {
    let one = format!("'{}'", hash('1'));
    let no_hash = format!("`erp`: {NO_HASH}");
    for (text, fault) in [
        (
            "basic = true".to_owned(),
            "api_keys.basic: there are no keys: `api_keys.file` or `api_keys.key`".to_owned(),
        ),
        (
            "principal = []".to_owned(),
            "api_keys.principal: must not be empty".to_owned(),
        ),
        (
            "file = ''".to_owned(),
            "api_keys.file: must not be empty".to_owned(),
        ),
        (entry("erp", "'secret'"), format!("api_keys.key: {no_hash}")),
        (
            entry("erp", "'sha256:secret'"),
            format!("api_keys.key: {no_hash}"),
        ),
        (
            entry("erp", &format!("'{}'", hash('g'))),
            format!("api_keys.key: {no_hash}"),
        ),
        (
            entry("erp", &format!("'{}0'", hash('1'))),
            format!("api_keys.key: {no_hash}"),
        ),
        (
            entry("erp", "[]"),
            "api_keys.key: `erp`: `hash` must not be empty".to_owned(),
        ),
        (
            entry("a:secret", &one),
            "api_keys.key: a `name` must be 1 to 128 visible characters of ASCII without `:`"
                .to_owned(),
        ),
        (
            entry("erp", &one) + &entry("erp", &format!("'{}'", hash('2'))),
            "api_keys.key: `erp` is there twice".to_owned(),
        ),
        (
            entry("erp", &one) + &entry("other", &one),
            "api_keys.key: `other`: a `hash` of it is there twice".to_owned(),
        ),
    ] {
        assert_eq!(load(&text).unwrap_err(), [fault], "{text}");
    }
    let many: Vec<_> = (0..=MAX_HASHES)
        .map(|i| format!("sha256:{i:064}"))
        .collect();
    let many = ApiKey {
        name: "many".to_owned(),
        hash: many,
        claims: Map::new(),
    };
    assert_eq!(
        check_keys([&many]),
        Err("more than 10000 hashes".to_owned())
    );
}
