//! The real program, started for a test and ended with it.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::eventually::{PATIENCE, eventually};

const PROGRAM: &str = env!("CARGO_BIN_EXE_peppol-authz");

/// A `peppol-authz serve` that is ready.
pub(crate) struct Sidecar {
    child: Child,
    pub(crate) address: String,
    log: Mutex<Receiver<String>>,
    /// The records of the log that were read so far.
    records: Mutex<Vec<Value>>,
    directory: TempDir,
}

/// The arguments, environment and files of a start.
pub(crate) struct Start {
    directory: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    tenancy: bool,
    listen: bool,
    inside: Option<PathBuf>,
    sockets: Vec<OwnedFd>,
}

/// An answer on the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

/// The program.
pub(crate) fn program() -> Command {
    without_settings(Command::new(PROGRAM))
}

fn without_settings(mut command: Command) -> Command {
    // Nothing of the machine's own settings.
    for (name, _) in std::env::vars_os() {
        let named = name.to_string_lossy();
        if ["PEPPOL_AUTHZ_", "OTEL_"]
            .iter()
            .any(|own| named.starts_with(own))
        {
            command.env_remove(name);
        }
    }
    command
}

/// A file of the project.
pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Start {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            arguments: Vec::new(),
            variables: Vec::new(),
            tenancy: true,
            listen: true,
            inside: None,
            sockets: Vec::new(),
        }
    }

    /// With that working directory.
    pub(crate) fn inside(mut self, directory: &Path) -> Self {
        self.inside = Some(directory.to_owned());
        self
    }

    /// As a supervisor starts it that has opened these sockets, two at most.
    pub(crate) fn with_sockets(mut self, sockets: &[&OwnedFd]) -> Self {
        let copied = sockets.iter().map(|socket| socket.try_clone().unwrap());
        self.sockets = copied.collect();
        self
    }

    /// Over the tenancy of the examples.
    pub(crate) fn quickstart() -> Self {
        let documents = project("examples/quickstart/tenancy.ndjson");
        Self::new().with(&["--import", documents.to_str().unwrap()])
    }

    /// A place for the test's files, which goes with the sidecar.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Command-line arguments behind `serve`.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.tenancy &= !arguments.contains(&"--tenancy");
        self.listen &= !arguments.contains(&"--listen");
        self.arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Tenancy documents, imported at the start.
    pub(crate) fn documents(self, documents: &[Value]) -> Self {
        let path = self.path("tenancy.ndjson");
        let text: String = documents
            .iter()
            .map(|document| format!("{document}\n"))
            .collect();
        std::fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        self.with(&["--import", &path])
    }

    /// With a schema and policies of these texts.
    pub(crate) fn policies(self, schema: &str, policies: &str) -> Self {
        let directory = self.path("policies");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("p.cedar"), policies).unwrap();
        let file = self.path("test.cedarschema");
        std::fs::write(&file, schema).unwrap();
        let [schema, policies] = [file, directory].map(|path| path.display().to_string());
        self.with(&["--schema", &schema, "--policies", &policies])
    }

    /// Over a file of entities.
    pub(crate) fn entities(self, entities: &Value) -> Self {
        let path = self.path("entities.json");
        std::fs::write(&path, entities.to_string()).unwrap();
        self.with(&["--tenancy", &format!("entities:{}", path.display())])
    }

    /// Starts it, on a free port where no other address is given, and waits until it is ready.
    pub(crate) fn start(self) -> Sidecar {
        let mut sidecar = self.spawn();
        let ready = sidecar.wait_for_log("ready");
        sidecar.address = ready["address"].as_str().unwrap().to_owned();
        sidecar
    }

    /// Starts it and waits until it listens, which is before it is ready.
    pub(crate) fn start_listening(self) -> Sidecar {
        let mut sidecar = self.spawn();
        let listening = sidecar.wait_for_log("listening");
        sidecar.address = listening["address"].as_str().unwrap().to_owned();
        sidecar
    }

    /// Starts what should end by itself: its exit code, and what it wrote to standard error.
    pub(crate) fn fails(self) -> (i32, String) {
        let mut sidecar = self.spawn();
        let code = sidecar.ended().code().unwrap();
        let lines: Vec<String> = sidecar.log.lock().unwrap().iter().collect();
        (code, lines.join("\n"))
    }

    fn spawn(mut self) -> Sidecar {
        let mut sockets = std::mem::take(&mut self.sockets).into_iter();
        let (first, second) = (sockets.next(), sockets.next());
        let mut command = match &first {
            None => program(),
            Some(_) => {
                // The descriptors 3 and 4 of this very process.
                let count = 1 + usize::from(second.is_some());
                let script = format!(
                    "LISTEN_FDS={count} LISTEN_PID=$$ exec \"$@\" 3<&0 4<&1 </dev/null >/dev/null"
                );
                let mut command = without_settings(Command::new("bash"));
                command.args(["-c", &script, "bash", PROGRAM]);
                command
            }
        };
        command.arg("serve").args(&self.arguments);
        if let Some(directory) = &self.inside {
            command.current_dir(directory);
        }
        if self.listen {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if self.tenancy {
            command
                .arg("--tenancy")
                .arg(format!("sqlite:{}", self.path("tenancy.db").display()));
        }
        command
            .env("PEPPOL_AUTHZ_LOG__FORMAT", "json")
            .envs(self.variables);
        let mut child = command
            .stdin(first.map_or_else(Stdio::null, Stdio::from))
            .stdout(second.map_or_else(Stdio::null, Stdio::from))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Sidecar {
            child,
            address: String::new(),
            log: Mutex::new(log),
            records: Mutex::default(),
            directory: self.directory,
        }
    }
}

