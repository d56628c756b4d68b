//! The timer of a connection, which notices when the client is late.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep};

use super::state::{ConnectionState, Phase};

/// Notices when the client is late.
pub(super) struct Clock {
    exchange: Arc<ConnectionState>,
    /// The progress at the last look, and when it was first seen.
    seen: u64,
    pub(super) since: Instant,
}

impl Clock {
    pub(super) fn new(exchange: Arc<ConnectionState>) -> Self {
        Self {
            seen: exchange.progress(),
            since: Instant::now(),
            exchange,
        }
    }

    /// Ready with the phase in which the client is late. To be polled after the connection was.
    pub(super) fn poll_late(
        &mut self,
        mut timer: Pin<&mut Sleep>,
        context: &mut Context<'_>,
    ) -> Poll<Phase> {
        let progress = self.exchange.progress();
        if progress != self.seen {
            self.seen = progress;
            self.since = Instant::now();
        }
        let (shared, phase) = (&self.exchange.shared, self.exchange.phase());
        let deadline = match phase {
            Phase::Idle => Some(self.since + shared.idle_timeout),
            Phase::Head => Some(self.since + self.exchange.patience()),
            Phase::Answer => None,
        };
        // A later deadline leaves the timer alone: when it fires, it is set anew. So a request
        // costs no timer.
        if let Some(deadline) = deadline.filter(|deadline| *deadline < timer.deadline()) {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            let now = Instant::now();
            match deadline {
                Some(deadline) if deadline <= now => return Poll::Ready(phase),
                Some(deadline) => timer.as_mut().reset(deadline),
                // INVARIANT: this is not after the deadline of the idle phase that follows.
                None => timer.as_mut().reset(now + shared.idle_timeout),
            }
        }
    }
}
