//! Answers while more is asked than can be answered, and while others hold connections.
//!
//! The load is an open one: each request has its time, and its latency counts from then, whether or not
//! a connection was free. First the capacity is found: as many connections, each with its next question as soon as
//! it is answered, and a server that refuses nothing. Then half of it is asked, nine tenths, and twice of it.
//! A refusal has to come soon, and an answer in a time that is like that of a busy server.
//! The first second does not count: a burst is let in. That for questions from memory over SQLite, answered by
//! kept decisions and decided anew, and for PostgreSQL with nothing kept. Last, 10,000 silent
//! and slow connections are held open on each listener in turn, while others ask.
//!
//! "late" is the p99 of the time by which this load itself was late: where it is not small, the load cannot ask so much, and
//! the latencies are its own. "sent" is the p99 of answers from the time at which they were asked for in fact.
//!
//! The server has one processor, with PostgreSQL, and the load another. It needs a limit of 20,000 open files
//! (`ulimit -n`). `PRESSURE_PROGRAM` names another build of the program.
//!
//! `nice -n -15 cargo bench --bench pressure [-- SECONDS [PART]]`, where a part is one whose name
//! begins so: SQLite, PostgreSQL, held.

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
#[path = "pressure/held.rs"]
mod held;
#[path = "pressure/load.rs"]
mod load;
#[path = "../tests/it/postgres/server.rs"]
#[allow(dead_code, reason = "the benchmark uses a part")]
mod postgres;

use std::path::Path;
use std::time::Duration;

use common::figures::figure;
use common::pinned;
use common::program::Program;
use common::questions::{ORGANISATIONS, question, request};
use common::{Size, documents, memory};
use load::{Found, Load};
use serde_json::json;

/// So few that none has to wait for the store for long.
const FEW: usize = 8;

/// Fewer than half as many as one peer may have: those of the load before may still be closing.
const MANY: usize = 400;

/// Connections that are held open on each listener in turn.
const HELD: usize = 10_000;

/// A setting and its value.
type Setting = (&'static str, &'static str);

/// Nobody is closed for being slow.
const HOLDING: [Setting; 7] = [
    ("SERVER__CONNECTIONS", "12000"),
    ("SERVER__CONNECTIONS_PER_PEER", "12000"),
    ("SERVER__HEADER_READ_TIMEOUT", "1h"),
    ("SERVER__BODY_READ_TIMEOUT", "1h"),
    ("SERVER__REQUEST_TIMEOUT", "1h"),
    ("SERVER__IDLE_TIMEOUT", "1h"),
    ("GATEWAY__ENVOY_GRPC_LISTEN", "127.0.0.1:0"),
];

fn main() {
    let seconds = std::env::args().skip(1).find_map(|text| text.parse().ok());
    let seconds = Duration::from_secs(seconds.unwrap_or(5));
    let part = std::env::args()
        .skip(1)
        .find(|text| !text.starts_with('-') && text.parse::<u64>().is_err());
    let part = part.unwrap_or_default();
    let is_wanted = |name: &str| name.starts_with(&part);
    pinned::this();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tenancy.ndjson");
    let size = Size {
        organisations: ORGANISATIONS,
        relations: 10,
    };
    let text: String = documents(size)
        .map(|document| format!("{document}\n"))
        .collect();
    std::fs::write(&file, text).unwrap();
    let sqlite = |name: &str| format!("sqlite:{}", directory.path().join(name).display());
    let load = Load::new((0..ORGANISATIONS).map(|n| request("/v1/is_authorized", &question(n))));

    println!(
        "{:<36} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>6}",
        "",
        "asked/s",
        "served/s",
        "p50 µs",
        "p99 µs",
        "shed/s",
        "p99 µs",
        "late µs",
        "sent µs",
        "ratio"
    );
    let memory_of = sqlite("memory.db");
    for (name, anew) in [
        ("SQLite, decisions kept", false),
        ("SQLite, decided anew", true),
    ] {
        if is_wanted(name) {
            let others: &[Setting] = match anew {
                true => &[("CACHE__DECISION_BYTES", "0")],
                false => &[],
            };
            pressed(name, &load, MANY, seconds, |settings| {
                serve(&memory_of, &file, &[settings, others].concat())
            });
        }
    }
    let name = "PostgreSQL, nothing kept";
    if is_wanted(name) {
        from_postgres(name, &load, &file, seconds);
    }
    if is_wanted("held") {
        beside_held(&load, &sqlite("held.db"), &file, seconds);
    }
}

