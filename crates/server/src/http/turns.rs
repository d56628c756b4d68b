//! The turns of lines in the log: a few of each kind, however many there could be.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least interval between two lines of one kind.
const APART: Duration = Duration::from_secs(10);

/// The lines of one kind that are logged before that interval is kept.
const AT_ONCE: u32 = 5;

/// The kinds that are kept apart. All others share their turns.
const KINDS: usize = 1000;

/// A caller may cause any number of lines, so the log has only so many of each kind: a
/// frequent one hides no rare one.
#[derive(Debug)]
pub(super) struct LogTurns<K> {
    told: Mutex<ToldKinds<K>>,
}

#[derive(Debug)]
struct ToldKinds<K> {
    kinds: HashMap<K, ToldKind>,
    others: Option<ToldKind>,
}

/// The lines of one kind.
#[derive(Debug)]
struct ToldKind {
    /// The lines that may be logged yet.
    left: u32,
    /// The time from which one more may be.
    since: Instant,
    /// The events since the last line, which no line tells of.
    left_out: u64,
}

impl<K> Default for LogTurns<K> {
    fn default() -> Self {
        Self {
            told: Mutex::new(ToldKinds {
                kinds: HashMap::new(),
                others: None,
            }),
        }
    }
}

impl<K: Eq + Hash> LogTurns<K> {
    /// Returns how often it happened without a line, if it is time for a line of this kind.
    pub(super) fn turn(&self, kind: K, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = ToldKind {
            left: AT_ONCE,
            since: now,
            left_out: 0,
        };
        let ToldKinds { kinds, others } = &mut *told;
        let told = match kinds.len() < KINDS || kinds.contains_key(&kind) {
            true => kinds.entry(kind).or_insert(fresh),
            false => others.get_or_insert(fresh),
        };
        let waited = now.saturating_duration_since(told.since).as_secs() / APART.as_secs();
        let gained = u32::try_from(waited).unwrap_or(u32::MAX);
        if gained > 0 {
            told.left = told.left.saturating_add(gained).min(AT_ONCE);
            told.since = now;
        }
        if told.left == 0 {
            told.left_out = told.left_out.saturating_add(1);
            return None;
        }
        told.left -= 1;
        Some(std::mem::take(&mut told.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_kind_is_a_few_lines_and_hides_no_other() {
        let told = LogTurns::default();
        let start = Instant::now();
        let turns = |kind, at: Instant| {
            let all = (0..1000).filter_map(|_| told.turn(kind, at));
            all.collect::<Vec<_>>()
        };
        assert_eq!(turns("a", start), [0; 5]);
        assert_eq!(turns("b", start), [0; 5]);
        // The next line tells how many were kept back.
        assert_eq!(turns("a", start + APART), [995]);
        assert_eq!(turns("a", start + APART * 2), [999]);
        assert_eq!(turns("a", start + APART * 1000), [999, 0, 0, 0, 0]);
    }

    #[test]
    fn kinds_without_end_share_their_turns() {
        let told = LogTurns::default();
        let start = Instant::now();
        let lines = (0..2 * KINDS).filter_map(|kind| told.turn(kind, start));
        assert_eq!(lines.count(), KINDS + AT_ONCE as usize);
        assert_eq!(told.turn(0, start), Some(0));
    }
}
