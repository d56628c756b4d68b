//! An import is there whole, or it is not there.

use std::path::Path;

use super::{Kills, time};
use crate::eventually::eventually;
use crate::living::{State, answered, done, exported, files};
use crate::postgres::server::SHARED;
use crate::sidecar::{Start, program};

const ORGANISATIONS: usize = 300;

/// Kills imports into a store, while a sidecar answers over it.
fn is_whole(source: &str, directory: &Path) {
    let file = |state: State| {
        let path = directory.join(format!("{state:?}.ndjson"));
        std::fs::write(&path, state.documents(ORGANISATIONS)).unwrap();
        path.display().to_string()
    };
    let import = |file: &str| done(&["import", "--tenancy", source, file]);
    let (first, last) = (file(State::First), file(State::Last));
    import(&first);
    let of_first = exported(source);
    let (_, whole) = time(|| import(&last));
    let of_last = exported(source);
    assert_ne!(of_first, of_last);
    let sidecar = Start::new().with(&["--tenancy", source]).start();
    let (mut kills, mut state) = (Kills::new(), State::Last);
    let of = |state| match state {
        State::First => (&first, &of_first),
        State::Last => (&last, &of_last),
    };
    let mut came_through = 0;
    for _ in 0..kills.number() {
        let (next, after) = of(state.other());
        kills.kill(
            program().args(["import", "--tenancy", source, next]),
            whole.mul_f64(1.1),
        );
        let found = exported(source);
        if found == *after {
            state = state.other();
            came_through += 1;
        } else {
            assert!(found == *of(state).1, "a part of an import is there");
        }
        let expected = format!("it answers of {state:?}");
        eventually(&expected, || match answered(&sidecar) {
            Ok(found) if found == state => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
    eprintln!("{came_through} of {} imports came through", kills.number());
    // The next one is not held up by what the killed ones have left.
    import(of(state.other()).0);
    assert!(exported(source) == *of(state.other()).1);
}

#[test]
fn into_sqlite() {
    let documents = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let source = format!("sqlite:{}", directory.path().join("tenancy.db").display());
    is_whole(&source, documents.path());
    // The sidecar was killed too, at the end.
    let left = files(directory.path());
    let known = ["tenancy.db", "tenancy.db-shm", "tenancy.db-wal"];
    assert!(left.iter().all(|name| known.contains(&&**name)), "{left:?}");
}

#[test]
fn into_postgres() {
    let documents = tempfile::tempdir().unwrap();
    let database = SHARED.database();
    is_whole(&database.url(), documents.path());
}
