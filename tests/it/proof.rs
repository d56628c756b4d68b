//! `prove` and `diff`: what holds for all requests, by the real solver.

mod diff;
mod faults;
mod revisions;
mod shipped;
mod statements;

use serde_json::Value;

use crate::author::{Author, Ended};
use crate::sidecar::program;

/// An author's directory with one invariant.
fn with_invariant(text: &str) -> Author {
    let author = Author::new();
    author.write("policies/invariants/it.cedar", text);
    author
}

/// Runs a command with a solver of the test's own.
fn with_solver(author: &Author, solver: &str, arguments: &[&str]) -> Ended {
    let output = program()
        .current_dir(author.path("."))
        .env("CVC5", solver)
        .args(arguments)
        .output();
    Ended::from(output.unwrap())
}

/// A solver that does what a shell script says.
fn scripted(author: &Author, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    author.write("solver.sh", &format!("#!/bin/sh\n{script}\n"));
    let path = author.path("solver.sh");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The output of `--json`, one object a line.
fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ended:?}")))
        .collect()
}
