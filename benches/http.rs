//! Decisions a second through the real server, beside a floor: an axum server
//! that parses the same body and answers a constant of the same size. Both run
//! as processes of their own, one after the other, under the same load from here:
//! a mix of eight actions, each of a thousand users asking of what is theirs.
//!
//! With SQLite and with PostgreSQL, of which it starts a server of its own; then
//! with nothing kept in memory, so that every question reads all that it looks at. Last with a
//! decision log, without and with slices, and with the same policies as a shadow, of which the ratio
//! is to the same without it.
//!
//! `cargo bench --profile dist --bench http [-- SECONDS]`

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
mod postgres;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::program::Program;
use common::questions::{ORGANISATIONS, question, request};
use common::{Size, documents, memory, process_cpu};
use serde_json::{Value, json};

const BATCH: usize = 50;
/// Single questions come over many connections, batches over few.
const CONNECTIONS: [usize; 2] = [16, 4];

/// One answer; returns its body's length.
fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> usize {
    buffer.clear();
    let mut chunk = [0; 65536];
    loop {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the server closed the connection");
        buffer.extend_from_slice(&chunk[..read]);
        let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap()
            .parse()
            .unwrap();
        if buffer.len() == end + 4 + length {
            return length;
        }
    }
}

struct Load {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    /// Microseconds of the server's processors for one request.
    cpu: f64,
}

fn load(address: &str, pid: u32, requests: &[Vec<u8>], connections: usize, seconds: u64) -> Load {
    let stop = Arc::new(AtomicBool::new(false));
    let requests = Arc::new(requests.to_vec());
    let run = |stop: Arc<AtomicBool>| -> Vec<Duration> {
        let threads: Vec<_> = (0..connections)
            .map(|connection| {
                let (stop, requests, address) =
                    (Arc::clone(&stop), Arc::clone(&requests), address.to_owned());
                std::thread::spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.set_nodelay(true).unwrap();
                    let mut buffer = Vec::new();
                    let mut taken = Vec::new();
                    let mut n = connection * 7919;
                    while !stop.load(Ordering::Relaxed) {
                        let started = Instant::now();
                        stream.write_all(&requests[n % requests.len()]).unwrap();
                        answer(&mut stream, &mut buffer);
                        taken.push(started.elapsed());
                        n += 1;
                    }
                    taken
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    };
    let timed = |seconds: f64| {
        stop.store(false, Ordering::Relaxed);
        let stopper = Arc::clone(&stop);
        let timer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs_f64(seconds));
            stopper.store(true, Ordering::Relaxed);
        });
        let (cpu, started) = (process_cpu(pid), Instant::now());
        let taken = run(Arc::clone(&stop));
        let elapsed = started.elapsed();
        timer.join().unwrap();
        (taken, elapsed, process_cpu(pid) - cpu)
    };
    timed(1.0);
    let (mut taken, elapsed, cpu) = timed(seconds as f64);
    taken.sort();
    Load {
        per_second: taken.len() as f64 / elapsed.as_secs_f64(),
        p50: taken[taken.len() / 2],
        p99: taken[taken.len() * 99 / 100],
        cpu: cpu * 1e6 / taken.len() as f64,
    }
}

