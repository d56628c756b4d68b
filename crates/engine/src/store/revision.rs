//! Names of states of a store, and which of two states holds the other.
//!
//! A name begins with the history that its state is of: `5f0c9a1e-57.00c3…` is the state
//! after record 57 of the history `5f0c9a1e`, as SQLite names it, and `9b…-741:743:742` a
//! snapshot of PostgreSQL. A restored backup, a promoted replica or a database that was made
//! anew is another history, where the same number means another state. A database of an
//! operator's own views names its states as it likes, without a history.

use std::fmt;
use std::sync::Arc;

/// A state of a store, by a name that callers see and may give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    name: Arc<str>,
    /// The history that the name begins with, if it has one.
    history: Option<Arc<str>>,
    state: State,
    /// The file, server or set of views that the state was read from; no part of the name.
    origin: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Writes are numbered in the order in which they were committed: the state
    /// holds all up to this one. Of a store whose states are snapshots: the write
    /// of the transaction of that number.
    Number(u64),
    /// The state after a change record. The mark is drawn at random when the record is
    /// written, so that no other history has a record with both.
    Record { number: u64, mark: u64 },
    /// A PostgreSQL snapshot.
    Snapshot(Transactions),
    /// One that never changes.
    Fixed,
}

/// The transactions that a snapshot sees: all below `least`, and those between
/// that and `next` that are not in `running`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Transactions {
    least: u64,
    next: u64,
    /// Sorted.
    running: Vec<u64>,
}

/// A name longer than this is none.
const LONGEST: usize = 8192;

/// Digits that the name of a history may have.
const HISTORY_DIGITS: std::ops::RangeInclusive<usize> = 8..=32;

impl Revision {
    /// The state after the write of that number, in a store that names no history.
    #[must_use]
    pub fn number(number: u64) -> Self {
        Self {
            name: number.to_string().into(),
            history: None,
            state: State::Number(number),
            origin: None,
        }
    }

    /// The state after a change record of a history. `None` for a text that names no history.
    #[must_use]
    pub fn record(history: &str, number: u64, mark: u64) -> Option<Self> {
        Self::parse(&format!("{history}-{number}.{mark:016x}"))
    }

    /// A PostgreSQL snapshot, as `pg_current_snapshot()` writes it, of a history. `None` for a
    /// text that is no snapshot, or names no history.
    #[must_use]
    pub fn snapshot(history: Option<&str>, text: &str) -> Option<Self> {
        let name = match history {
            Some(history) => format!("{history}-{text}"),
            None => text.to_owned(),
        };
        Self::parse(&name).filter(Self::is_snapshot)
    }

    /// The one state of a store that never changes.
    #[must_use]
    pub fn fixed(name: &str) -> Self {
        Self {
            name: name.into(),
            history: None,
            state: State::Fixed,
            origin: None,
        }
    }

