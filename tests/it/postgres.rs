//! PostgreSQL as tenancy store: a real server, and the real program beside it.

mod alive;
pub(crate) mod client;
mod collation;
mod concurrent;
mod crowd;
mod freshness;
mod given_up;
mod grants;
mod importing;
pub(crate) mod migrations;
mod new_enemy;
mod order;
mod own;
mod password;
mod places;
mod pooled;
mod pooler;
mod prepared;
pub(crate) mod proxy;
mod pruned;
mod recorded;
mod replica;
mod rewritten;
pub(crate) mod scene;
pub(crate) mod server;
pub(crate) mod session;
mod start;
mod tls;
mod trouble;
mod writes;

use peppol_authz_database::{Import, Imported, Postgres, PostgresOptions};
use peppol_authz_engine::store::Store;

use crate::eventually::PATIENCE;
use crate::sidecar::project;
use crate::store::{DOCUMENTS, conforms, fixture_rows, runtime, shipped};
use server::{Database, SHARED, Server};

/// A store that is patient: the machine may be busy.
pub(crate) fn open(database: &Database) -> Postgres {
    let options = PostgresOptions {
        timeout: PATIENCE,
        ..PostgresOptions::default()
    };
    Postgres::new(&database.url(), options).unwrap()
}

pub(crate) fn import(store: &Postgres, documents: &str) -> Result<Imported, String> {
    let inputs = vec![("documents".to_owned(), documents.as_bytes())];
    runtime()
        .block_on(store.import(&Import::new().unwrap(), inputs, &mut |_| {}))
        .map_err(|error| error.to_string())
}

/// A database that holds the documents of the fixture.
pub(crate) fn imported() -> (Database, Postgres) {
    imported_on(&SHARED)
}

pub(crate) fn imported_on(server: &Server) -> (Database, Postgres) {
    let database = server.database();
    let store = open(&database);
    let documents = std::fs::read_to_string(project(DOCUMENTS)).unwrap();
    assert_eq!(import(&store, &documents).unwrap().documents, 20);
    (database, store)
}

/// On a server of its own: a write in any database of a server is another state.
#[test]
fn postgres_conforms() {
    let server = Server::start(&["autovacuum=off"]);
    let (_database, store) = imported_on(&server);
    let schema = shipped();
    // The served types are known with the first read.
    drop(runtime().block_on(store.snapshot(&schema, None)).unwrap());
    conforms(&store, &schema, &fixture_rows(&schema));
}
