//! Names of states of a store, and which of two states holds the other.

use std::fmt;
use std::sync::Arc;

/// A state of a store, by a name that callers see and may give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    name: Arc<str>,
    state: State,
    /// Of a snapshot, the server and its history, since numbers are given out anew
    /// after a failover that lost some.
    server: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Writes are numbered in the order in which they were committed: the state
    /// holds all up to this one. Of a store whose states are snapshots: the write
    /// of the transaction of that number.
    Number(u64),
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

impl Revision {
    /// The state after the write of that number.
    #[must_use]
    pub fn number(number: u64) -> Self {
        Self {
            name: number.to_string().into(),
            state: State::Number(number),
            server: None,
        }
    }

    /// A PostgreSQL snapshot, as `pg_current_snapshot()` writes it, of a server with
    /// that history. `None` for a text that is none.
    #[must_use]
    pub fn snapshot(text: &str, server: Arc<str>) -> Option<Self> {
        Some(Self {
            name: text.into(),
            state: State::Snapshot(Transactions::parse(text)?),
            server: Some(server),
        })
    }

    /// The one state of a store that never changes.
    #[must_use]
    pub fn fixed(name: &str) -> Self {
        Self {
            name: name.into(),
            state: State::Fixed,
            server: None,
        }
    }

    /// Reads a name: a number, a PostgreSQL snapshot as `pg_current_snapshot()`
    /// writes it, or the digest of a file. `None` for what is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        let state = if let Some(number) = number(text) {
            State::Number(number)
        } else if text.contains(':') {
            State::Snapshot(Transactions::parse(text)?)
        } else if text.bytes().all(|b| b.is_ascii_hexdigit()) {
            State::Fixed
        } else {
            return None;
        };
        Some(Self {
            name: text.into(),
            state,
            server: None,
        })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
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

    /// Returns true if this is `other` or a later state of the same history: the changes
    /// between them can be told.
    #[must_use]
    pub fn follows(&self, other: &Self) -> bool {
        self.server == other.server && self.holds(other) == Some(true)
    }

    /// True if everything that `other` holds is in this state: it is the same or a later one.
    /// `None` if the two cannot be of one store.
    #[must_use]
    pub fn holds(&self, other: &Self) -> Option<bool> {
        match (&self.state, &other.state) {
            (State::Number(this), State::Number(other)) => Some(this >= other),
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
    fn after_a_failover_nothing_follows_from_before() {
        let on = |server: &str| Revision::snapshot("1:2:", server.into()).unwrap();
        assert!(on("a/1").follows(&on("a/1")));
        assert!(!on("a/2").follows(&on("a/1")));
        assert_eq!(on("a/2").holds(&on("a/1")), Some(true));
    }

    #[test]
    fn states_of_different_stores_cannot_be_compared() {
        let three = ["7", "1:2:", "00ff00ff00ff00ff"].map(revision);
        assert_eq!(three[0].holds(&three[1]), None);
        assert_eq!(three[0].holds(&three[2]), None);
        assert_eq!(three[1].holds(&three[2]), None);
        assert_eq!(three[2].holds(&three[0]), None);
        assert_eq!(three[2].holds(&revision("00ff00ff00ff00fe")), None);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "", "+7", "-7", "7 ", "x", "1:2", "1:2:3:4", "3:2:", "1:5:3,2", "1:5:2,2", "1:5:5",
            "1:5:x", "1:5:2,", "a:b:",
        ] {
            assert_eq!(Revision::parse(text), None, "{text}");
        }
        assert_eq!(Revision::parse(&"1".repeat(LONGEST + 1)), None);
    }
}