impl Sidecar {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a record of the log with this message.
    pub(crate) fn wait_for_log(&self, message: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        let log = self.log.lock().unwrap();
        let mut records = self.records.lock().unwrap();
        while let Ok(line) = log.recv_timeout(end.saturating_duration_since(Instant::now())) {
            let record = record(line);
            records.push(record.clone());
            if record["message"] == message {
                return record;
            }
        }
        panic!("no `{message}` in the log: {records:#?}");
    }

    /// The last record with this message of those that were waited for, and before.
    pub(crate) fn logged(&self, message: &str) -> Value {
        let records = self.records.lock().unwrap();
        let mut found = records.iter().rev();
        let found = found.find(|record| record["message"] == message);
        found.unwrap_or_else(|| panic!("no `{message}`")).clone()
    }

    /// Tells it to stop, waits until it has, and returns its whole log.
    pub(crate) fn stop(&mut self) -> Vec<Value> {
        let (code, records) = self.stopped();
        assert_eq!(code, Some(0));
        records
    }

    /// Its exit code, and what it logged.
    pub(crate) fn stopped(&mut self) -> (Option<i32>, Vec<Value>) {
        self.signal("TERM");
        let code = self.ended().code();
        let mut records = self.records.lock().unwrap().clone();
        records.extend(self.log.lock().unwrap().iter().map(record));
        (code, records)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(path, &[], body.to_string().as_bytes())
    }

    pub(crate) fn send(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = agent().post(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reply::from(request.content_type("application/json").send(body).unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        Reply::from(
            agent()
                .get(format!("http://{}{path}", self.address))
                .call()
                .unwrap(),
        )
    }

    /// Asks one question and expects a decision.
    pub(crate) fn ask(&self, question: &Value) -> Value {
        let reply = self.post("/v1/is_authorized", question);
        assert_eq!(reply.status, 200, "{question}: {}", reply.text);
        reply.json()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let done = Command::new("kill")
            .args([format!("-{signal}"), self.pid().to_string()])
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// Waits for it to end by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually("the sidecar ends", || {
            self.child.try_wait().unwrap().ok_or("it runs")
        })
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Reply {
    fn from(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    value.to_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        let status = response.status().as_u16();
        let text = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string()
            .unwrap();
        Self {
            status,
            headers,
            text,
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A line of the log; one that is no JSON as a string.
fn record(line: String) -> Value {
    serde_json::from_str(&line).unwrap_or(Value::String(line))
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
}
