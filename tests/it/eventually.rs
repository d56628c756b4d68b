//! Waiting for a state that comes by itself.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// The longest wait for anything. It fits the slowest machine; a test that passes
/// never waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds what is `expected`, and returns it. An
/// error is the state that was found instead; the last one is part of the failure.
#[track_caller]
pub(crate) fn eventually<T, E: Display>(
    expected: &str,
    mut look: impl FnMut() -> Result<T, E>,
) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(state) => {
                let waited = started.elapsed();
                assert!(
                    waited < PATIENCE,
                    "not within {PATIENCE:?}: {expected}; found: {state}"
                );
            }
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Looks again and again until `is_so`.
#[track_caller]
pub(crate) fn until(expected: &str, mut is_so: impl FnMut() -> bool) {
    eventually(expected, || is_so().then_some(()).ok_or("it is not so"));
}
