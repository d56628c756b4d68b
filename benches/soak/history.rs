//! The history of a database, against which answers are held.

use std::collections::HashMap;
use std::sync::{Mutex, RwLock};

use super::USERS;

/// Every write of each user in one history: the transaction's number, and if the user is a member
/// after it. A user has one writer, so the writes are in the order of commits.
pub(crate) type Writes = Vec<Vec<(u64, bool)>>;

/// The writes of every history that the database has had, by its name.
pub(crate) struct Histories {
    pub(crate) all: Mutex<HashMap<String, Writes>>,
    /// The name of the history in force. Held for reading by who writes, and for writing by who
    /// restores.
    pub(crate) now: RwLock<String>,
}

impl Histories {
    pub(crate) fn last(&self, history: &str, user: usize) -> (u64, bool) {
        *self.all.lock().unwrap()[history][user].last().unwrap()
    }

    pub(crate) fn push(&self, history: &str, user: usize, write: (u64, bool)) {
        let mut all = self.all.lock().unwrap();
        all.get_mut(history).unwrap()[user].push(write);
    }

    /// True if the user's membership in the named state is `is_member`, and the state holds
    /// the write that was asked for.
    pub(crate) fn agrees(&self, decided: &Allowed, is_member: bool) -> bool {
        if decided.user >= USERS {
            return !is_member;
        }
        let (history, state) = decided.revision.split_once('-').unwrap();
        let state = SnapshotState::parse(state);
        let all = self.all.lock().unwrap();
        let writes = &all[history][decided.user];
        let last = writes.iter().rev().find(|(id, _)| state.sees(*id)).unwrap();
        let asked = decided
            .at_least
            .as_ref()
            .map(|name| name.split_once('-').unwrap());
        let holds = asked.is_none_or(|(of, id)| of == history && state.sees(id.parse().unwrap()));
        last.1 == is_member && holds
    }
}

/// A state by PostgreSQL's rule: what it sees of transactions.
struct SnapshotState {
    least: u64,
    next: u64,
    running: Vec<u64>,
}

impl SnapshotState {
    fn parse(name: &str) -> Self {
        let mut parts = name.split(':');
        let mut number = || parts.next().unwrap().parse().unwrap();
        let (least, next) = (number(), number());
        let running = parts.next().unwrap().split(',');
        let running = running.filter(|id| !id.is_empty());
        Self {
            least,
            next,
            running: running.map(|id| id.parse().unwrap()).collect(),
        }
    }

    fn sees(&self, id: u64) -> bool {
        id < self.least || (id < self.next && !self.running.contains(&id))
    }
}

/// An answer, to be held against the history once that is complete.
pub(crate) struct Allowed {
    pub(crate) user: usize,
    pub(crate) revision: String,
    pub(crate) at_least: Option<String>,
}
