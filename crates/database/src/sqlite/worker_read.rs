//! Reads that are done where they are asked for, on a worker.
//!
//! The reads of a question take some ten microseconds, and the way to another thread and back takes longer. So a
//! read begins on the worker. It has a budget of instructions: where that is used up, it is broken off, and done
//! from its beginning on a thread for such work. Where a read waits for a disk all the same, others go to those
//! threads for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Instructions of SQLite's machine between two looks at the budget, and the looks that a read has: together
/// about 100 microseconds.
const BETWEEN_LOOKS: i32 = 500;
const LOOKS: u32 = 10;

/// No budget: the read is on a thread of its own.
const UNLIMITED: u32 = u32::MAX;

/// Of more entities, or more tags, the reads begin on a thread.
pub(super) const FEW: usize = 64;

/// A read that took longer waited for something, and for how long no other begins on a worker then.
const LONG: Duration = Duration::from_millis(2);
const PAUSE: Duration = Duration::from_millis(100);

/// The budget of the reads of one connection.
#[derive(Debug)]
pub(super) struct ReadBudget {
    /// Looks that are left; 0 once a read was broken off.
    looks: AtomicU32,
}

/// When reads may begin on workers.
#[derive(Debug)]
pub(super) struct WorkerReads {
    began: Instant,
    /// Microseconds after that.
    paused_until: AtomicU64,
}

impl ReadBudget {
    /// Watches over a connection's reads.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Arc<Self>> {
        let budget = Arc::new(Self {
            looks: AtomicU32::new(UNLIMITED),
        });
        let own = Arc::clone(&budget);
        connection.progress_handler(BETWEEN_LOOKS, Some(move || own.is_used_up()))?;
        Ok(budget)
    }

    // One thread at a time has the connection, so the order of memory accesses is no concern.
    fn is_used_up(&self) -> bool {
        match self.looks.load(Ordering::Relaxed) {
            UNLIMITED => false,
            looks => {
                let left = looks.saturating_sub(1);
                self.looks.store(left, Ordering::Relaxed);
                left == 0
            }
        }
    }

    /// Reads within the budget; `None` for a read that was broken off.
    pub(super) fn within<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        self.looks.store(LOOKS, Ordering::Relaxed);
        let found = read();
        (self.looks.swap(UNLIMITED, Ordering::Relaxed) > 0).then_some(found)
    }
}

impl WorkerReads {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            paused_until: AtomicU64::new(0),
        }
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Reads on this worker, if reads may and this one is short.
    pub(super) fn read<T>(&self, budget: &ReadBudget, read: impl FnOnce() -> T) -> Option<T> {
        let started = self.micros();
        if started < self.paused_until.load(Ordering::Relaxed) {
            return None;
        }
        let found = budget.within(read);
        let ended = self.micros();
        if ended.saturating_sub(started) > LONG.as_micros() as u64 {
            let until = ended.saturating_add(PAUSE.as_micros() as u64);
            self.paused_until.store(until, Ordering::Relaxed);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(connection: &Connection, to: u32) -> rusqlite::Result<u32> {
        let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?) \
                   SELECT count(*) FROM n";
        connection
            .prepare_cached(sql)?
            .query_row([to], |row| row.get(0))
    }

    #[test]
    fn a_long_read_is_broken_off_and_a_short_one_is_not() {
        let connection = Connection::open_in_memory().unwrap();
        let budget = ReadBudget::of(&connection).unwrap();
        // Often: the instructions of one read do not count for the next one.
        for _ in 0..1000 {
            let found = budget.within(|| counted(&connection, 10));
            assert_eq!(found, Some(Ok(10)));
        }
        for _ in 0..10 {
            assert_eq!(budget.within(|| counted(&connection, 100_000)), None);
            // Without the budget it is read to its end, within the same transaction.
            assert_eq!(counted(&connection, 100_000), Ok(100_000));
        }
    }

    #[test]
    fn a_read_that_is_broken_off_leaves_the_transaction_as_it_was() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("t.db");
        let writer = Connection::open(&path).unwrap();
        writer
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE t (n); INSERT INTO t VALUES (1)",
            )
            .unwrap();
        let reader = Connection::open(&path).unwrap();
        let budget = ReadBudget::of(&reader).unwrap();
        let number = || reader.query_row("SELECT n FROM t", [], |row| row.get::<_, u32>(0));
        reader.execute_batch("BEGIN").unwrap();
        assert_eq!(number(), Ok(1));
        writer.execute("UPDATE t SET n = 2", []).unwrap();
        assert_eq!(budget.within(|| counted(&reader, 100_000)), None);
        assert_eq!(number(), Ok(1));
        reader.execute_batch("COMMIT").unwrap();
        assert_eq!(number(), Ok(2));
    }

    #[test]
    fn after_a_read_that_waited_others_go_elsewhere_for_a_while() {
        let connection = Connection::open_in_memory().unwrap();
        let budget = ReadBudget::of(&connection).unwrap();
        let reads = WorkerReads::new();
        assert_eq!(reads.read(&budget, || 1), Some(1));
        let waits = || std::thread::sleep(LONG * 2);
        // What was read counts all the same.
        assert_eq!(reads.read(&budget, waits), Some(()));
        assert_eq!(reads.read(&budget, || 1), None);
        let until = Duration::from_micros(reads.paused_until.load(Ordering::Relaxed));
        std::thread::sleep(until.saturating_sub(reads.began.elapsed()));
        assert_eq!(reads.read(&budget, || 1), Some(1));
    }
}