/// The floor: parse, and answer a constant.
fn floor(sizes: [usize; 2]) {
    use axum::Router;
    use axum::body::Bytes;
    use axum::routing::post;
    let constant = |size: usize| {
        let text: &'static str = "x".repeat(size).leak();
        move |body: Bytes| async move {
            std::hint::black_box(serde_json::from_slice::<Value>(&body).unwrap());
            ([("content-type", "application/json")], text)
        }
    };
    let router = Router::new()
        .route("/v1/is_authorized", post(constant(sizes[0])))
        .route("/v1/batch_is_authorized", post(constant(sizes[1])));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let ready = json!({"message": "ready", "address": address});
        std::io::stderr()
            .write_all(format!("{ready}\n").as_bytes())
            .unwrap();
        axum::serve(listener, router).await.unwrap();
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [mode, single, batch] = arguments.as_slice()
        && mode == "floor"
    {
        return floor([single.parse().unwrap(), batch.parse().unwrap()]);
    }
    let seconds: u64 = arguments
        .first()
        .map_or(5, |seconds| seconds.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tenancy.ndjson");
    let text: String = documents(Size {
        organisations: ORGANISATIONS,
        relations: 10,
    })
    .map(|d| format!("{d}\n"))
    .collect();
    std::fs::write(&file, text).unwrap();
    let single: Vec<_> = (0..ORGANISATIONS)
        .map(|n| request("/v1/is_authorized", &question(n)))
        .collect();
    let batches: Vec<_> = (0..ORGANISATIONS / BATCH)
        .map(|b| {
            let requests: Vec<Value> = (0..BATCH).map(|n| question(b * BATCH + n)).collect();
            request("/v1/batch_is_authorized", &json!({"requests": requests}))
        })
        .collect();
    let kinds = [
        ("single", &single, 1.0, CONNECTIONS[0]),
        ("batch of 50", &batches, BATCH as f64, CONNECTIONS[1]),
    ];
    let postgres = postgres::Server::start(&["max_connections=200"]);
    let database = postgres.database();
    let sources = [
        (
            "SQLite",
            format!("sqlite:{}", directory.path().join("tenancy.db").display()),
        ),
        ("PostgreSQL", database.url()),
    ];
    println!(
        "{:<34} {:>12} {:>9} {:>9} {:>15} {:>6}",
        "", "decisions/s", "p50 µs", "p99 µs", "CPU µs/decision", "ratio"
    );
    let (mut floors, mut without_log): (Vec<Load>, Vec<Load>) = (Vec::new(), Vec::new());
    for kept in [true, false] {
        for (name, source) in &sources {
            let server = serve(source, &file, kept, &[]);
            let pid = server.child.id();
            let idle = memory(pid, "VmRSS").unwrap();
            if floors.is_empty() {
                let sizes = kinds.map(|(_, requests, ..)| size_of_answer(&server, &requests[0]));
                let mut command = Command::new(std::env::current_exe().unwrap());
                command
                    .arg("floor")
                    .args(sizes.map(|size| size.to_string()));
                let floor = Program::start(&mut command);
                for (kind, requests, each, connections) in kinds {
                    let pid = floor.child.id();
                    let found = load(&floor.address, pid, requests, connections, seconds);
                    print(&format!("{kind}, floor"), &found, &found, each);
                    floors.push(found);
                }
            }
            for ((kind, requests, each, connections), floor) in kinds.into_iter().zip(&floors) {
                let found = load(&server.address, pid, requests, connections, seconds);
                let cold = if kept { "" } else { ", nothing kept" };
                print(&format!("{kind}, {name}{cold}"), &found, floor, each);
                if without_log.len() < kinds.len() {
                    without_log.push(found);
                }
            }
            println!(
                "  resident memory: {idle} KiB idle, {} KiB under load",
                memory(pid, "VmRSS").unwrap()
            );
        }
    }
    let log = format!("file:{}", directory.path().join("d.log").display());
    let with_log = ["--decision-log", log.as_str(), "--log-slice"];
    let with_shadow = ["--shadow", "policies"];
    for (name, arguments) in [
        ("log", &with_log[..2]),
        ("log with slices", &with_log[..]),
        ("shadow", &with_shadow[..]),
    ] {
        let server = serve(&sources[0].1, &file, true, arguments);
        let pid = server.child.id();
        for ((kind, requests, each, connections), without) in kinds.into_iter().zip(&without_log) {
            let found = load(&server.address, pid, requests, connections, seconds);
            print(&format!("{kind}, SQLite, {name}"), &found, without, each);
        }
    }
}

/// The server over a source that holds the documents of a file.
fn serve(source: &str, file: &std::path::Path, kept: bool, more: &[&str]) -> Program {
    let mut command = Program::serve(source);
    command.arg("--import").arg(file).args(more);
    if let Ok(workers) = std::env::var("WORKERS") {
        command.env("PEPPOL_AUTHZ_SERVER__WORKERS", workers);
    }
    command.env("PEPPOL_AUTHZ_CACHE__ENABLED", kept.to_string());
    // This load waits for its answers: it is never too much.
    command.env("PEPPOL_AUTHZ_SERVER__DELAY", "1s");
    Program::start(&mut command)
}

fn size_of_answer(server: &Program, request: &[u8]) -> usize {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(request).unwrap();
    answer(&mut stream, &mut Vec::new())
}

fn print(what: &str, found: &Load, floor: &Load, each: f64) {
    println!(
        "{what:<34} {:>12.0} {:>9} {:>9} {:>15.2} {:>6.2}",
        found.per_second * each,
        found.p50.as_micros(),
        found.p99.as_micros(),
        found.cpu / each,
        found.per_second / floor.per_second
    );
}
