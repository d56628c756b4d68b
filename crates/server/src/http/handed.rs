//! Plans that are handed on with a gateway's request, and are too long for a header: a service fetches
//! them by their ids, for as long as they may be used, and a little longer.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::header_text::encoded;
use super::plan_text::PlanText;
use super::problem::Problem;

/// A plan is kept for this long at least, so that a service can fetch it. It says itself for how long it
/// may be used.
const HOP: Duration = Duration::from_secs(5);

/// A plan on its way to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HandedPlan {
    /// All of it, percent-encoded.
    Text(String),
    /// The id to fetch it by.
    Kept(Uuid),
}

/// The plans that are kept, oldest first. They are bounded by their length.
#[derive(Debug)]
pub struct HandedPlans {
    /// The longest that goes into a header.
    header: usize,
    /// The length of all that are kept.
    most: usize,
    kept: Mutex<KeptPlans>,
}

#[derive(Debug, Default)]
struct KeptPlans {
    plans: VecDeque<(Uuid, Instant, PlanText)>,
    length: usize,
}

impl HandedPlans {
    pub(super) fn new(header: usize, most: usize) -> Self {
        Self {
            header,
            most,
            kept: Mutex::default(),
        }
    }

    /// Hands on a plan. Where there is no more room, the oldest ones go: who wants them then asks again.
    ///
    /// # Errors
    /// A plan that is longer than all of them may be.
    pub(super) fn hand_on(&self, plan: PlanText) -> Result<HandedPlan, Problem> {
        let length = plan.length();
        if length <= self.header {
            let encoded = encoded(&plan.now()).into_owned();
            if encoded.len() <= self.header {
                return Ok(HandedPlan::Text(encoded));
            }
        }
        if length > self.most {
            let text = "the plan is longer than `gateway.plans_bytes`".to_owned();
            return Err(Problem::PlanTooWide(text));
        }
        let now = Instant::now();
        let id = Uuid::now_v7();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.plans.retain(|(_, until, _)| *until > now);
        kept.length = kept.plans.iter().map(|(_, _, plan)| plan.length()).sum();
        while kept.length + length > self.most {
            let Some((_, _, gone)) = kept.plans.pop_front() else {
                break;
            };
            kept.length -= gone.length();
        }
        kept.length += length;
        let until = match plan.max_age() {
            // For one use, at once.
            Duration::ZERO => now + HOP,
            usable => now + usable,
        };
        kept.plans.push_back((id, until, plan));
        Ok(HandedPlan::Kept(id))
    }

    /// The length of those that are kept, and the most that it may be.
    pub(super) fn used(&self) -> (usize, usize) {
        let now = Instant::now();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = kept.plans.iter().filter(|(_, until, _)| *until > now);
        (usable.map(|(_, _, plan)| plan.length()).sum(), self.most)
    }

    /// The text of one, while it may be used.
    pub(super) fn get(&self, id: Uuid) -> Option<String> {
        let now = Instant::now();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.plans.iter().find(|(its, ..)| *its == id);
        let (_, until, plan) = found?;
        (*until > now).then(|| plan.now())
    }
}
