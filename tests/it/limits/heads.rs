//! Heads that are as long as one may be, and longer.

use crate::connection::Connection;
use crate::gateway;
use crate::sidecar::{Sidecar, Start};

const LONGEST: usize = 64 << 10;

/// A request whose head has so many bytes, over many fields or one.
fn head_of(bytes: usize, fields: usize) -> String {
    let mut text = "GET /healthz HTTP/1.1\r\nhost: a\r\n".to_owned();
    for number in 0..fields {
        let begun = format!("x-{number}: ");
        let left = bytes - text.len() - "\r\n".len();
        let length = left / (fields - number) - begun.len() - "\r\n".len();
        text += &format!("{begun}{}\r\n", "y".repeat(length));
    }
    text += "\r\n";
    assert_eq!(text.len(), bytes);
    text
}

fn asked(sidecar: &Sidecar, text: &str, piece: usize, is_kept: bool) -> u16 {
    let mut connection = Connection::open(sidecar);
    if is_kept {
        connection.is_served();
    }
    for part in text.as_bytes().chunks(piece) {
        // One that was refused need not listen any more.
        if !connection.try_write(part) {
            break;
        }
    }
    connection.reply().status
}

#[test]
fn a_head_over_64_kib_is_refused_on_every_connection() {
    let directory = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}", directory.path().join("authz.sock").display());
    let over_tcp = Start::quickstart().start();
    let over_unix = Start::quickstart().with(&["--listen", &unix]).start();
    for sidecar in [&over_tcp, &over_unix] {
        for fields in [1, 90] {
            for (piece, is_kept) in [
                (usize::MAX, false),
                (usize::MAX, true),
                (1000, false),
                (8192, true),
            ] {
                let ask = |bytes| asked(sidecar, &head_of(bytes, fields), piece, is_kept);
                assert_eq!(ask(LONGEST - 1), 200, "{fields} {piece} {is_kept}");
                for bytes in [
                    LONGEST + 1,
                    LONGEST + 500,
                    LONGEST * 3 / 2,
                    LONGEST * 2,
                    LONGEST * 20,
                ] {
                    assert_eq!(ask(bytes), 431, "{bytes} {fields} {piece} {is_kept}");
                }
            }
        }
    }
    // A gateway takes it for a denial.
    let long = "y".repeat(LONGEST);
    let headers = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orgs/acme"),
        ("x", long.as_str()),
    ];
    assert_eq!(
        gateway::ask(&over_tcp.address, "/authz/nginx", &headers).status,
        431
    );
}
