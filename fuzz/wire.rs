//! Requests to the program itself, over its sockets and on every surface at once: it neither ends nor
//! hangs, answers with no fault of its own, and takes no more memory than its settings say.

#[path = "../tests/it/gateway/endpoints.rs"]
mod endpoints;
mod envoy;
mod http;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::TENANCY;
use endpoints::ENDPOINTS;

/// Threads that send requests of HTTP/1.1.
const SENDERS: u64 = 3;

/// The memory that the settings allow, in MiB: for entities, for lines of the decision log, and for verified
/// tokens and the answers of introspection, which has no setting.
const CACHE: u64 = 32;
const LINES: u64 = 16;
const TOKENS: u64 = 16;

/// Memory for all that is in hand, in MiB: requests of up to 1 MiB on a few connections, and the threads
/// that large ones get.
const IN_HAND: u64 = 64;

/// One run: what is to be done, and what came of it.
pub(crate) struct Run {
    pub(crate) address: String,
    pub(crate) envoy: String,
    pub(crate) seed: u64,
    answered: AtomicU64,
    over: AtomicBool,
    findings: Mutex<Vec<String>>,
}

impl Run {
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(crate) fn answered(&self, requests: u64) {
        self.answered.fetch_add(requests, Ordering::Relaxed);
    }

    pub(crate) fn found(&self, finding: String) {
        println!("wire: {finding}");
        let mut findings = self.findings.lock().unwrap();
        findings.push(finding);
        if findings.len() >= 10 {
            self.over.store(true, Ordering::Relaxed);
        }
    }
}

/// The program, which is killed when this goes.
struct Started {
    child: Child,
    address: String,
    envoy: String,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends requests for a time, or so many if that is not 0. Returns the number of findings.
pub(crate) fn run(time: Duration, requests: u64, seed: u64) -> u32 {
    let directory = tempfile::tempdir().unwrap();
    let mut started = start(directory.path());
    let run = Run {
        address: started.address.clone(),
        envoy: started.envoy.clone(),
        seed,
        answered: AtomicU64::new(0),
        over: AtomicBool::new(false),
        findings: Mutex::default(),
    };
    let (began, idle) = (Instant::now(), mebibytes(&started.child, "VmRSS:"));
    let most = idle + CACHE + LINES + TOKENS + IN_HAND;
    std::thread::scope(|scope| {
        let lines = &mut started.lines;
        let run = &run;
        scope.spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.contains("panicked") || line.contains("\"ERROR\"") {
                    run.found(format!("it logs: {line}"));
                }
            }
        });
        let numbers = 0..SENDERS;
        let senders = numbers.map(|number| scope.spawn(move || http::send(run, number)));
        let mut senders: Vec<_> = senders.collect();
        senders.push(scope.spawn(move || envoy::send(run)));
        let mut told = Instant::now();
        let is_done = |answered| match requests {
            0 => began.elapsed() >= time,
            requests => answered >= requests,
        };
        while !run.is_over() {
            std::thread::sleep(Duration::from_millis(100));
            let answered = run.answered.load(Ordering::Relaxed);
            if let Some(status) = started.child.try_wait().unwrap() {
                run.found(format!("the program has ended: {status}"));
                run.over.store(true, Ordering::Relaxed);
                break;
            }
            if told.elapsed() > Duration::from_secs(60) {
                told = Instant::now();
                let now = mebibytes(&started.child, "VmRSS:");
                println!(
                    "wire: {answered} requests in {:.0?}, {now} MiB",
                    began.elapsed()
                );
            }
            if is_done(answered) {
                run.over.store(true, Ordering::Relaxed);
            }
        }
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
        let peak = mebibytes(&started.child, "VmHWM:");
        if peak > most {
            run.found(format!(
                "{peak} MiB of memory, where {most} MiB are allowed"
            ));
        }
        println!(
            "fuzz wire         {} requests in {:.0?}, {peak} MiB of at most {most}, {idle} when idle",
            run.answered.load(Ordering::Relaxed),
            began.elapsed(),
        );
        // Its log ends with it.
        let _ = started.child.kill();
    });
    u32::try_from(run.findings.lock().unwrap().len()).unwrap()
}

fn start(directory: &Path) -> Started {
    let path = |name: &str| directory.join(name).display().to_string();
    std::fs::write(path("tenancy.ndjson"), TENANCY).unwrap();
    // A key that nobody has: each token is looked at and refused.
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    std::fs::write(path("keys.json"), json!({"keys": [key]}).to_string()).unwrap();
    let header = |name: &str| {
        format!(
            "[[gateway.header]]\nendpoint = \"{name}\"\nfrom = [\"127.0.0.1\"]\nname = \"X-User\"\ntype = \"User\"\n"
        )
    };
    let headers = ENDPOINTS.map(header).concat();
    let settings = format!("gateway.envoy_grpc_listen = \"127.0.0.1:0\"\n{headers}");
    std::fs::write(path("authz.toml"), settings).unwrap();
    let program = std::env::var("FUZZ_PROGRAM");
    let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_peppol-authz").to_owned());
    let mut child = Command::new(program)
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--config",
            &path("authz.toml"),
        ])
        .args(["--tenancy", &format!("sqlite:{}", path("t.db"))])
        .args(["--import", &path("tenancy.ndjson")])
        .args(["--decision-log", &format!("file:{}", path("decisions.log"))])
        .env(
            "PEPPOL_AUTHZ_DECISION_LOG__ROTATE_BYTES",
            (1 << 24).to_string(),
        )
        .env("PEPPOL_AUTHZ_DECISION_LOG__KEEP", "1")
        .env(
            "PEPPOL_AUTHZ_DECISION_LOG__QUEUE_BYTES",
            (LINES << 20).to_string(),
        )
        .env("PEPPOL_AUTHZ_CACHE__BYTES", (CACHE << 20).to_string())
        .env("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all")
        .env("PEPPOL_AUTHZ_JWT__JWKS", path("keys.json"))
        .env("PEPPOL_AUTHZ_JWT__ISSUER", "i")
        .env("PEPPOL_AUTHZ_JWT__AUDIENCE", "a")
        .env("PEPPOL_AUTHZ_LOG__FORMAT", "json")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut told = |message: &str| loop {
        let line = lines.next().expect("it ends").unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["message"] == message {
            break line["address"].as_str().unwrap().to_owned();
        }
    };
    let (envoy, address) = (told("listening for Envoy's gRPC"), told("ready"));
    Started {
        child,
        address,
        envoy,
        lines,
    }
}

/// A line of `/proc/PID/status`, in MiB; 0 of one that has ended.
fn mebibytes(child: &Child, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.map_or("0", |line| line.trim().trim_end_matches(" kB"));
    kibibytes.parse::<u64>().unwrap() >> 10
}
