//! Stores that are simulated: so many questions at once, each of which needs so much time.

#![allow(clippy::panic, reason = "a test")]

use std::time::{Duration, Instant};

use super::pace::Pace;
use super::{Crowd, EndedRead, FEW};

const STEP: Duration = Duration::from_micros(100);
const BURST: Duration = Duration::from_millis(100);
const READERS: usize = 16;

/// A store: more than it works on at once share its time.
#[derive(Clone, Copy, Debug)]
struct SimulatedStore {
    at_once: usize,
    /// Of a read, in milliseconds.
    time: f64,
}

/// A question that waits.
struct SimulatedRead {
    at: Duration,
    among: usize,
    left: f64,
}

struct World {
    store: SimulatedStore,
    crowd: Crowd,
    start: Instant,
    now: Duration,
    waiting: Vec<SimulatedRead>,
    due: f64,
    number: u32,
}

/// The answers of a while.
#[derive(Debug, Default)]
struct Answers {
    refused: usize,
    took: Vec<Duration>,
}

impl Answers {
    fn p99(&self) -> Duration {
        let mut sorted = self.took.clone();
        sorted.sort();
        sorted[sorted.len() * 99 / 100]
    }
}

impl SimulatedStore {
    fn of((at_once, time): (usize, f64)) -> Self {
        Self { at_once, time }
    }

    /// Answers in a second.
    fn capacity(self) -> f64 {
        self.at_once as f64 * 1000.0 / self.time
    }
}

impl World {
    fn new(store: SimulatedStore) -> Self {
        Self {
            store,
            crowd: Crowd {
                pace: Pace::new(READERS, Duration::from_millis(5)),
                since: None,
                last: None,
            },
            start: Instant::now(),
            now: Duration::ZERO,
            waiting: Vec::new(),
            due: 0.0,
            number: 0,
        }
    }

    fn ask(&mut self, answers: &mut Answers) {
        let (others, now) = (self.waiting.len(), self.start + self.now);
        if others >= FEW && !self.crowd.lets_in(others, BURST, now) {
            answers.refused += 1;
            return;
        }
        // From half of the time to one and a half.
        self.number = self
            .number
            .wrapping_mul(747_796_405)
            .wrapping_add(2_891_336_453);
        let part = 0.5 + f64::from(self.number.rotate_left(13) ^ self.number) / f64::from(u32::MAX);
        self.waiting.push(SimulatedRead {
            at: self.now,
            among: others + 1,
            left: self.store.time / 1000.0 * part,
        });
    }

    /// Asks a part of what the store can answer, for so many seconds.
    fn ask_part(&mut self, part: f64, seconds: u64) -> Answers {
        let mut answers = Answers::default();
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.due += self.store.capacity() * part * STEP.as_secs_f64();
            while self.due >= 1.0 {
                self.due -= 1.0;
                self.ask(&mut answers);
            }
            self.step(&mut answers);
        }
        answers
    }

    fn step(&mut self, answers: &mut Answers) {
        self.now += STEP;
        let working = self.waiting.len().clamp(1, READERS);
        let share = (self.store.at_once as f64 / working as f64).min(1.0);
        for asked in self.waiting.iter_mut().take(working) {
            asked.left -= share * STEP.as_secs_f64();
        }
        while let Some(place) = self.waiting.iter().position(|asked| asked.left <= 0.0) {
            let ended_among = self.waiting.len();
            let asked = self.waiting.remove(place);
            let took = self.now - asked.at;
            answers.took.push(took);
            let read = EndedRead {
                took,
                began_among: asked.among,
                ended_among,
            };
            self.crowd.pace.add(read, self.start + self.now);
        }
    }

    /// Nearly as many are answered as can be, each in a time as if the store were only busy.
    fn holds_at_twice(&mut self, busy: Duration, seconds: u64) {
        let twice = self.ask_part(2.0, seconds);
        let served = twice.took.len() as f64 / seconds as f64 / self.store.capacity();
        assert!(served > 0.93, "{served} of {:?}", self.store);
        let p99 = twice.p99();
        assert!(p99 < busy * 3, "{p99:?}, {busy:?} of {:?}", self.store);
    }
}

fn stores() -> [SimulatedStore; 5] {
    [(1, 4.3), (2, 3.0), (4, 5.0), (16, 10.0), (16, 60.0)].map(SimulatedStore::of)
}

#[test]
fn twice_of_what_a_store_can_answer_keeps_nobody_waiting_and_the_store_busy() {
    for store in stores() {
        let mut world = World::new(store);
        world.ask_part(0.5, 1);
        let busy = world.ask_part(0.9, 4);
        assert!(busy.refused <= busy.took.len() / 50, "{busy:?}");
        // The beginning is a burst.
        world.ask_part(2.0, 1);
        world.holds_at_twice(busy.p99(), 8);
    }
}

#[test]
fn nothing_has_to_be_known_before() {
    for store in stores() {
        let busy = World::new(store).ask_part(0.9, 4).p99();
        let mut world = World::new(store);
        world.ask_part(2.0, 3);
        world.holds_at_twice(busy, 5);
    }
}

#[test]
fn a_store_that_becomes_another_is_known_soon() {
    for before in [stores()[0], stores()[3], stores()[4]] {
        for store in [stores()[0], stores()[3]] {
            let mut world = World::new(before);
            world.ask_part(2.0, 2);
            world.store = store;
            world.ask_part(2.0, 9);
            let busy = World::new(store).ask_part(0.9, 4).p99();
            world.holds_at_twice(busy, 4);
        }
    }
}

#[test]
fn after_it_all_are_let_in_as_before() {
    for store in stores() {
        let mut world = World::new(store);
        world.ask_part(2.0, 4);
        world.ask_part(0.5, 2);
        let mut answers = world.ask_part(0.5, 1);
        for _ in 0..100 {
            world.ask(&mut answers);
        }
        assert_eq!(answers.refused, 0, "{store:?}");
    }
}

/// Each asks again as soon as it is answered: they are never more.
#[test]
fn as_many_callers_as_connections_are_no_load_that_is_too_much() {
    for store in [(1, 0.5), (2, 1.5), (4, 3.0), (16, 60.0)].map(SimulatedStore::of) {
        let mut world = World::new(store);
        let mut answers = Answers::default();
        for _ in 0..READERS {
            world.ask(&mut answers);
        }
        while world.now < Duration::from_secs(6) {
            let before = answers.took.len();
            world.step(&mut answers);
            for _ in before..answers.took.len() {
                world.ask(&mut answers);
            }
        }
        assert_eq!(answers.refused, 0, "{store:?}");
    }
}
