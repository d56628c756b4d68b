//! Peers as processes that `peers.py` starts.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::common::program::Server;

/// A peer that is stopped when this goes.
pub(crate) struct Peer {
    script: Child,
    address: String,
    pid: u32,
    version: String,
}

/// Installs all of them, which takes minutes the first time.
pub(crate) fn install() {
    let status = script().arg("install").status().unwrap();
    assert!(status.success(), "the peers are not installed");
}

fn script() -> Command {
    let mut command = Command::new("python3");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/peers.py");
    command.arg(file).env_remove("PYTHONPATH");
    command
}

impl Peer {
    /// Starts one with the ten policies, the entities of a file, and options of the script.
    pub(crate) fn start(name: &str, entities: &Path, options: &[&str]) -> Self {
        let mut script = script()
            .args(["serve", name])
            .arg(entities)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(script.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{name} was not started");
        let told: Value = serde_json::from_str(&line).unwrap();
        let text = |member: &str| told[member].as_str().unwrap().to_owned();
        Self {
            script,
            address: text("address"),
            pid: told["pid"].as_u64().unwrap().try_into().unwrap(),
            version: text("version"),
        }
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn server(&self) -> Server<'_> {
        Server {
            address: &self.address,
            envoy: None,
            pid: self.pid,
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The script ends with its input, and the peer with the script.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
