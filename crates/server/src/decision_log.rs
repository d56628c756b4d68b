//! The decision log: one JSON line for each decision, and deciding it again.
//!
//! 1. The exchange hands each decision over before its answer leaves. `queue` takes it into a
//!    bounded queue, or waits, drops or refuses ([`crate::config::WhenFull`]). By `wait` and `refuse`
//!    no answer leaves whose line is not in the queue, and none while the last write failed.
//! 2. One thread (`writer`) makes lines (`entry`, `shown`) and writes as many together as there are
//!    (`sink`: `file`, `syslog`, `collected`). Of a decision that is given again most of the line is there already. A write that failed goes on at its end; in another file the line begins anew. So
//!    each line is there once, or torn and there.
//!    An act of an operator ([`Act`]), and what was loaded or refused while the program runs, has a line of its own form
//!    among them, and readers of decisions pass over it.
//! 3. [`Replay`] decides a line again by the engine, over a store of just the entities that the line
//!    holds (`recorded`), or over a tenancy store. The line also names the tags that were asked for:
//!    another tag is an error then, and not absent.

mod act;
mod alike;
mod batch;
mod collected;
mod entry;
mod file;
mod files;
mod pipe;
mod progress;
mod pseudonym;
mod queue;
mod read;
mod recorded;
mod replay;
mod shown;
mod sink;
mod syslog;
mod weight;
mod writer;

pub use act::{Act, LoadAct, is_act};
pub use entry::line_alone;
pub use files::LogFiles;
pub(crate) use pseudonym::is_hash;
pub use pseudonym::{KeyError, Pseudonyms};
pub use queue::{DecisionLog, LogError, LogRoom, LogStats, NotLogged, Room};
pub use read::{Line, Unreadable, lines};
pub(crate) use replay::unveiled;
pub use replay::{Again, Both, Replay, Undecided, decide_by_both};
pub use shown::asked;
pub use weight::weight;
