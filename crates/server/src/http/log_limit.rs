//! How many lines of the log failures of one kind may fill: while a store is away, every question
//! fails.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many lines of a kind are written in this time.
const LINES: u32 = 10;
const TIME: Duration = Duration::from_secs(10);

/// By code.
static KINDS: Mutex<BTreeMap<&'static str, Lines>> = Mutex::new(BTreeMap::new());

struct Lines {
    since: Instant,
    written: u32,
    left_out: u64,
}

/// How many failures of a kind were left out since its last line; `None` if this one is as well.
pub(super) fn line(code: &'static str) -> Option<u64> {
    line_at(&KINDS, code, Instant::now())
}

fn line_at(
    kinds: &Mutex<BTreeMap<&'static str, Lines>>,
    code: &'static str,
    now: Instant,
) -> Option<u64> {
    let mut kinds = kinds.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = kinds.entry(code).or_insert(Lines {
        since: now,
        written: 0,
        left_out: 0,
    });
    if now.duration_since(lines.since) >= TIME {
        lines.since = now;
        lines.written = 0;
    }
    if lines.written == LINES {
        lines.left_out += 1;
        return None;
    }
    lines.written += 1;
    Some(std::mem::take(&mut lines.left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_lines_of_each_kind_are_written_and_the_others_counted() {
        let (kinds, now) = (Mutex::default(), Instant::now());
        let line = |code, now| line_at(&kinds, code, now);
        for _ in 0..LINES {
            assert_eq!(line("A", now), Some(0));
        }
        for _ in 0..5 {
            assert_eq!(line("A", now), None);
        }
        assert_eq!(line("B", now), Some(0));
        assert_eq!(line("A", now + TIME), Some(5));
        assert_eq!(line("A", now + TIME), Some(0));
    }
}
