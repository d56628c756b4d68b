//! Reads that are given up half-way, as when a caller goes away: what is read
//! afterwards is the state of then and not of before.

use std::time::Duration;

use peppol_authz::store::{Postgres, PostgresOptions, Store};

use super::server::Server;
use super::session::Session;
use super::{imported_on, open};
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
        let mut locker = Session::on(&database);
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        locker.run("BEGIN; LOCK TABLE registered_user IN ACCESS EXCLUSIVE MODE");
        let asked = tokio::time::timeout(Duration::from_millis(300), snapshot.entities(&anna));
        assert!(asked.await.is_err(), "it does not wait for the lock");
        drop(snapshot);
        locker.run("UPDATE registered_user SET superadmin = NOT superadmin; COMMIT");
        let written = database.sql("SELECT pg_current_snapshot()");
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        let written = peppol_authz::store::Revision::parse(&written).unwrap();
        assert_eq!(snapshot.revision().holds(&written), Some(true));
        let found = snapshot.entities(&anna).await.unwrap();
        let fresh = open(&database);
        let mut other = fresh.snapshot(&schema, None).await.unwrap();
        assert_eq!(found, other.entities(&anna).await.unwrap());
    });
}
