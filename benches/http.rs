//! Decisions a second through the real server, beside a floor: an axum server
//! that parses the same body and answers a constant of the same size. Both run
//! as processes of their own, one after the other, under the same load from here.
//!
//! `cargo bench --bench http [-- SECONDS]`

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may stop, and speaks"
)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Size, documents, memory, participant, process_cpu};
use serde_json::{Value, json};

const ORGANISATIONS: usize = 1000;
const BATCH: usize = 50;
/// Single questions come over many connections, batches over few.
const CONNECTIONS: [usize; 2] = [16, 4];

fn question(n: usize) -> Value {
    let n = n % ORGANISATIONS;
    json!({
        "principal": format!("Peppol::User::\"u-{n}\""),
        "action": {"type": "Peppol::Action", "id": "sendDocument"},
        "resource": {"type": "Peppol::Participant", "id": participant(n)},
        "context": {"accessPoint": "ap-test"},
    })
}

fn request(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

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

/// A server process that says where it listens.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command
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
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

    let mut command = Command::new(env!("CARGO_BIN_EXE_peppol-authz"));
    command
        .arg("serve")
        .args(["--listen", "127.0.0.1:0", "--import"])
        .arg(&file);
    command.arg("--tenancy").arg(format!(
        "sqlite:{}",
        directory.path().join("tenancy.db").display()
    ));
    if let Ok(workers) = std::env::var("WORKERS") {
        command.env("PEPPOL_AUTHZ_SERVER__WORKERS", workers);
    }
    command.env("PEPPOL_AUTHZ_LOG__FORMAT", "json");
    let server = Server::start(command);
    let pid = server.child.id();
    println!(
        "resident memory idle: {} KiB",
        memory(pid, "VmRSS").unwrap()
    );
    let sizes: Vec<usize> = kinds
        .iter()
        .map(|(_, requests, ..)| {
            let mut stream = TcpStream::connect(&server.address).unwrap();
            stream.write_all(&requests[0]).unwrap();
            answer(&mut stream, &mut Vec::new())
        })
        .collect();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .arg("floor")
        .args(sizes.iter().map(usize::to_string));
    let floor = Server::start(command);
    println!(
        "{:<28} {:>12} {:>9} {:>9} {:>14}",
        "", "decisions/s", "p50 µs", "p99 µs", "CPU µs/decision"
    );
    for (name, requests, per_request, connections) in kinds {
        let of_floor = load(
            &floor.address,
            floor.child.id(),
            requests,
            connections,
            seconds,
        );
        let ours = load(&server.address, pid, requests, connections, seconds);
        for (who, found) in [("floor", &of_floor), ("peppol-authz", &ours)] {
            println!(
                "{:<28} {:>12.0} {:>9} {:>9} {:>14.2}",
                format!("{name}, {who}"),
                found.per_second * per_request,
                found.p50.as_micros(),
                found.p99.as_micros(),
                found.cpu / per_request
            );
        }
        println!(
            "{name}: {:.2} of the floor",
            ours.per_second / of_floor.per_second
        );
    }
    println!(
        "resident memory under load: {} KiB",
        memory(pid, "VmRSS").unwrap()
    );
}
