//! Decisions a second through the real server, beside a floor: an axum server that parses the same bytes and answers
//! a constant of the same size, and a tonic server for Envoy's checks. All are processes of their own, under a load
//! from here that takes turns between them: each figure is a median of rounds, with the least and the most.
//!
//! - Questions that repeat: eight actions, each of a thousand users asking of what is theirs.
//! - Random ones over the shipped policies, of which no decision is kept: denials and unknown users among them.
//! - Random ones over ten policies and a hundred entities, likewise.
//! - With nothing at all kept in memory, on SQLite and on PostgreSQL, of which it starts a server of its own.
//! - With a decision log, without and with slices, and with the same policies as a shadow: beside the same
//!   server without.
//!
//! `cargo bench --profile dist --bench http [-- SECONDS [PART]]`: PART is the beginning of a name.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may stop, and speaks"
)]

mod common;
#[path = "http/compare.rs"]
mod compare;
#[path = "../tests/it/eventually.rs"]
#[allow(dead_code, reason = "the benchmark uses a part")]
mod eventually;
#[path = "http/floor.rs"]
mod floor;
#[path = "http/kind.rs"]
mod kind;
#[path = "http/load.rs"]
mod load;
#[path = "../tests/it/postgres/server.rs"]
#[allow(dead_code, reason = "the benchmark uses a part")]
mod postgres;
#[path = "http/rpc.rs"]
mod rpc;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::figures::figure;
use common::program::{ANEW, Program, Setting};
use common::questions::{Asked, ORGANISATIONS, question, random_of_shipped};
use common::ten::{random_of_ten, serve_ten};
use common::{Size, documents, memory};
use compare::{Compared, in_turn};
use kind::{Kind, Requests};
use serde_json::json;

/// Random questions of a kind; after the last the first comes again.
const RANDOM: usize = 20_000;

const NATIVE: [&str; 2] = ["/v1/is_authorized", "/v1/batch_is_authorized"];
const AUTHZEN: [&str; 2] = ["/access/v1/evaluation", "/access/v1/evaluations"];

/// The parts of the benchmark that are wanted, and their time.
struct Bench {
    seconds: u64,
    part: String,
    directory: tempfile::TempDir,
}

fn main() {
    let arguments = floor::or_arguments();
    let [seconds, part] = [0, 1].map(|n| arguments.get(n).cloned().unwrap_or_default());
    let bench = Bench {
        seconds: seconds.parse().unwrap_or(3),
        part,
        directory: tempfile::tempdir().unwrap(),
    };
    println!("{}", Compared::head());
    bench.repeated();
    bench.random();
    bench.ten();
    bench.nothing_kept();
    bench.beside();
}

impl Bench {
    fn repeated(&self) {
        let all = || (0..ORGANISATIONS).map(question);
        let checks = (0..ORGANISATIONS)
            .map(|n| rpc::check(&format!("/orgs/o-{n}"), &[("x-user", &format!("u-{n}"))]))
            .collect();
        let kinds = [
            Kind::single("repeated, one by one", NATIVE[0], all()),
            Kind::batch("repeated, batches of 50", NATIVE[1], "requests", all()),
            Kind {
                name: "repeated, Envoy's gRPC".to_owned(),
                requests: Requests::Envoy(Arc::new(checks)),
                each: 1,
            },
        ];
        let Some(server) = self.wanted(&kinds, || self.shipped("repeated", &[], &[])) else {
            return;
        };
        let idle = memory(server.child.id(), "VmRSS").unwrap();
        self.beside_floors(&kinds, &server);
        let busy = memory(server.child.id(), "VmRSS").unwrap();
        println!("  resident memory: {idle} KiB idle, {busy} KiB under load");
        figure(
            "http",
            "resident memory",
            json!({"idle_kib": idle, "busy_kib": busy}),
        );
    }

    fn random(&self) {
        let kinds = random_kinds("random, shipped policies", random_of_shipped);
        if let Some(server) = self.wanted(&kinds, || self.shipped("random", &[ANEW], &[])) {
            self.beside_floors(&kinds, &server);
        }
    }

    fn ten(&self) {
        let kinds = random_kinds("random, ten policies", random_of_ten);
        let ten = || serve_ten(self.directory.path());
        if let Some(server) = self.wanted(&kinds, || Program::start_by(ten(), &[ANEW])) {
            self.beside_floors(&kinds, &server);
        }
    }

