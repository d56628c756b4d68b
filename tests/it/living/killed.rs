//! `kill -9` at any moment: the moments are drawn anew with each run, and their seed is told.
//!
//! `LIVING_KILLS` is the number of kills of each test, `LIVING_SEED` repeats a run.

mod export;
mod import;
mod migration;
mod reload;
mod rotation;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::rules::rng::Rng;

/// As many as a test of each change can have.
const KILLS: usize = 5;

/// The moments of kills.
struct Kills {
    rng: Rng,
    number: usize,
}

impl Kills {
    fn new() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let seed = number("LIVING_SEED").unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            u64::from(now.unwrap().subsec_nanos())
        });
        // Shown where the test fails.
        eprintln!("LIVING_SEED={seed}");
        let kills = number("LIVING_KILLS").and_then(|kills| usize::try_from(kills).ok());
        Self {
            rng: Rng::new(seed),
            number: kills.unwrap_or(KILLS),
        }
    }

    /// The number of them.
    fn number(&self) -> usize {
        self.number
    }

    /// A moment of this time.
    fn within(&mut self, whole: Duration) -> Duration {
        let nanoseconds = usize::try_from(whole.as_nanos()).unwrap();
        Duration::from_nanos(self.rng.below(nanoseconds) as u64)
    }

    /// Starts a command, and kills it at a moment of the time that it takes.
    fn kill(&mut self, command: &mut Command, whole: Duration) {
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = silent.stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(self.within(whole));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// The time that something takes.
fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed())
}
