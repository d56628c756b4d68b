//! Entities in memory, while policies and schema change.

use rusqlite::Connection;

use super::{CLOSED, append, ask, is_taken, replace, schema_with, start};
use crate::samples::Samples;
use crate::sidecar::Sidecar;

/// Entities that were read from the store.
fn read(sidecar: &Sidecar) -> f64 {
    Samples::of(sidecar).value("cache_misses_total", &[])
}

#[test]
fn entities_stay_in_memory_until_they_or_the_schema_are_changed() {
    let (sidecar, policies, schema) = start();
    assert_eq!(ask(&sidecar).0, "Allow");
    let first = read(&sidecar);
    assert!(first > 0.0);
    append(&policies.join("modes.cedar"), CLOSED);
    is_taken(&sidecar, "Deny");
    assert_eq!(read(&sidecar), first);
    let database = Connection::open(sidecar.path("tenancy.db")).unwrap();
    let write = "UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme'";
    assert_eq!(database.execute(write, []).unwrap(), 1);
    assert_eq!(ask(&sidecar).0, "Allow");
    let written = read(&sidecar);
    assert!(written > first);
    // Another text may mean the same, or not.
    replace(&schema, &schema_with("}\n// Another text.\n"));
    is_taken(&sidecar, "Allow");
    assert!(read(&sidecar) > written);
}