    fn nothing_kept(&self) {
        let random = || (0..RANDOM).map(|n| random_of_shipped(n).native());
        let sqlite = [Kind::single("nothing kept, SQLite", NATIVE[0], random())];
        let kept = [("CACHE__ENABLED", "false")];
        if let Some(server) = self.wanted(&sqlite, || self.shipped("cold", &kept, &[])) {
            self.beside_floors(&sqlite, &server);
        }
        let postgres = [Kind::single(
            "nothing kept, PostgreSQL",
            NATIVE[0],
            random(),
        )];
        if !self.wants(&postgres) {
            return;
        }
        let database_server = postgres::Server::start(&["max_connections=200"]);
        let database = database_server.database();
        let server = self.over(&database.url(), &kept, &[]);
        self.beside_floors(&postgres, &server);
    }

    /// The cost of observers: the same server with and without them.
    fn beside(&self) {
        let log = format!("file:{}", self.directory.path().join("d.log").display());
        let logged = ["--decision-log", log.as_str(), "--log-slice"];
        let variants = [
            ("with a decision log", &logged[..2]),
            ("with slices in it", &logged[..]),
            ("with a shadow", &["--shadow", "policies"][..]),
        ];
        for (name, arguments) in variants {
            let all = || (0..ORGANISATIONS).map(question);
            let random = || (0..RANDOM).map(|n| random_of_shipped(n).native());
            for (kind, settings) in [
                (
                    Kind::single(&format!("{name}, repeated"), NATIVE[0], all()),
                    vec![],
                ),
                (
                    Kind::single(&format!("{name}, random"), NATIVE[0], random()),
                    vec![ANEW],
                ),
            ] {
                let kinds = [kind];
                if self.wants(&kinds) {
                    let without = self.shipped("without", &settings, &[]);
                    let with = self.shipped("with", &settings, arguments);
                    self.compare(&kinds[0], &without, &with, "without");
                }
            }
        }
    }

    fn wants(&self, kinds: &[Kind]) -> bool {
        kinds.iter().any(|kind| kind.name.starts_with(&self.part))
    }

    fn wanted(&self, kinds: &[Kind], server: impl FnOnce() -> Program) -> Option<Program> {
        self.wants(kinds).then(server)
    }

    /// The shipped policies over SQLite.
    fn shipped(&self, name: &str, settings: &[Setting], arguments: &[&str]) -> Program {
        let database = self.directory.path().join(format!("{name}.db"));
        self.over(
            &format!("sqlite:{}", database.display()),
            settings,
            arguments,
        )
    }

    fn over(&self, source: &str, settings: &[Setting], arguments: &[&str]) -> Program {
        let mut command = Program::serve(source);
        command.arg("--import").arg(self.tenancy()).args(arguments);
        let config = self.directory.path().join("sidecar.toml");
        std::fs::write(&config, HEADER).unwrap();
        command.arg("--config").arg(config);
        Program::start_by(command, settings)
    }

    /// The documents of the shipped policies' store.
    fn tenancy(&self) -> PathBuf {
        let file = self.directory.path().join("tenancy.ndjson");
        let size = Size {
            organisations: ORGANISATIONS,
            relations: 10,
        };
        let text: String = documents(size).map(|each| format!("{each}\n")).collect();
        std::fs::write(&file, text).unwrap();
        file
    }

    fn beside_floors(&self, kinds: &[Kind], server: &Program) {
        for kind in kinds {
            if kind.name.starts_with(&self.part) {
                let floor = kind.floor(&server.server());
                self.compare(kind, &floor, server, "of_floor");
            }
        }
    }

    /// Loads both in turn, and tells of the second beside the first.
    fn compare(&self, kind: &Kind, floor: &Program, server: &Program, beside: &str) {
        let time = Duration::from_secs(self.seconds);
        let [floor, server] = [floor, server].map(|each| move || kind.load(&each.server(), time));
        let found = in_turn(&[&floor, &server]);
        let compared = Compared::of(&found[0], &found[1], kind.each);
        println!("{}", compared.line(&kind.name));
        figure("http", &kind.name, compared.values(beside));
    }
}

/// Envoy tells of its user by a header.
const HEADER: &str = "[gateway]\nenvoy_grpc_listen = \"127.0.0.1:0\"\n[[gateway.header]]\nendpoint = \"envoy\"\n\
                      from = [\"127.0.0.1\"]\nname = \"X-User\"\ntype = \"User\"\n";

/// Random questions in both languages, one by one and in batches.
fn random_kinds(name: &str, random: fn(usize) -> Asked) -> [Kind; 4] {
    let native = || (0..RANDOM).map(move |n| random(n).native());
    let authzen = || (0..RANDOM).map(move |n| random(n).authzen());
    [
        Kind::single(&format!("{name}, one by one"), NATIVE[0], native()),
        Kind::single(&format!("{name}, AuthZEN"), AUTHZEN[0], authzen()),
        Kind::batch(&format!("{name}, batches"), NATIVE[1], "requests", native()),
        Kind::batch(
            &format!("{name}, AuthZEN batches"),
            AUTHZEN[1],
            "evaluations",
            authzen(),
        ),
    ]
}
