//! How many questions may wait for a store, so that it answers them in time.
//!
//! Connections do not tell how many a store works on at once: on one processor sixteen take sixteen times as
//! long as one. So the time that a read takes among few is measured, and that among many; where it grows with
//! their number, only so many may wait as are answered within twice the former, or in a moment: by Little's law these are as many as
//! are answered in a second, times that time. The store still has always something to do, and answers as many as ever.
//!
//! While many wait for long, nothing tells any more how long a read takes among few. So for a moment only few are let in
//! then, now and again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Questions that may wait in any case: one is answered, and two are next.
pub(super) const ANY: usize = 3;

/// Questions that are few: they hardly wait for each other.
pub(super) const FEW: usize = 2;

/// Times that a read takes among few: the last ones. Half as many tell something.
const TIMES: usize = 8;

/// The answers in a second: the last ones, in the same way.
const RATES: usize = 32;

/// A time that is so many times that among few has not grown.
const SAME: f64 = 1.5;

/// How many times as long as among few an answer may take.
const PATIENCE: f64 = 2.0;

/// As many as there are connections may wait where they are answered within this time: hardly anybody notices.
const HARDLY: f64 = 0.015;

/// A calm, in the time that a read takes among few.
const CALM_READS: f64 = 16.0;

/// For how long the time among few is taken for the same while many wait: at least, and in reads.
const KNOWN_FOR: Duration = Duration::from_secs(2);
const KNOWN_FOR_READS: u32 = 128;

/// The measurements so far.
#[derive(Debug)]
pub(super) struct Pace {
    /// Connections, and the most that may wait for long; a time that is no reason to refuse anything.
    connections: usize,
    most: usize,
    soon: Duration,
    /// How many may wait for long now.
    limit: usize,
    /// Seconds that reads took among few, and the last time that one ended.
    times: Recent<TIMES>,
    seen: Option<Instant>,
    /// Answers in a second among many, since they are many.
    rates: Recent<RATES>,
    /// Reads that are still to be seen among few.
    to_see: usize,
}

/// A read that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndedRead {
    pub(super) took: Duration,
    /// How many waited when it began and when it ended, itself among them.
    pub(super) began_among: usize,
    pub(super) ended_among: usize,
}

impl Pace {
    pub(super) fn new(connections: usize, soon: Duration) -> Self {
        let most = connections.saturating_mul(ANY);
        Self {
            connections,
            most,
            soon,
            limit: most,
            times: Recent::default(),
            seen: None,
            rates: Recent::default(),
            to_see: 0,
        }
    }

    /// How many may wait for long.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    fn measured(&self) -> usize {
        if self.to_see > 0 {
            return FEW;
        }
        let (Some(time), Some(rate)) = (self.times.median(), self.rates.median()) else {
            return self.most;
        };
        let hardly = self.answered_in(rate, HARDLY).min(self.connections);
        let patience = (time * PATIENCE).max(self.soon.as_secs_f64());
        self.answered_in(rate, patience).max(hardly)
    }

    /// So long there have to be few until all is as before: many are gone by then, and could be back.
    pub(super) fn calm(&self) -> Duration {
        let time = self.times.median().unwrap_or_default();
        Duration::try_from_secs_f64(time * CALM_READS).unwrap_or(Duration::MAX)
    }

    /// How many are answered in so many seconds.
    fn answered_in(&self, rate: f64, seconds: f64) -> usize {
        // A number that is too large becomes the largest.
        let number = (rate * seconds).round() as usize;
        number.max(ANY).min(self.most)
    }

    /// Many wait that were few before: of those there nothing is known yet.
    pub(super) fn begin(&mut self) {
        self.rates = Recent::default();
        self.to_see = 0;
        self.limit = self.measured();
    }

    /// More wait than may, for longer than a burst, and have since then.
    pub(super) fn last(&mut self, since: Instant, now: Instant) {
        let soon = |rate| self.answered_in(rate, self.soon.as_secs_f64()) >= self.most;
        if self.rates.median().is_some_and(soon) {
            return;
        }
        let is_known = self.times.median().is_some_and(|time| {
            let reads = Duration::try_from_secs_f64(time).unwrap_or(Duration::MAX);
            let known_for = KNOWN_FOR.max(reads.saturating_mul(KNOWN_FOR_READS));
            let seen = self.seen.map_or(since, |seen| seen.max(since));
            now.saturating_duration_since(seen) <= known_for
        });
        if !is_known && self.to_see == 0 {
            self.times = Recent::default();
            self.to_see = TIMES / 2;
            self.limit = self.measured();
        }
    }

    /// Adds a read.
    pub(super) fn add(&mut self, read: EndedRead, now: Instant) {
        let took = read.took.as_secs_f64();
        if read.began_among.max(read.ended_among) <= FEW {
            self.times.add(took);
            self.seen = Some(now);
            self.to_see = self.to_see.saturating_sub(1);
        } else {
            // As many as wait are answered in the time that each waits. Where it has not grown, more could be.
            let rate = (read.began_among + read.ended_among) as f64 / 2.0 / took;
            let few = self.times.median();
            let has_grown = few.is_none_or(|few| took > few * SAME);
            self.rates.add(if has_grown { rate } else { 2.0 * rate });
        }
        self.limit = self.measured();
    }
}

/// The last numbers of a kind.
#[derive(Debug, Default)]
struct Recent<const MOST: usize>(VecDeque<f64>);

impl<const MOST: usize> Recent<MOST> {
    fn add(&mut self, number: f64) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(number);
    }

    /// The one in the middle, if there are enough. One that is far from all others does not change it.
    fn median(&self) -> Option<f64> {
        if self.0.len() < MOST / 2 {
            return None;
        }
        let mut sorted: Vec<f64> = self.0.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}
