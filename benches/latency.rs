//! How long answers take at half of the load that the server can bear, and while something else happens:
//! policies are read anew once a second, or others write to the store a thousand times a second.
//!
//! The server has one processor and the load another. The load is an open one over 16 connections: each request has
//! its time, and its latency counts from then. The floor is an axum server that parses the same and answers a
//! constant; it gets as many requests a second as the server.
//!
//! `nice -n -15 cargo bench --profile dist --bench latency [-- SECONDS]`

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may stop, and speaks"
)]

mod common;
#[path = "http/floor.rs"]
mod floor;
#[path = "http/load.rs"]
#[allow(dead_code, reason = "the floor needs it")]
mod load;
#[path = "pressure/load.rs"]
#[allow(dead_code, reason = "the benchmark uses a part")]
mod open_load;
#[path = "http/rpc.rs"]
#[allow(dead_code, reason = "the floor needs it")]
mod rpc;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::figures::figure;
use common::pinned;
use common::program::Program;
use common::questions::{ORGANISATIONS, question, random_of_shipped, request};
use common::{Size, documents};
use open_load::{Found, Load};
use serde_json::json;

const CONNECTIONS: usize = 16;
const RANDOM: usize = 20_000;
/// The bytes of an answer of the floor: about those of an allowance.
const ANSWER: usize = 400;
/// Often for a change of policies.
const BETWEEN_RELOADS: Duration = Duration::from_secs(1);
/// A storm, for memberships.
const BETWEEN_WRITES: Duration = Duration::from_millis(1);

fn main() {
    let arguments = floor::or_arguments();
    let seconds = arguments.first().and_then(|text| text.parse().ok());
    let seconds = Duration::from_secs(seconds.unwrap_or(10));
    pinned::this();
    println!(
        "{:<44} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "asked/s", "served/s", "p50 µs", "p99 µs", "late µs"
    );
    let repeated = Load::new((0..ORGANISATIONS).map(|n| asked(&question(n))));
    let random = Load::new((0..RANDOM).map(|n| asked(&random_of_shipped(n).native())));
    for (name, load, decisions) in [
        ("repeated questions", &repeated, None),
        ("random questions", &random, Some(ANEW)),
    ] {
        let place = tempfile::tempdir().unwrap();
        let server = Sidecar::start(place.path(), decisions);
        let busy = load.ask(&server.address(), CONNECTIONS, f64::INFINITY, seconds);
        let half = busy.served / 2.0;
        let floor = floor_process();
        let ask = |address: &str| load.ask(address, CONNECTIONS, half, seconds);
        tell(&format!("{name}, the floor"), half, &ask(&floor.address));
        drop(floor);
        tell(
            &format!("{name}, half of the capacity"),
            half,
            &ask(&server.address()),
        );
        let (reloads, found) = while_it(|stop| server.reloads(stop), || ask(&server.address()));
        tell(&format!("{name}, {reloads} reloads"), half, &found);
        let (writes, found) = while_it(|stop| server.writes(stop), || ask(&server.address()));
        tell(&format!("{name}, {writes} writes"), half, &found);
    }
}

fn asked(body: &serde_json::Value) -> Vec<u8> {
    request("/v1/is_authorized", body)
}

const ANEW: (&str, &str) = ("PEPPOL_AUTHZ_CACHE__DECISION_BYTES", "0");

/// The line of the metrics that counts reloads.
const TAKEN: &str = "peppol_authz_reloads_total{result=\"taken\"}";

/// Runs something beside something else; how often it was done.
fn while_it(
    disturb: impl Fn(&AtomicBool) -> u64 + Sync,
    ask: impl FnOnce() -> Found,
) -> (u64, Found) {
    let (stop, times) = (AtomicBool::new(false), AtomicU64::new(0));
    let found = std::thread::scope(|scope| {
        scope.spawn(|| times.store(disturb(&stop), Ordering::Relaxed));
        let found = ask();
        stop.store(true, Ordering::Relaxed);
        found
    });
    (times.into_inner(), found)
}

