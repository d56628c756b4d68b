//! A server of the benchmarks, as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A process that says in its log where it listens, and is killed when this goes.
pub(crate) struct Program {
    pub(crate) child: Child,
    /// `IP:PORT`.
    pub(crate) address: String,
    /// The same of Envoy's gRPC, if it is listened for.
    pub(crate) envoy: Option<String>,
}

/// Where a process is asked.
#[derive(Clone, Copy)]
pub(crate) struct Server<'a> {
    pub(crate) address: &'a str,
    pub(crate) envoy: Option<&'a str>,
    pub(crate) pid: u32,
}

/// A setting's name without the prefix of all, and its value.
pub(crate) type Setting = (&'static str, &'static str);

/// No decision is kept; entities are.
pub(crate) const ANEW: Setting = ("CACHE__DECISION_BYTES", "0");

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
        let mut envoy = None;
        let address = loop {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            let address = || line["address"].as_str().unwrap().to_owned();
            if line["message"] == "listening for Envoy's gRPC" {
                envoy = Some(address());
            }
            if line["message"] == "ready" {
                break address();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address,
            envoy,
        }
    }

    /// Starts `serve` for a load that waits for its answers, and so is never too much.
    pub(crate) fn start_by(mut command: Command, settings: &[Setting]) -> Self {
        if let Ok(workers) = std::env::var("WORKERS") {
            command.env("PEPPOL_AUTHZ_SERVER__WORKERS", workers);
        }
        command.env("PEPPOL_AUTHZ_SERVER__DELAY", "1s");
        for (name, value) in settings {
            command.env(format!("PEPPOL_AUTHZ_{name}"), value);
        }
        Self::start(&mut command)
    }

    pub(crate) fn server(&self) -> Server<'_> {
        Server {
            address: &self.address,
            envoy: self.envoy.as_deref(),
            pid: self.child.id(),
        }
    }

    /// `serve` over a tenancy source.
    pub(crate) fn serve(tenancy: &str) -> Command {
        Self::serve_by(env!("CARGO_BIN_EXE_peppol-authz"), tenancy)
    }

    /// The same by another build.
    pub(crate) fn serve_by(program: &str, tenancy: &str) -> Command {
        let mut command = Command::new(program);
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
