//! Throws mutated bytes at all that reads bytes from outside.
//!
//! `cargo test --release --test fuzz` gives each target two seconds, which CI does. For longer, or for
//! one target: `FUZZ_SECONDS=300 cargo test --release --test fuzz -- native`. A run is repeated by its
//! seed (`FUZZ_SEED`). It needs no nightly Rust and no other build than that of the tests: inputs are
//! mutated from `corpus/`, and one that has an outcome of its own joins the corpus of its run.
//!
//! `wire` sends requests to the program itself over its sockets, on every surface, and watches its memory,
//! its log and its end. `FUZZ_REQUESTS=10000000` sends so many, `FUZZ_PROGRAM` names another build of it.
//!
//! Each target says what must hold of an input: no panic, no wrong Allow, no answer that
//! cannot be read, and none that takes long.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a finding is a panic that shows its input"
)]

mod mutation;
mod server;
mod target;
mod texts;
mod wire;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use mutation::Mutator;
use target::Target;

/// The longest that one input may take. It is far from what any takes.
const LONG: Duration = Duration::from_secs(20);

/// Inputs of one outcome that join the corpus, and the most that it may become.
const ALIKE: u32 = 8;
const MOST: usize = 20_000;

fn main() {
    let number = |name: &str, usual: u64| match std::env::var(name) {
        Ok(text) => text.parse().expect("a whole number is wanted"),
        Err(_) => usual,
    };
    let time = Duration::from_secs(number("FUZZ_SECONDS", 2));
    let seed = number("FUZZ_SEED", 1);
    // Flags of the harness that cargo uses by itself are none of ours.
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let mut found = 0;
    for target in server::targets().into_iter().chain(texts::targets()) {
        if named.is_empty() || named.iter().any(|name| target.name.contains(name.as_str())) {
            found += run(target, time, seed);
        }
    }
    if named.is_empty() || named.iter().any(|name| "wire".contains(name.as_str())) {
        found += wire::run(time, number("FUZZ_REQUESTS", 0), seed);
    }
    assert!(found == 0, "{found} findings, see above");
}

/// The inputs that a target begins with.
pub(crate) fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut paths: Vec<_> = std::fs::read_dir(&directory)
        .expect("a corpus")
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Runs a target for a time. Returns how many inputs were findings.
fn run(mut target: Target, time: Duration, seed: u64) -> u32 {
    let mut corpus = corpus(target.name);
    assert!(!corpus.is_empty(), "{}: no corpus", target.name);
    let mut mutator = Mutator::new(seed);
    let mut outcomes: HashMap<String, u32> = HashMap::new();
    let (mut inputs, mut found, mut longest) = (0_u64, 0, Duration::ZERO);
    let began = Instant::now();
    let mut first = corpus.clone().into_iter();
    while began.elapsed() < time && found < 10 {
        // The corpus itself comes first.
        let input = first.next().unwrap_or_else(|| mutator.mutated(&corpus));
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.check)(&input)));
        let took = started.elapsed();
        longest = longest.max(took);
        inputs += 1;
        let problem = match outcome {
            Ok(Ok(outcome)) => {
                let seen = outcomes.entry(outcome).or_default();
                *seen += 1;
                if *seen <= ALIKE && corpus.len() < MOST && input.len() < 1 << 12 {
                    corpus.push(input.clone());
                }
                (took > LONG).then(|| format!("takes {took:?}"))
            }
            Ok(Err(problem)) => Some(problem),
            Err(_) => Some("panics".to_owned()),
        };
        if let Some(problem) = problem {
            found += 1;
            let text = String::from_utf8_lossy(&input);
            println!(
                "{}: {problem}\n{text}\n---- seed {seed}, input {inputs}",
                target.name
            );
        }
    }
    println!(
        "fuzz {:12} {inputs} inputs in {:.0?}, {} outcomes, longest {longest:.0?}, {found} findings",
        target.name,
        began.elapsed(),
        outcomes.len(),
    );
    found
}