/// Every question reads all of its entities, and the database shares the processor.
fn from_postgres(name: &str, load: &Load, file: &Path, seconds: Duration) {
    let postgres = postgres::Server::start(&["max_connections=200"]);
    let database = postgres.database();
    let port = postgres.port;
    let postmaster = format!("pgrep -f -- '-p{port}' | xargs -n1 taskset -acp 0");
    pinned::run("sh", &["-c", &postmaster]);
    pressed(name, load, FEW, seconds, |settings| {
        let settings = [settings, &[("CACHE__ENABLED", "false")]].concat();
        serve(&database.url(), file, &settings)
    });
}

/// Others ask while many connections are held.
fn beside_held(load: &Load, source: &str, file: &Path, seconds: Duration) {
    let server = serve(source, file, &HOLDING);
    let capacity = load
        .ask(&server.address, MANY, f64::INFINITY, seconds)
        .served;
    let alone = load.ask(&server.address, MANY, capacity / 2.0, seconds);
    print("alone", capacity / 2.0, &alone, &alone);
    let envoy = server.envoy.clone().unwrap();
    for (name, crowd) in [("HTTP", &server.address), ("gRPC", &envoy)] {
        let pid = server.child.id();
        let before = memory(pid, "VmRSS").unwrap();
        let crowd = match name {
            "HTTP" => held::Crowd::of_http(crowd, HELD),
            _ => held::Crowd::of_envoy(crowd, HELD),
        };
        let beside = load.ask(&server.address, MANY, capacity / 2.0, seconds);
        let name = format!("beside {HELD} of {name}");
        print(&name, capacity / 2.0, &beside, &alone);
        let each = memory(pid, "VmRSS").unwrap().saturating_sub(before) / HELD as u64;
        println!("  {} of them still open, {each} KiB for each", crowd.open());
    }
}

/// Asks a part of what it can answer over so many connections, and more.
fn pressed(
    name: &str,
    load: &Load,
    connections: usize,
    seconds: Duration,
    serve: impl Fn(&[Setting]) -> Program,
) {
    // Nothing is refused: an hour is never too late.
    let server = serve(&[("SERVER__DELAY", "1h"), ("SERVER__BURST_TIME", "1h")]);
    let found = load.ask(&server.address, connections, f64::INFINITY, seconds);
    let capacity = found.served;
    drop(server);
    let server = serve(&[]);
    let ask = |part: f64| load.ask(&server.address, MANY, capacity * part, seconds);
    let (half, busy, twice) = (ask(0.5), ask(0.9), ask(2.0));
    let rows = [
        ("capacity", 1.0, &found),
        ("half", 0.5, &half),
        ("nine tenths", 0.9, &busy),
        ("twice", 2.0, &twice),
    ];
    for (part, of, found) in rows {
        print(&format!("{name}, {part}"), capacity * of, found, &busy);
    }
}

fn print(name: &str, asked: f64, found: &Found, usual: &Found) {
    println!(
        "{name:<36} {asked:>9.0} {:>9.0} {:>9} {:>9} {:>9.0} {:>9} {:>9} {:>9} {:>6.2}",
        found.served,
        found.p50.as_micros(),
        found.p99.as_micros(),
        found.shed,
        found.shed_p99.as_micros(),
        found.late_p99.as_micros(),
        found.sent_p99.as_micros(),
        found.p99.as_secs_f64() / usual.p99.as_secs_f64(),
    );
    let values = json!({
        "asked": asked, "served": found.served, "p50_us": found.p50.as_micros() as u64,
        "p99_us": found.p99.as_micros() as u64, "shed": found.shed,
        "late_us": found.late_p99.as_micros() as u64,
    });
    figure("pressure", name, values);
}

/// The server, with one worker on a processor of its own.
fn serve(source: &str, file: &Path, settings: &[Setting]) -> Program {
    let mut command = match std::env::var("PRESSURE_PROGRAM") {
        Ok(program) => Program::serve_by(&program, source),
        Err(_) => Program::serve(source),
    };
    command.arg("--import").arg(file);
    command.env("PEPPOL_AUTHZ_SERVER__WORKERS", "1");
    for (name, value) in settings {
        command.env(format!("PEPPOL_AUTHZ_{name}"), value);
    }
    pinned::server(Program::start(&mut command))
}
