//! Begins traces.

use std::time::Instant;

use super::context::TraceContext;
use super::outbox::Outbox;
use super::spans::FinishedTrace;
use super::trace::Trace;
use crate::config::Share;

/// The bits of a trace's id that are random in every program, by W3C.
const RANDOM_BITS: u32 = 56;

/// Begins traces.
#[derive(Debug)]
pub struct Tracer {
    /// A new trace is recorded if the random bits of its id are below this.
    below: u64,
    outbox: Outbox<FinishedTrace>,
}

impl Tracer {
    pub(super) fn new(sample: Share, outbox: Outbox<FinishedTrace>) -> Self {
        Self {
            below: below(sample),
            outbox,
        }
    }

    /// Begins the trace of a request that arrived then. It is recorded if the caller's is; without one the settings
    /// say if there is one at all.
    #[must_use]
    pub fn begin(&self, parent: Option<TraceContext>, arrived: Instant) -> Option<Trace> {
        let context = match &parent {
            Some(parent) => parent.child(),
            None => {
                let id = rand::random::<u128>().max(1);
                self.samples(id).then(|| TraceContext::root(id))?
            }
        };
        let parent = parent.map(|parent| parent.span);
        let outbox = context.is_sampled().then(|| self.outbox.clone());
        Some(Trace::new(context, parent, arrived, outbox))
    }

    fn samples(&self, id: u128) -> bool {
        let random = id & ((1 << RANDOM_BITS) - 1);
        random < self.below.into()
    }
}

fn below(sample: Share) -> u64 {
    let all = 1_u64 << RANDOM_BITS;
    // Exact for all, and for nothing.
    let share = u128::from(all) * u128::from(sample.parts()) / u128::from(Share::ALL);
    u64::try_from(share).unwrap_or(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_all_ids_is_recorded() {
        let of = |text: &str| Share::try_from(text.to_owned()).unwrap();
        assert_eq!(below(of("0%")), 0);
        assert_eq!(below(of("100%")), 1 << 56);
        let below = below(of("1%"));
        let number = 200_000;
        let random = (0..number).map(|_| rand::random::<u64>() >> 8);
        let count = random.filter(|random| *random < below).count();
        // Within six standard deviations.
        assert!((1_733..2_267).contains(&count), "{count}");
    }
}
