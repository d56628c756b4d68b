//! The time until a write is seen, and the cost of a large tenancy, on PostgreSQL.
//!
//! Commit to decision: a membership is removed or given, and each of the sidecars is
//! asked until it says so, from the return of the commit on, without `atLeast`. Then
//! the time of a warm and of a cold question over 1,000 organisations, and over a
//! million with five million memberships.
//!
//! `cargo bench --profile dist --bench freshness [-- ROUNDS [ORGANISATIONS]]`

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may stop, and speaks"
)]

mod common;
#[path = "../tests/it/eventually.rs"]
#[allow(dead_code, reason = "the benchmark uses a part")]
mod eventually;
#[path = "../tests/it/postgres/server.rs"]
#[allow(dead_code, reason = "the benchmark uses a part")]
mod server;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use common::figures::figure;
use common::program::Program;
use common::{Size, documents, memory};
use serde_json::{Value, json};
use server::{Database, Server};

struct Sidecar {
    program: Program,
    url: String,
    agent: ureq::Agent,
}

impl Sidecar {
    fn start(database: &Database, import: Option<&std::path::Path>) -> Self {
        let mut command = Program::serve(&database.url());
        if let Some(file) = import {
            command.arg("--import").arg(file);
        }
        let program = Program::start(&mut command);
        Self {
            url: format!("http://{}", program.address),
            agent: ureq::Agent::new_with_defaults(),
            program,
        }
    }

    fn allows(&self, user: &str, organisation: &str) -> bool {
        let question = json!({
            "principal": format!("Peppol::User::\"{user}\""),
            "action": "Peppol::Action::\"getOrganisation\"",
            "resource": {"type": "Peppol::Organisation", "id": organisation},
        });
        let url = format!("{}/v1/is_authorized", self.url);
        let mut answer = self.agent.post(&url).send(question.to_string()).unwrap();
        let answer = answer.body_mut().read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["decision"] == "Allow"
    }

    fn metric(&self, name: &str) -> f64 {
        let url = format!("{}/metrics", self.url);
        let text = self
            .agent
            .get(&url)
            .call()
            .unwrap()
            .body_mut()
            .read_to_string();
        let text = text.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    }
}

/// A `psql` that runs statements one after the other.
struct Psql {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Psql {
    fn start(database: &Database) -> Self {
        let mut command = database.psql();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            _child: child,
        }
    }

    /// Returns when it has been committed.
    fn run(&mut self, sql: &str) {
        writeln!(self.input, "{sql};\n\\echo done").unwrap();
        let mut line = String::new();
        while line.trim() != "done" {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "{sql}");
        }
    }
}

fn tell(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros() as u64;
    println!("{what}: p50 {:>7} µs   p99 {:>7} µs", at(50), at(99));
    figure(
        "freshness",
        what,
        json!({"p50_us": at(50), "p99_us": at(99)}),
    );
}

fn lag(database: &Database, sidecars: usize, rounds: usize) {
    let sidecars: Vec<_> = (0..sidecars)
        .map(|_| Sidecar::start(database, None))
        .collect();
    let mut psql = Psql::start(database);
    let mut times = Vec::new();
    for round in 0..rounds {
        let given = round % 2 == 1;
        assert!(
            sidecars
                .iter()
                .all(|sidecar| sidecar.allows("u-7", "o-7") != given)
        );
        psql.run(if given {
            "INSERT INTO membership VALUES ('u-7', 'o-7', 'orgadmin')"
        } else {
            "DELETE FROM membership WHERE user_id = 'u-7'"
        });
        let committed = Instant::now();
        let mut late: Vec<_> = sidecars.iter().collect();
        while !late.is_empty() {
            late.retain(|sidecar| sidecar.allows("u-7", "o-7") != given);
        }
        times.push(committed.elapsed());
    }
    let what = format!("commit to decision, the slowest of {}", sidecars.len());
    tell(&what, &mut times);
}

/// Microseconds of a question, warm, and of one that nobody asked before.
fn questions(database: &Database, organisations: usize, what: &str) {
    let sidecar = Sidecar::start(database, None);
    let ask = |n: usize| {
        let started = Instant::now();
        assert!(sidecar.allows(&format!("u-{n}"), &format!("o-{n}")), "{n}");
        started.elapsed()
    };
    for _ in 0..500 {
        ask(1);
    }
    let mut warm: Vec<_> = (0..3000).map(|_| ask(1)).collect();
    let step = (organisations / 600).max(1);
    let mut cold: Vec<_> = (2..600).map(|n| ask(n * step)).collect();
    tell(&format!("{what}, warm question"), &mut warm);
    tell(&format!("{what}, cold question"), &mut cold);
    let entries = sidecar.metric("peppol_authz_cache_entries ");
    let bytes = sidecar.metric("peppol_authz_cache_bytes ");
    println!(
        "{what}: {entries} entities in memory, {:.0} bytes each; resident {} KiB",
        bytes / entries,
        memory(sidecar.program.child.id(), "VmRSS").unwrap()
    );
    figure(
        "freshness",
        &format!("{what}, an entity in memory"),
        json!({"bytes": bytes / entries}),
    );
}

/// Organisations from `from` on, each with an orgadmin, and further memberships.
fn grow(database: &Database, from: usize, to: usize, memberships: usize) {
    let last = to - 1;
    database.sql(&format!(
        "INSERT INTO registered_user SELECT 'u-' || n, true, false FROM generate_series({from}, {last}) AS n;
         INSERT INTO account (email, user_id) SELECT 'u' || n || '@example.com', 'u-' || n FROM generate_series({from}, {last}) AS n;
         INSERT INTO organisation (id, legal_identifier_code, legal_identifier, mode)
           SELECT 'o-' || n, 'SE_ORGNR', n::text, 'SHARED' FROM generate_series({from}, {last}) AS n;
         INSERT INTO membership SELECT 'u-' || n, 'o-' || n, 'orgadmin' FROM generate_series({from}, {last}) AS n;
         INSERT INTO membership SELECT 'u-' || (n % {to}), 'o-' || ((n::bigint * 7919 + n / {to} + 1) % {to}), 'ApUser'
           FROM generate_series(1, {memberships}) AS n ON CONFLICT DO NOTHING;
         SELECT tenancy_prune('0s');
         ANALYZE"
    ));
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let mut number = |default: usize| {
        arguments
            .next()
            .map_or(default, |text| text.parse().unwrap())
    };
    let (rounds, organisations) = (number(500), number(1_000_000));
    let server = Server::start(&[
        "max_connections=200",
        "shared_buffers=1GB",
        "max_wal_size=4GB",
    ]);
    let database = server.database();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tenancy.ndjson");
    let size = Size {
        organisations: 1000,
        relations: 10,
    };
    let text: String = documents(size)
        .map(|document| format!("{document}\n"))
        .collect();
    std::fs::write(&file, text).unwrap();
    drop(Sidecar::start(&database, Some(&file)));
    for sidecars in [1, 4] {
        lag(&database, sidecars, rounds);
    }
    questions(&database, 1000, "1,000 organisations");
    grow(&database, 1000, organisations, 5 * organisations);
    let count = database.sql("SELECT count(*) FROM membership");
    questions(
        &database,
        organisations,
        &format!(
            "{organisations} organisations, {} memberships",
            count.trim()
        ),
    );
}
