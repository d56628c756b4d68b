//! The floor: a server that parses the same, and answers a constant of the same size.

use std::io::Write;
use std::process::Command;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use serde_json::{Value, json};

use crate::rpc;

/// The argument by which this program serves as the floor.
const MODE: &str = "floor";

/// Serves as the floor, for good, if the program was started as that; returns its arguments if not.
pub(crate) fn or_arguments() -> Vec<String> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [mode, constants @ ..] = arguments.as_slice()
        && mode == MODE
    {
        floor(constants);
    }
    arguments
}

/// The floor as a process of its own, with its constants.
pub(crate) fn command(constants: &[String]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(MODE).args(constants);
    command
}

/// Serves over HTTP for each path a constant of so many bytes, given as `PATH=BYTES`, and over gRPC one of Envoy's,
/// until it is killed. It says where it listens as the program does.
fn floor(constants: &[String]) {
    let constant = |size: usize| {
        let text: &'static str = "x".repeat(size).leak();
        move |body: Bytes| async move {
            std::hint::black_box(serde_json::from_slice::<Value>(&body).unwrap());
            ([("content-type", "application/json")], text)
        }
    };
    let mut router = Router::new();
    for each in constants {
        let (path, size) = each.split_once('=').unwrap();
        router = router.route(path, post(constant(size.parse().unwrap())));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let envoy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address =
            |listener: &tokio::net::TcpListener| listener.local_addr().unwrap().to_string();
        let lines = [
            json!({"message": "listening for Envoy's gRPC", "address": address(&envoy)}),
            json!({"message": "ready", "address": address(&listener)}),
        ];
        for line in lines {
            std::io::stderr()
                .write_all(format!("{line}\n").as_bytes())
                .unwrap();
        }
        tokio::spawn(rpc::floor(envoy));
        axum::serve(listener, router).await.unwrap();
    });
}
