//! The decision log: one JSON line for each decision, and deciding it again.
//!
//! Whoever answers a question hands the decision to a bounded queue and goes on; one thread makes
//! lines of what is in it and writes them. What happens while there is no room is a setting
//! ([`crate::config::WhenFull`]): by `wait` and `refuse` no answer leaves whose line is not in the
//! queue, and none while the file cannot be written.
//!
//! [`Replay`] decides a line again, from the entities that it holds or from a store.

mod alike;
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
