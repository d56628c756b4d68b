//! Why a collector is told nothing.

/// Why a collector cannot be told anything, with these settings or now.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// A setting that cannot be used.
    #[error("{0}")]
    Setting(String),
    /// No connection, or one that has failed.
    #[error("{0}")]
    Connection(String),
    /// It did not answer in time.
    #[error("it did not answer in time")]
    Late,
    /// It is busy: the same may be sent again.
    #[error("it answered {0}")]
    Busy(String),
    /// It does not take this.
    #[error("it answered {0}")]
    Refused(String),
}

impl CollectorError {
    /// Returns true if the same message may be taken later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}
