//! A server of the benchmarks, as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A process that says in its log where it listens, and is killed when this goes.
pub(crate) struct Program {
    pub(crate) child: Child,
    /// `IP:PORT`.
    pub(crate) address: String,
}

impl Program {
    /// Starts it, and waits until it is ready.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .env("PEPPOL_AUTHZ_LOG__FORMAT", "json")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            if line["message"] == "ready" {
                break line["address"].as_str().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// `serve` over a tenancy source.
    pub(crate) fn serve(tenancy: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peppol-authz"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--tenancy", tenancy]);
        command
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
