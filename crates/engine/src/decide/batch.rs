//! Questions that are decided together, from one state of the store.

use std::sync::Arc;

use super::decider::{Decider, DecisionStep};
use super::decision::Decision;
use super::failure::Failure;
use super::kept::{KeptDecisions, Recall};
use super::question::Question;
use crate::policy::Bundle;
use crate::slice::{Moved, StateReading};
use crate::stages::{OngoingStage, Stage};
use crate::turn::Turn;

/// A question with its decision, or the reason why there is no question.
pub type SettledQuestion<Q, E> = Result<(Q, Result<Decision, Failure>), E>;

/// The decisions of a batch.
pub(crate) struct Batch<Q, E> {
    /// In the order of the questions.
    pub(crate) answered: Vec<SettledQuestion<Q, E>>,
    /// They are from a later state than the reading began with.
    pub(crate) moved: Moved,
}

/// Decides those that are questions, all from the state of a reading, or from a later one where
/// that has moved on meanwhile. Those that `kept` has are not made anew,
/// where that is allowed.
///
/// # Errors
/// A failure that concerns all of the questions.
pub(crate) async fn decide_batch<Q: AsRef<Question>, E>(
    questions: impl IntoIterator<Item = Result<Q, E>>,
    bundle: &Bundle,
    kept: Option<(&KeptDecisions, Recall)>,
    reading: &mut StateReading<'_>,
) -> Result<Batch<Q, E>, Failure> {
    let (mut open, mut others) = (Vec::new(), Vec::new());
    for (place, question) in questions.into_iter().enumerate() {
        match question {
            Ok(question) => open.push((place, question)),
            Err(other) => others.push((place, Err(other))),
        }
    }
    let mut decided = Vec::with_capacity(open.len());
    let mut moved = Moved::No;
    let mut turn = Turn::begin();
    loop {
        let (mut missing, mut still_open) = (Vec::new(), Vec::new());
        for (place, question) in open {
            turn.pass().await;
            let asked = question.as_ref();
            let recalling = OngoingStage::begin(reading.stages(), Stage::Recall);
            if let Some(decision) =
                kept.and_then(|(kept, recall)| kept.recall(asked, reading, recall))
            {
                decided.push((place, question, Ok(decision)));
                continue;
            }
            recalling.forget();
            let decider = Decider::of(bundle, asked);
            match decider.and_then(|decider| decider.step(asked, reading)) {
                Ok(DecisionStep::Decided(decision)) => {
                    if let Some((kept, recall)) = kept {
                        kept.keep(asked, reading, recall, &decision);
                    }
                    decided.push((place, question, Ok(decision)))
                }
                Ok(DecisionStep::Missing(more)) => {
                    missing.extend(more);
                    still_open.push((place, question));
                }
                Err(failure) => decided.push((place, question, Err(failure))),
            }
        }
        open = still_open;
        if open.is_empty() {
            break;
        }
        if reading.load(missing).await? == Moved::Yes {
            // The decisions so far are of a state that is past.
            let again = decided.drain(..);
            open.extend(again.map(|(place, question, _)| (place, question)));
            open.sort_unstable_by_key(|(place, _)| *place);
            moved = Moved::Yes;
        }
    }
    let mut answered = others;
    answered.extend(decided.into_iter().map(|(place, question, decision)| {
        let decision = decision.map(|decision| Decision {
            tenancy_revision: Arc::clone(reading.revision()),
            ..decision
        });
        (place, Ok((question, decision)))
    }));
    answered.sort_unstable_by_key(|(place, _)| *place);
    Ok(Batch {
        answered: answered.into_iter().map(|(_, answered)| answered).collect(),
        moved,
    })
}
