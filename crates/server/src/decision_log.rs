//! The decision log: one JSON line for each decision, and the replay of lines.
//!
//! Surfaces put each decision into a bounded queue and go on; one thread turns them into lines and
//! writes these. A setting ([`crate::config::WhenFull`]) says what happens while there is no room:
//! with `wait` and `refuse` no answer leaves before its line is in the queue, and none while the
//! file cannot be written.
//!
//! [`Replay`] decides a line again, from the entities in it or from a store.

mod alike;
mod batch;
mod entry;
mod file;
mod progress;
mod pseudonym;
mod queue;
mod read;
mod recorded;
mod replay;
mod shown;
mod weight;
mod writer;

pub use pseudonym::{KeyError, Pseudonyms};
pub use queue::{DecisionLog, LogError, LogStats, NotLogged, Room};
pub use read::{Line, Unreadable, lines};
pub use replay::{Again, Both, Replay, Undecided, decide_by_both};
pub use shown::asked;
pub use weight::weight;
