//! Turns: who works through many things lets others go on in between.

use std::time::{Duration, Instant};

/// How long a turn is.
const LENGTH: Duration = Duration::from_millis(2);

/// A turn of one task. By taking turns, a task that has much to do holds no other up, and ends where
/// its time is over.
#[derive(Clone, Copy, Debug)]
pub struct Turn(Instant);

impl Turn {
    /// A turn that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Lets others go on, if this turn has been long.
    pub async fn pass(&mut self) {
        if self.0.elapsed() >= LENGTH {
            tokio::task::yield_now().await;
            *self = Self::begin();
        }
    }
}