    /// Says where a state was read. States of different origins do not follow each other: the
    /// changes between them cannot be told.
    #[must_use]
    pub fn read_from(self, origin: Arc<str>) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }

    /// Reads a name: a number, a record or a PostgreSQL snapshot, with or without a history
    /// before it, or the digest of a file. `None` for a text that is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        let (history, rest) = match text.split_once('-') {
            Some((history, rest)) => (Some(history), rest),
            None => (None, text),
        };
        if history.is_some_and(|history| !is_history(history)) {
            return None;
        }
        let state = if let Some(number) = number(rest) {
            State::Number(number)
        } else if let Some((number_of, mark)) = rest.split_once('.') {
            history?;
            State::Record {
                number: number(number_of)?,
                mark: mark_of(mark)?,
            }
        } else if rest.contains(':') {
            State::Snapshot(Transactions::parse(rest)?)
        } else if history.is_none() && rest.bytes().all(|b| b.is_ascii_hexdigit()) {
            State::Fixed
        } else {
            return None;
        };
        Some(Self {
            name: text.into(),
            history: history.map(Arc::from),
            state,
            origin: None,
        })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The history that the name begins with.
    #[must_use]
    pub fn history(&self) -> Option<&str> {
        self.history.as_deref()
    }

    /// The part of the name behind the history.
    #[must_use]
    pub fn state(&self) -> &str {
        match self.name.split_once('-') {
            Some((_, state)) => state,
            None => &self.name,
        }
    }

    /// The number and the mark of a change record, if it is named by one.
    #[must_use]
    pub fn as_record(&self) -> Option<(u64, u64)> {
        match self.state {
            State::Record { number, mark } => Some((number, mark)),
            _ => None,
        }
    }

    /// Returns true if it is a number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self.state, State::Number(_))
    }

    /// Returns true if it is a PostgreSQL snapshot.
    #[must_use]
    pub fn is_snapshot(&self) -> bool {
        matches!(self.state, State::Snapshot(_))
    }

    /// Returns true if this is `other` or a later state of the same history, read from the
    /// same place: the changes between them can be told.
    #[must_use]
    pub fn follows(&self, other: &Self) -> bool {
        let later = match (&self.state, &other.state) {
            // The store has compared the marks.
            (State::Record { number, .. }, State::Record { number: before, .. })
                if number > before =>
            {
                true
            }
            _ => self.holds(other) == Some(true),
        };
        self.origin == other.origin && self.history == other.history && later
    }

    /// True if everything that `other` holds is in this state: it is the same or a later one.
    /// `None` if the two cannot be of one history, or if only the store can tell.
    #[must_use]
    pub fn holds(&self, other: &Self) -> Option<bool> {
        if self.history != other.history {
            return None;
        }
        match (&self.state, &other.state) {
            (State::Number(this), State::Number(other)) => Some(this >= other),
            (
                State::Record { number, mark },
                State::Record {
                    number: other,
                    mark: other_mark,
                },
            ) => match number.cmp(other) {
                std::cmp::Ordering::Less => Some(false),
                std::cmp::Ordering::Equal => (mark == other_mark).then_some(true),
                std::cmp::Ordering::Greater => None,
            },
            (State::Snapshot(this), State::Number(other)) => Some(this.sees(*other)),
            (State::Snapshot(this), State::Snapshot(other)) => Some(this.sees_all(other)),
            (State::Fixed, State::Fixed) => (self.name == other.name).then_some(true),
            _ => None,
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Digits and nothing else; `u64::from_str` takes a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

fn is_history(text: &str) -> bool {
    HISTORY_DIGITS.contains(&text.len()) && text.bytes().all(is_lower_hex)
}

fn mark_of(text: &str) -> Option<u64> {
    (text.len() == 16 && text.bytes().all(is_lower_hex))
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten()
}

/// One spelling for one state.
fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

// === impl Transactions ===

impl Transactions {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (least, next, running) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let running = match running {
            "" => Vec::new(),
            list => list.split(',').map(number).collect::<Option<Vec<_>>>()?,
        };
        let (least, next) = (number(least)?, number(next)?);
        let sorted = running.is_sorted_by(|a, b| a < b);
        let within = running.iter().all(|id| (least..next).contains(id));
        (least <= next && sorted && within).then_some(Self {
            least,
            next,
            running,
        })
    }

    fn sees(&self, id: u64) -> bool {
        id < self.least || (id < self.next && self.running.binary_search(&id).is_err())
    }

    fn sees_all(&self, other: &Self) -> bool {
        // The other may have seen no transaction that came after this state.
        let later = other.next.saturating_sub(self.next);
        let running = other.running.iter().filter(|id| **id >= self.next);
        running.count() as u64 == later && self.running.iter().all(|id| !other.sees(*id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(text: &str) -> Revision {
        Revision::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_are_in_order() {
        assert_eq!(revision("7").holds(&revision("7")), Some(true));
        assert_eq!(revision("8").holds(&revision("7")), Some(true));
        assert_eq!(revision("6").holds(&revision("7")), Some(false));
    }

    #[test]
    fn a_snapshot_holds_the_transactions_that_it_sees() {
        let snapshot = revision("10:15:11,13");
        for (id, seen) in [
            (9, true),
            (10, true),
            (11, false),
            (12, true),
            (13, false),
            (14, true),
            (15, false),
        ] {
            assert_eq!(snapshot.holds(&Revision::number(id)), Some(seen), "{id}");
        }
    }

    /// Against the definition: every transaction that the one sees, the other does.
    #[test]
    fn a_snapshot_holds_another_where_it_sees_all_that_it_sees() {
        let mut all = Vec::new();
        for least in 1..4_u64 {
            for next in least..6 {
                for set in 0..1_u32 << (next - least) {
                    let running: Vec<_> = (least..next)
                        .filter(|id| set >> (id - least) & 1 == 1)
                        .map(|id| id.to_string())
                        .collect();
                    all.push(revision(&format!("{least}:{next}:{}", running.join(","))));
                }
            }
        }
        let (mut held, mut not) = (0, 0);
        for one in &all {
            for other in &all {
                let sees = |revision: &Revision, id| revision.holds(&Revision::number(id)).unwrap();
                let expected = (0..7).all(|id| !sees(other, id) || sees(one, id));
                assert_eq!(one.holds(other), Some(expected), "{one} {other}");
                if expected { held += 1 } else { not += 1 }
            }
        }
        assert!(held > 100 && not > 100, "{held} {not}");
    }

    #[test]
    fn nothing_follows_from_another_history_or_another_origin() {
        let of = |history: &str, origin: &str| {
            let read = Revision::snapshot(Some(history), "1:2:").unwrap();
            read.read_from(origin.into())
        };
        let here = of("00000001", "a");
        assert!(here.follows(&of("00000001", "a")));
        assert!(!of("00000001", "b").follows(&here));
        assert!(!of("00000002", "a").follows(&here));
        assert_eq!(of("00000001", "b").holds(&here), Some(true));
        assert_eq!(of("00000002", "a").holds(&here), None);
        assert_eq!(revision("1:2:").holds(&here), None);
        assert_eq!(here.holds(&revision("1")), None);
    }

    #[test]
    fn a_record_of_another_mark_is_another_state() {
        let of = |number, mark| Revision::record("00ff00ff", number, mark).unwrap();
        assert_eq!(of(7, 1).holds(&of(7, 1)), Some(true));
        assert_eq!(of(7, 1).holds(&of(7, 2)), None);
        assert_eq!(of(6, 1).holds(&of(7, 2)), Some(false));
        // The store has the records between them, and can tell.
        assert_eq!(of(8, 1).holds(&of(7, 2)), None);
        assert!(of(8, 1).follows(&of(7, 2)));
        assert!(!of(7, 1).follows(&of(7, 2)));
        assert!(!of(6, 1).follows(&of(7, 2)));
        assert_eq!(of(7, 1).name().as_ref(), "00ff00ff-7.0000000000000001");
        assert_eq!(of(7, u64::MAX).as_record(), Some((7, u64::MAX)));
    }

    #[test]
    fn states_of_different_stores_cannot_be_compared() {
        let four = [
            "7",
            "1:2:",
            "00ff00ff00ff00ff",
            "00ff00ff-7.00ff00ff00ff00ff",
        ]
        .map(revision);
        for (one, other) in [(0, 1), (0, 2), (1, 2), (2, 0), (0, 3), (3, 0), (1, 3)] {
            assert_eq!(four[one].holds(&four[other]), None, "{one} {other}");
        }
        assert_eq!(four[2].holds(&revision("00ff00ff00ff00fe")), None);
    }

    #[test]
    fn a_text_that_is_no_name_is_refused() {
        for text in [
            "",
            "+7",
            "-7",
            "7 ",
            "x",
            "1:2",
            "1:2:3:4",
            "3:2:",
            "1:5:3,2",
            "1:5:2,2",
            "1:5:5",
            "1:5:x",
            "1:5:2,",
            "a:b:",
            "7.00ff00ff00ff00ff",
            "00ff00ff-",
            "00ff-7",
            "00FF00FF-7",
            "00ff00ff-7.1",
            "00ff00ff-7.00FF00FF00FF00FF",
            "00ff00ff-00ff00ff00ff00ff",
            "00ff00ff-00ff00ff-7",
            "00ff00ff-7.00ff00ff00ff00ff.1",
        ] {
            assert_eq!(Revision::parse(text), None, "{text}");
        }
        assert_eq!(Revision::parse(&"1".repeat(LONGEST + 1)), None);
        let long = format!("{}-7", "0".repeat(33));
        assert_eq!(Revision::parse(&long), None);
    }
}
