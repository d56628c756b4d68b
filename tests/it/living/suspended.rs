//! A machine that slept for an hour, or was stopped by its host: what is an hour old is not answered as new.

use super::fake_clock::{FakeClock, HOUR};
use super::{State, answered, done};
use crate::eventually::eventually;
use crate::postgres::proxy::{Mode, Proxy};
use crate::postgres::server::{Database, SHARED};
use crate::sidecar::{Sidecar, Start};

const REVOKED: &str = "UPDATE registered_user SET superadmin = (id = 'last')";
const GRANTED: &str = "UPDATE registered_user SET superadmin = (id = 'first')";

/// A database in the first state.
fn database() -> Database {
    let database = SHARED.database();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.ndjson");
    std::fs::write(&file, State::First.documents(0)).unwrap();
    let url = database.url();
    done(&["import", "--tenancy", &url, file.to_str().unwrap()]);
    database
}

/// Waits for the answer of a state. What is no answer is passed over, and the other one is awaited.
#[track_caller]
fn until_answered(sidecar: &Sidecar, wanted: State) {
    eventually(&format!("{wanted:?}"), || match answered(sidecar) {
        Ok(found) if found == wanted => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// Its connections to the database are dead, and nobody has told it. By its own clock it has looked a moment ago.
#[test]
fn with_postgres_that_it_does_not_hear_any_more() {
    let database = database();
    let proxy = Proxy::to(database.port);
    let clock = FakeClock::new();
    // Longer than this test, and shorter than the machine sleeps.
    let sidecar = clock
        .of(Start::new().with(&["--tenancy", &database.url_of("postgres", proxy.port)]))
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "30m")
        .variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "500ms")
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "200ms")
        .start();
    let (mut calendar, mut slept) = (0, 0);
    // The host says how long it was, the machine, or both.
    for (by_calendar, by_machine) in [(HOUR, HOUR), (HOUR, 0), (0, HOUR)] {
        until_answered(&sidecar, State::First);
        proxy.set(Mode::Blackhole);
        sidecar.signal("STOP");
        database.sql(REVOKED);
        (calendar, slept) = (calendar + by_calendar, slept + by_machine);
        clock.is(calendar, slept);
        sidecar.signal("CONT");
        for _ in 0..3 {
            // Errors are no answers.
            answered(&sidecar).unwrap_err();
        }
        proxy.set(Mode::Forward);
        proxy.cut();
        until_answered(&sidecar, State::Last);
        database.sql(GRANTED);
    }
    // A calendar that is put back makes nothing younger, and nothing older.
    until_answered(&sidecar, State::First);
    proxy.set(Mode::Blackhole);
    clock.is(calendar - HOUR, slept);
    assert_eq!(answered(&sidecar), Ok(State::First));
    proxy.set(Mode::Forward);
    proxy.cut();
    database.sql(REVOKED);
    until_answered(&sidecar, State::Last);
}

/// A write while it slept is known with the first answer.
#[test]
fn with_sqlite_and_with_a_demand_for_a_young_state() {
    let clock = FakeClock::new();
    let start = Start::new();
    let (path, file) = (start.path("tenancy.db"), start.path("a.ndjson"));
    let source = format!("sqlite:{}", path.display());
    let import = |state: State| {
        std::fs::write(&file, state.documents(0)).unwrap();
        done(&["import", "--tenancy", &source, file.to_str().unwrap()]);
    };
    import(State::First);
    let sidecar = clock.of(start.with(&["--tenancy", &source])).start();
    let mut state = State::First;
    for (calendar, slept) in [(HOUR, HOUR), (2 * HOUR, HOUR), (-HOUR, HOUR), (0, 2 * HOUR)] {
        assert_eq!(answered(&sidecar), Ok(state));
        sidecar.signal("STOP");
        state = state.other();
        import(state);
        clock.is(calendar, slept);
        sidecar.signal("CONT");
        assert_eq!(answered(&sidecar), Ok(state));
    }
}
