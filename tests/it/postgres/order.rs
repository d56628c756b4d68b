//! Transactions that commit in another order than that of their numbers: a look in
//! between misses neither.

use std::sync::Arc;

use peppol_authz_engine::Failure;
use peppol_authz_engine::policy::{Bundle, Sources, load};
use peppol_authz_engine::store::{Changes, Revision, Store};
use serde_json::{Value, json};

use super::client::SqlConnection;
use super::server::Database;
use super::{imported, open};
use crate::deciding::Deciding;
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start};
use crate::store::{runtime, shipped, uid};

/// A question that is allowed as long as Anna's e-mail is verified.
fn asked() -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    })
}

fn at_least(revision: &str) -> Value {
    let mut asked = asked();
    asked["atLeast"] = json!(revision);
    asked
}

fn shipped_bundle() -> Arc<Bundle> {
    Arc::new(load(&Sources::shipped()).unwrap())
}

/// Begins the first transaction, commits the second, and gives the name of each.
fn crossed(first: &SqlConnection, second: &SqlConnection) -> (String, String) {
    first.sql("BEGIN; UPDATE registered_user SET email_verified = false WHERE id = 'anna'");
    let one = first.sql("SELECT tenancy_revision()");
    second.sql("BEGIN; UPDATE document SET direction = 'SENT' WHERE id = 'd-1'");
    let two = second.sql("SELECT tenancy_revision()");
    second.sql("COMMIT");
    let number = |name: &str| name.rsplit('-').next().unwrap().parse::<u64>().unwrap();
    assert!(number(&one) < number(&two), "{one} {two}");
    (one, two)
}

fn sessions(database: &Database) -> (SqlConnection, SqlConnection) {
    (SqlConnection::open(database), SqlConnection::open(database))
}

#[test]
fn what_is_committed_late_is_told_to_who_looked_in_between() {
    let (database, _) = imported();
    let (store, schema, runtime) = (open(&database), shipped(), runtime());
    let look = |since: Option<&Revision>| {
        let snapshot = runtime.block_on(store.snapshot(&schema, since)).unwrap();
        (snapshot.revision().clone(), snapshot.changes().clone())
    };
    let (before, _) = look(None);
    let (first, second) = sessions(&database);
    let (one, two) = crossed(&first, &second);
    let [one, two] = [one, two].map(|name| Revision::parse(&name).unwrap());
    let (between, changes) = look(Some(&before));
    let document = uid("Peppol::Document", "d-1");
    assert_eq!(changes, Changes::Of(vec![document.clone()]));
    assert_eq!(between.holds(&two), Some(true));
    assert_eq!(between.holds(&one), Some(false));
    first.sql("COMMIT");
    let (after, changes) = look(Some(&between));
    let anna = uid("Peppol::User", "anna");
    assert_eq!(changes, Changes::Of(vec![anna.clone()]));
    assert_eq!(after.holds(&one), Some(true));
    assert_eq!(after.holds(&two), Some(true));
    // Since before both: both. Since after both: nothing.
    let (_, changes) = look(Some(&before));
    let Changes::Of(mut changed) = changes else {
        panic!("{changes:?}");
    };
    changed.sort();
    assert_eq!(changed, [document, anna]);
    assert_eq!(look(Some(&after)).1, Changes::Nothing);
}

#[test]
fn a_decision_changes_with_what_is_committed_late() {
    let (database, _) = imported();
    let deciding = Deciding::over(open(&database), shipped_bundle());
    deciding.assert_allowed(&asked());
    let (first, second) = sessions(&database);
    let (one, two) = crossed(&first, &second);
    // The second is seen, the first is not.
    deciding.assert_allowed(&asked());
    deciding.assert_allowed(&at_least(&two));
    let failure = deciding.assert_fails(&at_least(&one));
    assert!(matches!(failure, Failure::Behind), "{failure:?}");
    first.sql("COMMIT");
    deciding.assert_denied(&asked(), &["EMAIL_NOT_VERIFIED"]);
    deciding.assert_denied(&at_least(&one), &["EMAIL_NOT_VERIFIED"]);
    deciding.assert_denied(&at_least(&two), &["EMAIL_NOT_VERIFIED"]);
}

#[test]
fn a_transaction_that_is_rolled_back_changes_nothing() {
    let (database, _) = imported();
    let deciding = Deciding::over(open(&database), shipped_bundle());
    deciding.assert_allowed(&asked());
    let (first, second) = sessions(&database);
    let (_, two) = crossed(&first, &second);
    first.sql("ROLLBACK");
    deciding.assert_allowed(&asked());
    deciding.assert_allowed(&at_least(&two));
}

fn behind(sidecar: &Sidecar, question: &Value) {
    let reply = sidecar.post("/v1/is_authorized", question);
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert_eq!(reply.json()["code"], "STORE_BEHIND");
}

/// Through the real program, which follows the database by its notices alone: the
/// next poll is an hour away.
#[test]
fn a_sidecar_that_follows_misses_nothing() {
    let (database, _) = imported();
    let sidecar = Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__WAIT", "100ms")
        .start();
    let decision = |question: &Value| sidecar.ask(question)["decision"].clone();
    assert_eq!(decision(&asked()), "Allow");
    // It listens once a first notice has come through.
    let notices = SqlConnection::open(&database);
    let seen = sidecar.ask(&asked())["tenancyRevision"].clone();
    until("a notice is followed", || {
        notices.sql("UPDATE document SET direction = direction || 'X' WHERE id = 'd-1'");
        sidecar.ask(&asked())["tenancyRevision"] != seen
    });
    let (first, second) = sessions(&database);
    let (one, two) = crossed(&first, &second);
    assert_eq!(decision(&at_least(&two)), "Allow");
    behind(&sidecar, &at_least(&one));
    first.sql("COMMIT");
    until("the first is followed", || decision(&asked()) == "Deny");
    assert_eq!(decision(&at_least(&one)), "Deny");
}
