//! Documents a second, in and out, and the time from a start to the first decision.
//!
//! The yardstick of an import is the time to read and parse the same documents
//! and do nothing with them.
//!
//! `cargo bench --profile dist --bench import [-- ORGANISATIONS]`

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
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::figures::figure;
use common::program::Program;
use common::{Size, documents, memory};
use serde_json::{Value, json};

/// Runs a command: the seconds that it takes, and its peak memory in KiB.
fn run(arguments: &[&str]) -> (f64, u64) {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_peppol-authz"))
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        peak = peak.max(memory(child.id(), "VmHWM").unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success());
    (started.elapsed().as_secs_f64(), peak)
}

fn main() {
    let organisations = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(160_000);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tenancy.ndjson");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
    let mut lines = 0;
    for document in documents(Size {
        organisations,
        relations: 10,
    }) {
        writeln!(out, "{document}").unwrap();
        lines += 1;
    }
    out.into_inner().unwrap().sync_all().unwrap();
    let tenancy = format!("sqlite:{}", directory.path().join("tenancy.db").display());

    let started = Instant::now();
    for line in BufReader::new(std::fs::File::open(&file).unwrap()).lines() {
        std::hint::black_box(serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    }
    let parse = started.elapsed().as_secs_f64();

    let told = |what: &str, (took, peak): (f64, u64)| {
        println!(
            "{what} of {lines} documents: {took:.1} s, {:.0} a second, {:.1} times parsing them, peak memory {peak} KiB",
            f64::from(lines) / took,
            took / parse
        );
        let values = json!({
            "documents": lines, "per_second": f64::from(lines) / took, "times_parsing": took / parse,
            "peak_kib": peak,
        });
        figure("import", what, values);
    };
    let path = file.to_str().unwrap();
    let import = ["import", "--tenancy", &tenancy, path];
    told("import into an empty store", run(&import));
    told("import of the same again", run(&import));
    let exported = directory.path().join("exported.ndjson");
    let exported = exported.to_str().unwrap();
    told("export", run(&["export", "--tenancy", &tenancy, exported]));
    let second = format!("sqlite:{}", directory.path().join("second.db").display());
    let import = ["import", "--tenancy", &second, exported];
    told("import of the export", run(&import));

    let started = Instant::now();
    let server = Program::start(&mut Program::serve(&tenancy));
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let body = r#"{"principal":"Peppol::User::\"u-0\"","action":"Peppol::Action::\"getOrganisation\"","resource":"Peppol::Organisation::\"o-0\""}"#;
    write!(
        stream,
        "POST /v1/is_authorized HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"Allow\""), "{answer}");
    let took = started.elapsed().as_millis() as u64;
    println!("from the start of the program to its first decision: {took} ms");
    figure("import", "start to first decision", json!({"ms": took}));
}
