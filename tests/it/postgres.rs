//! PostgreSQL as tenancy store: a real server, and the real program beside it.

pub(crate) mod server;

use peppol_authz::store::{Import, Imported, Postgres, PostgresOptions, Store};

use crate::sidecar::project;
use crate::store::{DOCUMENTS, conforms, fixture_rows, runtime, shipped};
use server::{Database, SHARED};

pub(crate) fn open(database: &Database) -> Postgres {
    Postgres::new(&database.url(), PostgresOptions::default()).unwrap()
}

pub(crate) fn import(store: &Postgres, documents: &str) -> Result<Imported, String> {
    let inputs = vec![("documents".to_owned(), documents.as_bytes())];
    runtime()
        .block_on(store.import(&Import::new().unwrap(), inputs, &mut |_| {}))
        .map_err(|error| error.to_string())
}

/// A database that holds the documents of the fixture.
pub(crate) fn imported() -> (Database, Postgres) {
    let database = SHARED.database();
    let store = open(&database);
    let documents = std::fs::read_to_string(project(DOCUMENTS)).unwrap();
    assert_eq!(import(&store, &documents).unwrap().documents, 20);
    (database, store)
}

#[test]
fn postgres_conforms() {
    let (_database, store) = imported();
    let schema = shipped();
    // Which types it serves is known with the first read.
    drop(runtime().block_on(store.snapshot(&schema, None)).unwrap());
    conforms(&store, &schema, &fixture_rows(&schema));
}
