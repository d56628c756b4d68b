//! Programs on a processor of their own: the server on the first, the load on the second.

use std::process::Command;

use super::program::Program;

/// Keeps this process to the second processor.
pub(crate) fn this() {
    pin(1, std::process::id());
}

/// Keeps a program to the first one.
pub(crate) fn server(program: Program) -> Program {
    pin(0, program.child.id());
    program
}

fn pin(processor: usize, pid: u32) {
    run(
        "taskset",
        &["-acp", &processor.to_string(), &pid.to_string()],
    );
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}
