//! Several programs that write at once, and one that reads only what it is told has
//! changed: it always holds what is there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cedar_policy::EntityUid;
use peppol_authz_engine::schema::Row;
use peppol_authz_engine::store::{Changes, Revision, Snapshot, Store, TagKeys, Tags};

use super::client::connect;
use super::open;
use super::recorded::DERIVED;
use super::server::SHARED;
use super::writes::{self, Dialect};
use crate::rules::rng::Rng;
use crate::store::{runtime, shipped};

const WRITERS: u64 = 4;
const TRANSACTIONS: usize = 150;

type Held = HashMap<EntityUid, (Option<Row>, Tags)>;

async fn read(snapshot: &mut dyn Snapshot, uids: &[EntityUid]) -> Held {
    let rows = snapshot.entities(uids).await.unwrap();
    let all: Vec<_> = uids.iter().map(|uid| (uid.clone(), TagKeys::All)).collect();
    let tags = snapshot.tags(&all).await.unwrap();
    let values = rows.into_iter().zip(tags);
    uids.iter().cloned().zip(values).collect()
}

/// Transactions of several statements, with pauses between, so that they commit in
/// another order than they began, until the reader has seen enough of them, and not for ever. Returns how many
/// were committed.
async fn write(url: &str, seed: u64, is_enough: &AtomicBool) -> usize {
    let client = connect(url).await;
    client
        .batch_execute("SET deadlock_timeout = '10ms'")
        .await
        .unwrap();
    let mut rng = Rng::new(seed);
    let mut committed = 0;
    for number in 0..40 * TRANSACTIONS {
        if number >= TRANSACTIONS && is_enough.load(Ordering::SeqCst) {
            break;
        }
        let mut statements = Vec::new();
        while statements.is_empty() || rng.percent(50) {
            let sql = writes::statement(&mut rng, Dialect::Postgres);
            // It heeds no snapshot: what it empties is empty in older ones too.
            if !sql.contains("TRUNCATE") {
                statements.push(sql);
            }
        }
        let deferred = "SET CONSTRAINTS ALL DEFERRED";
        let pause = format!("SELECT pg_sleep({})", rng.pick(["0", "0.001", "0.005"]));
        let body = statements.join(&format!("; {pause}; "));
        let sql = format!("BEGIN; {deferred}; {body}; {pause}; COMMIT");
        match client.batch_execute(&sql).await {
            Ok(()) => committed += 1,
            Err(_) => client.batch_execute("ROLLBACK").await.unwrap(),
        }
    }
    committed
}

/// True for enough looks, some of them while a transaction ran that had begun before one that was seen.
fn is_seen_enough(looks: usize, behind: usize) -> bool {
    looks > 20 && behind > 5
}

#[test]
fn who_reads_what_it_is_told_holds_what_is_there() {
    let database = SHARED.database();
    let store = open(&database);
    let (url, schema) = (database.url(), shipped());
    let (left, is_enough) = (AtomicUsize::new(WRITERS as usize), AtomicBool::new(false));
    let runtime = runtime();
    // Makes the tables.
    runtime.block_on(store.migrate()).unwrap();
    let (mut looks, mut behind) = (0, 0);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (url, left, is_enough) = (&url, &left, &is_enough);
                scope.spawn(move || {
                    let write = write(url, 100 + number, is_enough);
                    let written = crate::store::runtime().block_on(write);
                    left.fetch_sub(1, Ordering::SeqCst);
                    written
                })
            })
            .collect();
        runtime.block_on(async {
            let all = writes::entities();
            let mut held = Held::new();
            let mut since: Option<Revision> = None;
            // Once more after all have ended.
            let mut last = false;
            while !last {
                last = left.load(Ordering::SeqCst) == 0;
                let mut snapshot = store.snapshot(&schema, since.as_ref()).await.unwrap();
                let changed = match snapshot.changes().clone() {
                    Changes::Nothing => Vec::new(),
                    Changes::Of(mut uids) => {
                        uids.sort();
                        uids.dedup();
                        uids
                    }
                    Changes::Everything if since.is_none() => all.clone(),
                    other => panic!("{other:?}"),
                };
                held.extend(read(&mut *snapshot, &changed).await);
                let there = read(&mut *snapshot, &all).await;
                for uid in &all {
                    assert_eq!(held[uid], there[uid], "{uid} at {}", snapshot.revision());
                }
                looks += 1;
                // Some were running that had a smaller number than one that it saw.
                behind += usize::from(!snapshot.revision().name().ends_with(':'));
                is_enough.store(is_seen_enough(looks, behind), Ordering::SeqCst);
                since = Some(snapshot.revision().clone());
                drop(snapshot);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert!(held.values().any(|(row, _)| row.is_some()));
        });
        let written: usize = writers.into_iter().map(|it| it.join().unwrap()).sum();
        assert!(written > TRANSACTIONS, "{written}");
    });
    assert!(is_seen_enough(looks, behind), "{looks} {behind}");
    assert_eq!(database.sql(DERIVED), "");
}
