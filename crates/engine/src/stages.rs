//! The stages of deciding with their times, for those who want to see them. Where nobody does, no clock is read.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A stage on the way to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The entities of a question are gathered from what is in memory.
    Slice,
    /// The store is read, or somebody else who reads it is waited for.
    Store,
    /// The policies are asked.
    Decide,
    /// A decision that was made before is given again.
    Recall,
}

/// A stage that is over.
#[derive(Clone, Copy, Debug)]
pub struct StageTime {
    /// Which one it was.
    pub stage: Stage,
    /// When it began.
    pub begun: Instant,
    /// When it was over.
    pub ended: Instant,
}

/// Receives the stages of the decisions of one request.
#[derive(Debug)]
pub struct Stages {
    most: usize,
    seen: Mutex<SeenStages>,
}

/// The stages that were seen.
#[derive(Debug, Default)]
pub struct SeenStages {
    /// The first ones, in the order in which they ended.
    pub times: Vec<StageTime>,
    /// How many more there were.
    pub left_out: u32,
}

/// A stage that lasts until this is dropped.
#[must_use]
pub(crate) struct OngoingStage<'a>(Option<(&'a Stages, Stage, Instant)>);

impl Stages {
    /// Keeps the times of that many stages.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            seen: Mutex::default(),
        }
    }

    /// The stages so far, which are forgotten here.
    #[must_use]
    pub fn take(&self) -> SeenStages {
        std::mem::take(&mut *self.seen())
    }

    fn seen(&self) -> MutexGuard<'_, SeenStages> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> OngoingStage<'a> {
    /// Begins a stage, which `stages` receives when it is over.
    pub(crate) fn begin(stages: Option<&'a Stages>, stage: Stage) -> Self {
        Self(stages.map(|stages| (stages, stage, Instant::now())))
    }

    /// It came to nothing, and nobody is told.
    pub(crate) fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for OngoingStage<'_> {
    fn drop(&mut self) {
        let Some((stages, stage, begun)) = self.0.take() else {
            return;
        };
        let mut seen = stages.seen();
        if seen.times.len() >= stages.most {
            seen.left_out = seen.left_out.saturating_add(1);
            return;
        }
        seen.times.push(StageTime {
            stage,
            begun,
            ended: Instant::now(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_received_when_they_are_over_and_only_so_many() {
        let stages = Stages::new(2);
        drop(OngoingStage::begin(None, Stage::Store));
        OngoingStage::begin(Some(&stages), Stage::Recall).forget();
        assert!(stages.take().times.is_empty());
        for stage in [Stage::Slice, Stage::Decide, Stage::Store] {
            drop(OngoingStage::begin(Some(&stages), stage));
        }
        let seen = stages.take();
        let names: Vec<Stage> = seen.times.iter().map(|time| time.stage).collect();
        assert_eq!(names, [Stage::Slice, Stage::Decide]);
        assert_eq!(seen.left_out, 1);
        assert!(seen.times[0].begun <= seen.times[0].ended);
    }
}
