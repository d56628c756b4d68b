//! How a database is used.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::additions::Additions;

/// How a database is used.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Connections that read at once; a further read waits.
    pub readers: usize,
    /// How long connecting, and any one query of a read, may take.
    pub timeout: Duration,
    /// Certificates that vouch for the server, in PEM, in place of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// True if the tables of an empty or older database are brought up to date.
    pub migrate: bool,
    /// An operator's own migrations and views.
    pub additions: Option<Arc<Additions>>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            readers: 16,
            timeout: Duration::from_secs(2),
            ca_certificate: None,
            migrate: true,
            additions: None,
        }
    }
}
