//! Reads that are given up half-way, as when a caller goes away: what is read
//! afterwards is the state of then and not of before.

use std::time::Duration;

use peppol_authz_database::{Postgres, PostgresOptions};
use peppol_authz_engine::store::{Candidates, Condition, Store};

use super::server::Server;
use super::session::PsqlSession;
use super::{imported_on, open};
use crate::eventually::until;
use crate::store::{runtime, shipped, uid};

/// With one connection, so that the next read gets what the one before has left.
#[test]
fn a_read_that_is_given_up_leaves_no_old_state_behind() {
    let server = Server::start(&[]);
    let (database, store) = imported_on(&server);
    drop(store);
    let options = PostgresOptions {
        readers: 1,
        timeout: Duration::from_secs(20),
        ..PostgresOptions::default()
    };
    let store = Postgres::new(&database.url(), options).unwrap();
    let schema = shipped();
    let anna = [uid("Peppol::User", "anna")];
    runtime().block_on(async {
        drop(store.snapshot(&schema, None).await.unwrap());
        let mut locker = PsqlSession::on(&database);
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        locker.run("BEGIN; LOCK TABLE registered_user IN ACCESS EXCLUSIVE MODE");
        let asked = tokio::time::timeout(Duration::from_millis(300), snapshot.entities(&anna));
        assert!(asked.await.is_err(), "it does not wait for the lock");
        drop(snapshot);
        locker.run("UPDATE registered_user SET superadmin = NOT superadmin; COMMIT");
        let written = database.sql("SELECT tenancy_revision()");
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        let written = peppol_authz_engine::store::Revision::parse(&written).unwrap();
        assert_eq!(snapshot.revision().holds(&written), Some(true));
        let found = snapshot.entities(&anna).await.unwrap();
        let fresh = open(&database);
        let mut other = fresh.snapshot(&schema, None).await.unwrap();
        assert_eq!(found, other.entities(&anna).await.unwrap());
    });
}

/// Nobody waits for an answer any more, so the server does not work on it.
#[test]
fn a_search_that_is_given_up_ends_on_the_server_too() {
    let server = Server::start(&[]);
    let (database, store) = imported_on(&server);
    drop(store);
    database.sql(
        "DROP VIEW \"Peppol::Document\";
         CREATE VIEW \"Peppol::Document\" AS
         SELECT 'd'::text AS id, 'l'::text AS \"legalEntity\", 'IN'::text AS direction
         FROM generate_series(1, 1000000) AS one, generate_series(1, 1000000) AS other
         WHERE one + other < 0",
    );
    let options = PostgresOptions {
        timeout: Duration::from_secs(5),
        ..PostgresOptions::default()
    };
    let store = Postgres::new(&database.url(), options).unwrap();
    let schema = shipped();
    let wanted = Candidates {
        of: "Peppol::Document".parse().unwrap(),
        condition: Condition::Always,
        after: None,
        limit: 10,
    };
    runtime().block_on(async {
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        let asked = tokio::time::timeout(Duration::from_millis(100), snapshot.candidates(&wanted));
        assert!(asked.await.is_err(), "the view has come to an end");
    });
    let at_work = "SELECT count(*) FROM pg_stat_activity
         WHERE state = 'active' AND query LIKE '%MATERIALIZED%' AND pid <> pg_backend_pid()";
    until("the server has stopped working on it", || {
        database.sql(at_work) == "0"
    });
}
