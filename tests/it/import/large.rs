//! A large import: memory is bounded by the largest document, not by the file.

use std::fmt::Write as _;
use std::io::BufWriter;
use std::process::Child;
use std::time::Duration;

use super::{SqliteImport, Target};

/// Documents of one import.
const LINES: usize = 200_000;
/// Members that nobody asked for make a document this much larger, in bytes.
const SURPLUS: usize = 400;
/// Twice what the program needs, and less than that with the documents' text.
const MOST_KILOBYTES: u64 = 150 * 1024;

/// The most memory that the process has had so far.
fn peak_kilobytes(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let target = Target::new();
    let mut child = target.importing();
    let input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || write_documents(BufWriter::new(input)));
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_kilobytes(&child).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    writer.join().unwrap().unwrap();
    let ended = SqliteImport::from(child.wait_with_output().unwrap());
    ended.revision();
    assert!(
        ended
            .stdout
            .contains(&format!("imported {LINES} documents")),
        "{ended:?}"
    );
    assert!(peak > 0 && peak < MOST_KILOBYTES, "{peak} kB");
    let organisations = LINES / 4;
    let rows = rusqlite::Connection::open(target.path("tenancy.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM \"Peppol::Participant\"", [], |row| {
            row.get::<_, i64>(0)
        });
    assert_eq!(rows.unwrap(), i64::try_from(organisations).unwrap());
}

fn write_documents(mut output: impl std::io::Write) -> std::io::Result<()> {
    let surplus = "x".repeat(SURPLUS);
    let mut text = String::new();
    for i in 0..LINES / 4 {
        text.clear();
        let _ = writeln!(
            text,
            r#"{{"type":"USER","id":"u{i}","email":"U{i}@x","emailVerified":true,"superadmin":false,"note":"{surplus}"}}
{{"type":"ORGANISATION","id":"o{i}","legalIdentifierCode":"SE","legalIdentifier":"{i}","organisationMode":"SHARED","note":"{surplus}"}}
{{"type":"MEMBERSHIP","userId":"u{i}","organisationId":"o{i}","memberRole":"orgadmin","note":"{surplus}"}}
{{"type":"PARTICIPANT","id":"0007:{i}","organisationId":"o{i}","environment":"TEST","note":"{surplus}"}}"#
        );
        output.write_all(text.as_bytes())?;
    }
    output.flush()
}