fn floor_process() -> Program {
    let mut command = floor::command(&[format!("/v1/is_authorized={ANSWER}")]);
    pinned::server(Program::start(&mut command))
}

fn tell(what: &str, rate: f64, found: &Found) {
    assert_eq!(found.shed, 0.0, "{what}: half of the capacity is refused");
    println!(
        "{what:<44} {rate:>9.0} {:>9.0} {:>9} {:>9} {:>9}",
        found.served,
        found.p50.as_micros(),
        found.p99.as_micros(),
        found.late_p99.as_micros(),
    );
    let values = json!({
        "asked": rate, "served": found.served, "p50_us": found.p50.as_micros() as u64,
        "p99_us": found.p99.as_micros() as u64,
    });
    figure("latency", what, values);
}

/// The server, its policies and its store.
struct Sidecar {
    program: Program,
    policies: PathBuf,
    database: PathBuf,
}

impl Sidecar {
    fn start(place: &Path, setting: Option<(&str, &str)>) -> Self {
        let file = place.join("tenancy.ndjson");
        let size = Size {
            organisations: ORGANISATIONS,
            relations: 10,
        };
        let text: String = documents(size).map(|each| format!("{each}\n")).collect();
        std::fs::write(&file, text).unwrap();
        let (policies, database) = (place.join("policies"), place.join("tenancy.db"));
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let shipped = shipped.to_str().unwrap();
        pinned::run("cp", &["-r", shipped, policies.to_str().unwrap()]);
        let mut command = Program::serve(&format!("sqlite:{}", database.display()));
        command.arg("--import").arg(file);
        command.arg("--policies").arg(&policies);
        command.env("PEPPOL_AUTHZ_SERVER__WORKERS", "1");
        // Nothing is refused: the load looks for the capacity first.
        command.env("PEPPOL_AUTHZ_SERVER__DELAY", "1h");
        command.envs(setting);
        Self {
            program: pinned::server(Program::start(&mut command)),
            policies,
            database,
        }
    }

    fn address(&self) -> String {
        self.program.address.clone()
    }

    /// Changes a file of policies until told to stop; how often the server took them.
    fn reloads(&self, stop: &AtomicBool) -> u64 {
        let changed = self.policies.join("parties.cedar");
        let shipped = std::fs::read_to_string(&changed).unwrap();
        let before = self.taken();
        let mut times = 0;
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(BETWEEN_RELOADS);
            times += 1;
            // Whole or not at all, as it should be done.
            let beside = self.policies.join("parties.new");
            std::fs::write(&beside, format!("{shipped}// {times}\n")).unwrap();
            std::fs::rename(beside, &changed).unwrap();
        }
        self.taken() - before
    }

    /// The sets of policies that the server has taken since its start.
    fn taken(&self) -> u64 {
        let url = format!("http://{}/metrics", self.program.address);
        let mut answer = ureq::get(&url).call().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(TAKEN));
        line.unwrap().trim().parse().unwrap()
    }

    /// Gives memberships to users and takes them away until told to stop; how many commits.
    fn writes(&self, stop: &AtomicBool) -> u64 {
        let store = rusqlite::Connection::open(&self.database).unwrap();
        store.busy_timeout(Duration::from_secs(60)).unwrap();
        let (mut writes, began) = (0, Instant::now());
        while !stop.load(Ordering::Relaxed) {
            let user = format!("u-{}", writes / 2 % ORGANISATIONS as u64);
            let sql = match writes % 2 {
                0 => {
                    "INSERT OR IGNORE INTO membership (user_id, organisation_id, member_role) VALUES (?, 'o-7', 'ApUser')"
                }
                _ => {
                    "DELETE FROM membership WHERE user_id = ? AND organisation_id = 'o-7' AND member_role = 'ApUser'"
                }
            };
            store.execute(sql, [user]).unwrap();
            writes += 1;
            let next = began + BETWEEN_WRITES * writes as u32;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        writes
    }
}
