//! How a database is opened.

use std::sync::Arc;
use std::time::Duration;

use crate::additions::Additions;

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Reads that go on at once; a further one waits.
    pub readers: usize,
    /// How long a lock of another process is waited for.
    pub busy_timeout: Duration,
    /// True if a file that is missing is made.
    pub makes: bool,
    /// True if the tables of an empty or older database, and its additions, are brought up to date.
    pub migrate: bool,
    /// An operator's own migrations and views.
    pub additions: Option<Arc<Additions>>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers: 16,
            busy_timeout: Duration::from_secs(5),
            makes: true,
            migrate: true,
            additions: None,
        }
    }
}
