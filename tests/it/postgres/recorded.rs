//! The store says, of all that is written by any statement, which entities have
//! changed: random writes, and a comparison of all that can be read before and after.

use peppol_authz_engine::schema::Row;
use peppol_authz_engine::store::{Changes, Revision, Snapshot, Store, TagKeys, Tags};
use rusqlite::Connection;

use super::client::connect;
use super::open;
use super::server::SHARED;
use super::writes::{self, Dialect};
use crate::deciding;
use crate::rules::rng::Rng;
use crate::store::{runtime, shipped};

const WRITES: usize = 1000;

/// Writes that fill the tables first.
const FILL: usize = 300;

/// A state, and all that it holds.
struct RecordedState {
    revision: Revision,
    entities: Vec<(Option<Row>, Tags)>,
}

/// The results, counted.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    /// Entities that were changed.
    changed: usize,
    /// Writes after which everything may have changed.
    everything: usize,
}

async fn read(snapshot: &mut dyn Snapshot) -> RecordedState {
    let uids = writes::entities();
    let rows = snapshot.entities(&uids).await.unwrap();
    let all: Vec<_> = uids.into_iter().map(|uid| (uid, TagKeys::All)).collect();
    let tags = snapshot.tags(&all).await.unwrap();
    RecordedState {
        revision: snapshot.revision().clone(),
        entities: rows.into_iter().zip(tags).collect(),
    }
}

/// The changes recorded since a state hold all real changes. Returns how many were recorded.
async fn compare(
    store: &dyn Store,
    before: &RecordedState,
    sql: &str,
) -> (RecordedState, usize, bool) {
    let mut snapshot = store
        .snapshot(&shipped(), Some(&before.revision))
        .await
        .unwrap();
    let after = read(&mut *snapshot).await;
    let uids = writes::entities();
    let pairs = before.entities.iter().zip(&after.entities);
    let changed: Vec<_> = uids
        .iter()
        .zip(pairs)
        .filter(|(_, (before, after))| before != after)
        .map(|(uid, _)| uid)
        .collect();
    let everything = match snapshot.changes() {
        Changes::Everything => true,
        Changes::Of(told) => {
            let untold: Vec<_> = changed.iter().filter(|uid| !told.contains(uid)).collect();
            assert!(untold.is_empty(), "{untold:?} after {sql}");
            false
        }
        Changes::Nothing => {
            assert!(changed.is_empty(), "{changed:?} after {sql}");
            false
        }
        Changes::Untold | Changes::AnotherHistory => panic!("this store tells of one history"),
    };
    (after, changed.len(), everything)
}

/// Writes, and looks after each at what has changed since the last look, and now and
/// then at what has since one further back.
async fn follow(
    store: &dyn Store,
    rng: &mut Rng,
    dialect: Dialect,
    mut write: impl AsyncFnMut(&str) -> bool,
) -> Tally {
    for _ in 0..FILL {
        write(&writes::any(rng, dialect)).await;
    }
    let mut first = store.snapshot(&shipped(), None).await.unwrap();
    let mut anchor = read(&mut *first).await;
    let mut before = read(&mut *first).await;
    drop(first);
    let mut since_anchor = String::new();
    let mut tally = Tally::default();
    for number in 0..WRITES {
        let sql = writes::any(rng, dialect);
        if !write(&sql).await {
            tally.refused += 1;
            continue;
        }
        since_anchor += &sql;
        let (after, changed, everything) = compare(store, &before, &sql).await;
        tally.changed += changed;
        if everything {
            assert!(sql.contains("TRUNCATE"), "{sql}");
            tally.everything += 1;
        }
        before = after;
        if number % 7 == 0 {
            let (after, ..) = compare(store, &anchor, &since_anchor).await;
            anchor = after;
            since_anchor.clear();
        }
    }
    tally
}

fn assert_it_was_worth_it(tally: &Tally) {
    assert!(tally.refused < WRITES * 4 / 5, "{tally:?}");
    assert!(tally.changed > WRITES / 4, "{tally:?}");
}

/// With foreign keys on and off and with either setting of recursive triggers, as a
/// program may have them.
#[test]
fn whatever_is_written_to_sqlite_is_told() {
    for (seed, (keys, recursive)) in [(false, false), (false, true), (true, false), (true, true)]
        .into_iter()
        .enumerate()
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tenancy.db");
        let store = deciding::open(&path);
        let connection = Connection::open(&path).unwrap();
        for (pragma, value) in [("foreign_keys", keys), ("recursive_triggers", recursive)] {
            connection.pragma_update(None, pragma, value).unwrap();
        }
        connection
            .pragma_update(None, "synchronous", "OFF")
            .unwrap();
        let mut rng = Rng::new(7 + seed as u64);
        let tally = runtime().block_on(follow(&store, &mut rng, Dialect::Sqlite, async |sql| {
            let done = connection.execute_batch(sql).is_ok();
            if !done && !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK").unwrap();
            }
            done
        }));
        assert_it_was_worth_it(&tally);
        assert_eq!(tally.everything, 0, "{tally:?}");
    }
}

/// The differences between the derived tables and the facts.
pub(crate) const DERIVED: &str = "
WITH facts AS (
  SELECT
    participant.id AS participant,
    participant.organisation_id AS organisation,
    CASE WHEN count(held.user_id) = 1 THEN min(held.user_id) END AS only_user
  FROM participant LEFT JOIN party_authorization AS held ON held.participant_id = participant.id
  GROUP BY 1, 2
),
wanted AS (
  SELECT 'participant' AS what, participant AS one, organisation AS two, only_user AS three FROM facts
  UNION ALL
  SELECT 'organisation', organisation, count(*)::text, NULL FROM facts GROUP BY 2
  UNION ALL
  SELECT 'only user', organisation, only_user, count(*)::text FROM facts WHERE only_user IS NOT NULL GROUP BY 2, 3
),
held AS (
  SELECT 'participant', participant_id, organisation_id, only_user_id
  FROM derived_participant WHERE organisation_id IS NOT NULL
  UNION ALL
  SELECT 'organisation', organisation_id, participants::text, NULL FROM derived_organisation
  UNION ALL
  SELECT 'only user', organisation_id, user_id, participants::text FROM derived_only_user
)
(TABLE wanted EXCEPT TABLE held) UNION ALL (TABLE held EXCEPT TABLE wanted)";

/// And what is derived is right after each of them.
#[test]
fn whatever_is_written_to_postgres_is_told() {
    let database = SHARED.database();
    let store = open(&database);
    let tally = runtime().block_on(async {
        let client = connect(&database.url()).await;
        let mut rng = Rng::new(11);
        follow(&store, &mut rng, Dialect::Postgres, async |sql| {
            if client.batch_execute(sql).await.is_err() {
                client.batch_execute("ROLLBACK").await.unwrap();
                return false;
            }
            let wrong = client.query(DERIVED, &[]).await.unwrap();
            assert!(wrong.is_empty(), "{sql}: {wrong:?}");
            true
        })
        .await
    });
    assert_it_was_worth_it(&tally);
    assert!(tally.everything > 0, "{tally:?}");
}
