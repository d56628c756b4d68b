//! Unique values: an e-mail among users and sub-accounts, a legal identifier among
//! organisations. They are unique in the final state of an import, not on the way there.

use serde_json::{Value, json};

use super::{Target, lines, organisation, user};

fn sub_account(id: &str, email: &str) -> Value {
    json!({
        "type": "SUB_ACCOUNT", "id": id, "email": email, "organisationId": "acme",
        "fullAccess": true, "legalEntityIds": [],
    })
}

fn held() -> Target {
    let target = Target::new();
    target.import_all(&[
        organisation("acme"),
        organisation("globex"),
        user("anna", "anna@x"),
        user("bob", "bob@x"),
        sub_account("sa", "sa@x"),
    ]);
    target
}

/// Refused at this line, with these words, and nothing has changed.
fn assert_refused(target: &Target, documents: &[Value], line: usize, words: &[&str]) {
    let before = target.rows();
    let ended = target.import_text(&lines(documents));
    assert_eq!(ended.code, Some(1), "{documents:?}: {ended:?}");
    let place = format!("documents.ndjson:{line}: ");
    for part in words.iter().chain([&place.as_str()]) {
        assert!(
            ended.stderr.contains(part),
            "{part}: {documents:?}: {ended:?}"
        );
    }
    assert_eq!(target.rows(), before);
}

#[test]
fn an_email_among_users_and_sub_accounts() {
    let target = held();
    let words = ["anna@x", "USER", "`anna`"];
    assert_refused(&target, &[user("new", "anna@x")], 1, &words);
    assert_refused(&target, &[user("new", "Anna@X")], 1, &words);
    assert_refused(&target, &[sub_account("new", "ANNA@x")], 1, &words);
    assert_refused(&target, &[user("bob", "anna@x")], 1, &words);
    let words = ["sa@x", "SUB_ACCOUNT", "`sa`"];
    assert_refused(&target, &[user("new", "SA@x")], 1, &words);
    assert_refused(&target, &[sub_account("new", "sa@X")], 1, &words);
    // Outside of ASCII as well.
    target.import_all(&[user("jörg", "JÖRG@x")]);
    assert_refused(&target, &[user("new", "jörg@x")], 1, &["jörg@x", "`jörg`"]);
    // A user and a sub-account of one id are two.
    assert_refused(&target, &[sub_account("anna", "anna@x")], 1, &["`anna`"]);
}

#[test]
fn an_email_within_one_import() {
    let target = held();
    let words = ["new@x", "`first`"];
    for second in [user("second", "New@x"), sub_account("second", "NEW@X")] {
        let documents = [organisation("third"), user("first", "new@x"), second];
        assert_refused(&target, &documents, 3, &words);
    }
    let documents = [sub_account("first", "new@x"), user("first", "new@x")];
    assert_refused(&target, &documents, 2, &words);
}

#[test]
fn an_email_may_change_hands() {
    let target = held();
    let email = |id: &str| target.view("User", id, "email").unwrap();
    let (anna, bob) = (email("anna"), email("bob"));
    target.import_all(&[user("anna", "bob@x"), user("bob", "anna@x")]);
    assert_eq!((email("anna"), email("bob")), (bob, anna));
    // Around three, a sub-account among them.
    target.import_all(&[
        user("anna", "sa@x"),
        sub_account("sa", "anna@x"),
        user("bob", "bob@x"),
    ]);
    // The claim of a replaced line is free.
    target.import_all(&[
        user("eve", "bob@x"),
        user("bob", "other@x"),
        user("eve", "eve@x"),
    ]);
    assert_refused(&target, &[user("new", "other@x")], 1, &["`bob`"]);
    target.import_all(&[user("new", "bob@x")]);
    // One's own is not taken.
    target.import_all(&[user("new", "BOB@X")]);
}

#[test]
fn a_legal_identifier() {
    let target = held();
    let with = |id: &str, code: &str, identifier: &str| {
        let mut organisation = organisation(id);
        organisation["legalIdentifierCode"] = json!(code);
        organisation["legalIdentifier"] = json!(identifier);
        organisation
    };
    let words = ["SE_ORGNR", "acme", "ORGANISATION"];
    assert_refused(&target, &[with("new", "SE_ORGNR", "acme")], 1, &words);
    assert_refused(&target, &[with("globex", "SE_ORGNR", "acme")], 1, &words);
    let documents = [
        with("n1", "NO", "1"),
        with("n2", "NO", "2"),
        with("n3", "NO", "1"),
    ];
    assert_refused(&target, &documents, 3, &["`n1`"]);
    // Under another code it is another one.
    target.import_all(&[with("new", "NO_ORGNR", "acme")]);
    // Two may be exchanged, and what is given up is free.
    target.import_all(&[
        with("acme", "SE_ORGNR", "globex"),
        with("globex", "SE_ORGNR", "acme"),
    ]);
    assert_refused(&target, &[with("x", "SE_ORGNR", "acme")], 1, &["`globex`"]);
    target.import_all(&[
        with("globex", "SE_ORGNR", "moved"),
        with("x", "SE_ORGNR", "acme"),
    ]);
}
