//! Addresses that are words of messages, attributes, keys and errors.

use serde_json::{Value, json};

use super::replay::{replay, text};
use super::{keyed, lines, of_suites};
use crate::sidecar::Start;

pub(super) fn create(email: &str) -> Value {
    json!({
        "principal": "Peppol::User::\"mia\"",
        "action": {"type": "Peppol::Action", "id": "createSubAccount"},
        "resource": "Peppol::LegalEntity::\"sales\"",
        "context": {"email": email},
    })
}

/// A caller chooses ids that are words of messages, attributes and keys elsewhere: none of these is
/// written over.
#[test]
fn an_address_that_is_another_word_changes_nothing_else() {
    let mut sidecar = keyed(of_suites()).with(&["--log-slice"]).start();
    let words = ["nothing", "acme-shared", "mia", "sales", "SHARED", "name"];
    for word in words {
        sidecar.ask(&create(word));
    }
    sidecar.stop();
    let log = sidecar.path("d.log");
    replay(&[text(&log)]).is_all_the_same(words.len());
    for line in lines(&log) {
        let email = &line["question"]["context"]["email"]["__entity"]["id"];
        assert!(email.as_str().unwrap().starts_with("hmac-sha256:"));
        let elsewhere = json!([line["reasons"], line["sliceTags"]]);
        assert!(!elsewhere.to_string().contains("hmac-"), "{line}");
    }
    assert!(
        std::fs::read_to_string(&log)
            .unwrap()
            .contains("\"nothing permits this\"")
    );
}

/// Over a small schema of addresses, with a policy that compares texts and one that fails.
fn of_words(policies_text: &str) -> (Start, [String; 4]) {
    let start = Start::new();
    let at = |name: &str, contents: &str| {
        let path = start.path(name);
        std::fs::write(&path, contents).unwrap();
        path.display().to_string()
    };
    let schema = at(
        "schema.cedarschema",
        "namespace T {\n@personal\nentity Mail = { id?: String };\n\
         entity Doc = { kind: String } tags String;\n\
         action read appliesTo { principal: Mail, resource: Doc };\n}\n",
    );
    let policies = start.path("policies");
    std::fs::create_dir(&policies).unwrap();
    std::fs::write(policies.join("p.cedar"), policies_text).unwrap();
    let entity = |kind: &str, id: &str, attrs: Value, tags: Value| {
        let uid = json!({"type": kind, "id": id});
        json!({"uid": uid, "attrs": attrs, "parents": [], "tags": tags})
    };
    let mut entities = vec![entity(
        "T::Doc",
        "d",
        json!({"kind": "open"}),
        json!({"open": "open"}),
    )];
    for id in ["open", "overflow", "policy"] {
        entities.push(entity("T::Mail", id, json!({"id": id}), json!({})));
    }
    let entities = at("entities.json", &json!(entities).to_string());
    let flags = [
        "--schema".to_owned(),
        schema,
        "--policies".to_owned(),
        policies.display().to_string(),
    ];
    let start = super::to_file(keyed(start))
        .with(&["--tenancy", &format!("entities:{entities}")])
        .with(&flags.each_ref().map(String::as_str));
    (start.with(&["--log-slice"]), flags)
}

fn read_by(mail: &str) -> Value {
    json!({
        "principal": {"type": "T::Mail", "id": mail},
        "action": {"type": "T::Action", "id": "read"},
        "resource": {"type": "T::Doc", "id": "d"},
    })
}

#[test]
fn an_address_that_is_the_text_of_an_attribute_or_a_tag_leaves_it() {
    let (start, flags) = of_words(
        "@id(\"p/open\") permit (principal, action, resource) when {\n\
         resource.kind == \"open\" && resource.hasTag(\"open\") &&\n\
         resource.getTag(\"open\") == \"open\" };\n",
    );
    let mut sidecar = start.start();
    assert_eq!(sidecar.ask(&read_by("open"))["decision"], "Allow");
    sidecar.stop();
    let log = sidecar.path("d.log");
    let flags = flags.each_ref().map(String::as_str);
    replay(&[&[text(&log)], &flags[..]].concat()).is_all_the_same(1);
    let line = &lines(&log)[0];
    let id = &line["question"]["principal"]["id"];
    assert!(id.as_str().unwrap().starts_with("hmac-"));
    // Its own attribute repeats it.
    for row in line["slice"].as_array().unwrap() {
        if row["uid"]["type"] == "T::Mail" && !row["attrs"]["id"].is_null() {
            assert_eq!(row["attrs"]["id"], *id);
        }
    }
}

/// Where Cedar's text about a failed policy reads like an address, it is hidden; the replayed one is equal.
#[test]
fn an_address_that_is_a_word_of_an_error_is_the_same_again() {
    let (start, flags) = of_words(
        "@id(\"p/fails\") permit (principal, action, resource) when {\n\
         9223372036854775807 + (if resource.kind == \"open\" then 1 else 2) > 0 };\n",
    );
    let mut sidecar = start.start();
    for mail in ["overflow", "policy"] {
        let answer = sidecar.ask(&read_by(mail));
        assert_eq!(answer["reasons"][0]["code"], "EVALUATION_ERROR");
        let error = answer["diagnostics"]["errors"][0].as_str().unwrap();
        assert!(error.contains(mail), "{error}");
    }
    sidecar.stop();
    let log = sidecar.path("d.log");
    let flags = flags.each_ref().map(String::as_str);
    let over = [&[text(&log)], &flags[..]].concat();
    replay(&over).is_all_the_same(2);
    // Another error is another.
    let other = std::fs::read_to_string(&log)
        .unwrap()
        .replace("integer", "decimal");
    std::fs::write(&log, other).unwrap();
    assert_eq!(replay(&over).changed().len(), 2);
}
