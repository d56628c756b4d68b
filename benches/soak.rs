//! Looks for a wrong Allow: several sidecars use one PostgreSQL database, with writers,
//! reloads and a failing network. Each Allow is held against the history of the database
//! at the state that it names.
//!
//! `cargo bench --profile dist --bench soak [-- SECONDS]`

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark may stop, and speaks; it uses a part of what tests share"
)]

mod common;
#[path = "../tests/it/eventually.rs"]
mod eventually;
#[path = "../tests/it/postgres/proxy.rs"]
mod proxy;
#[path = "../tests/it/postgres/server.rs"]
mod server;
#[path = "../tests/it/postgres/session.rs"]
mod session;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::program::Program;
use proxy::{Mode, Proxy};
use serde_json::{Value, json};
use server::{Database, Server};
use session::PsqlSession;

const SIDECARS: usize = 3;
const WRITERS: usize = 4;
const ASKERS: usize = 6;
/// Users, each of whom may be orgadmin of the organisation of their number.
const USERS: usize = 40;

/// Every write of each user: the transaction's number, and if the user is a member after
/// it. A user has one writer, so the writes are in the order of commits.
type History = Vec<Mutex<Vec<(u64, bool)>>>;

/// A state by PostgreSQL's rule: what it sees of transactions.
struct SnapshotState {
    least: u64,
    next: u64,
    running: Vec<u64>,
}

impl SnapshotState {
    fn parse(name: &str) -> Self {
        let mut parts = name.split(':');
        let mut number = || parts.next().unwrap().parse().unwrap();
        let (least, next) = (number(), number());
        let running = parts.next().unwrap().split(',');
        let running = running.filter(|id| !id.is_empty());
        Self {
            least,
            next,
            running: running.map(|id| id.parse().unwrap()).collect(),
        }
    }

    fn sees(&self, id: u64) -> bool {
        id < self.least || (id < self.next && !self.running.contains(&id))
    }
}

/// An answer, to be held against the history once that is complete.
struct Allowed {
    user: usize,
    revision: String,
    at_least: Option<u64>,
}

#[derive(Default)]
struct Answers {
    decisions: u64,
    allowed: Vec<Allowed>,
    denied: Vec<Allowed>,
    /// By code.
    errors: BTreeMap<String, u64>,
}

fn sidecar(database: &Database, port: u16, directory: &Path) -> Program {
    let mut command = Program::serve(&database.url_of("postgres", port));
    command
        .arg("--policies")
        .arg(directory.join("policies"))
        .env("PEPPOL_AUTHZ_STORE__TIMEOUT", "500ms")
        .env("PEPPOL_AUTHZ_STORE__READERS", "8")
        .env("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "2s")
        .env("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "200ms")
        .env("PEPPOL_AUTHZ_RELOAD__SETTLE", "10ms");
    Program::start(&mut command)
}

/// Small and fast; good enough to choose what comes next.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Grants and revokes, one transaction each; some take their time before they end,
/// and some change their mind.
fn write(database: &Database, writer: usize, history: &History, over: &AtomicBool) -> u64 {
    let mut session = PsqlSession::on(database);
    let mut random = Random(writer as u64 * 7919 + 17);
    let mut writes = 0;
    while !over.load(Ordering::Relaxed) {
        let user = random.below(USERS / WRITERS) * WRITERS + writer;
        let is_member = history[user].lock().unwrap().last().unwrap().1;
        let change = if is_member {
            format!("DELETE FROM membership WHERE user_id = 'u-{user}'")
        } else {
            format!("INSERT INTO membership VALUES ('u-{user}', 'o-{user}', 'orgadmin')")
        };
        let id = session.run(&format!("BEGIN; {change}; SELECT tenancy_revision()"));
        std::thread::sleep(Duration::from_millis(random.below(10) as u64));
        if random.below(8) == 0 {
            session.run("ROLLBACK");
            continue;
        }
        // Noted before the commit, so that every visible write is in the history.
        let id = id.parse().unwrap();
        history[user].lock().unwrap().push((id, !is_member));
        session.run("COMMIT");
        writes += 1;
        std::thread::sleep(Duration::from_millis(random.below(20) as u64));
    }
    writes
}

fn ask(sidecars: &[Program], asker: usize, history: &History, over: &AtomicBool) -> Answers {
    let mut random = Random(asker as u64 * 104_729 + 5);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let mut found = Answers::default();
    while !over.load(Ordering::Relaxed) {
        let sidecar = &sidecars[random.below(sidecars.len())];
        let user = random.below(USERS);
        // One of the writes whose commit has certainly begun.
        let known = history[user].lock().unwrap().last().map(|(id, _)| *id);
        let at_least = known.filter(|id| *id > 0 && random.below(4) == 0);
        let mut question = json!({
            "principal": format!("Peppol::User::\"u-{user}\""),
            "action": "Peppol::Action::\"getOrganisation\"",
            "resource": format!("Peppol::Organisation::\"o-{user}\""),
        });
        if let Some(id) = at_least {
            question["atLeast"] = id.to_string().into();
        } else if random.below(16) == 0 {
            question["maxAge"] = "0s".into();
        }
        let url = format!("http://{}/v1/is_authorized", sidecar.address);
        let mut reply = agent.post(url).send(question.to_string()).unwrap();
        let reply = reply.body_mut().read_to_string().unwrap();
        let reply: Value = serde_json::from_str(&reply).unwrap();
        let Some(decision) = reply["decision"].as_str() else {
            let code = reply["code"].as_str().unwrap().to_owned();
            *found.errors.entry(code).or_default() += 1;
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        found.decisions += 1;
        let decided = Allowed {
            user,
            revision: reply["tenancyRevision"].as_str().unwrap().to_owned(),
            at_least,
        };
        if decision == "Allow" {
            found.allowed.push(decided);
        } else {
            found.denied.push(decided);
        }
    }
    found
}

/// The network fails in all ways, and is well in between.
fn fail(proxies: &[Proxy], over: &AtomicBool) -> u64 {
    let mut random = Random(99);
    let mut failures = 0;
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(300 + random.below(1500) as u64));
        let proxy = &proxies[random.below(proxies.len())];
        failures += 1;
        match random.below(6) {
            0 => proxy.take_down(),
            1 => proxy.set(Mode::Blackhole),
            2 => proxy.set(Mode::Delay(Duration::from_millis(20))),
            3 => proxy.set(Mode::Throttle(64)),
            _ => proxy.cut(),
        }
        std::thread::sleep(Duration::from_millis(random.below(1500) as u64));
        proxy.set(Mode::Forward);
    }
    failures
}

/// Policies come anew, with a comment more: all that is in memory goes.
fn reload(directory: &Path, over: &AtomicBool) -> u64 {
    let path = directory.join("policies/organisation.cedar");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut reloads = 0;
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_secs(2));
        reloads += 1;
        std::fs::write(&path, format!("{text}\n// {reloads}\n")).unwrap();
    }
    reloads
}

/// True if the user's membership in the named state is `is_member`, and the state holds
/// the write that was asked for.
fn is_right(history: &History, decided: &Allowed, is_member: bool) -> bool {
    let state = SnapshotState::parse(&decided.revision);
    let writes = history[decided.user].lock().unwrap();
    let last = writes.iter().rev().find(|(id, _)| state.sees(*id)).unwrap();
    last.1 == is_member && decided.at_least.is_none_or(|id| state.sees(id))
}

fn tenancy(database: &Database) {
    let schema = include_str!("../schema/postgres/migrations/V1__tenancy.sql");
    database.sql(&format!("BEGIN; {schema}; COMMIT;"));
    database.sql(&format!(
        "INSERT INTO organisation (id, mode) SELECT 'o-' || n, 'SHARED' FROM generate_series(0, {0}) AS n;
         INSERT INTO registered_user SELECT 'u-' || n, true, false FROM generate_series(0, {0}) AS n;
         INSERT INTO account (email, user_id) SELECT n || '@example.com', 'u-' || n FROM generate_series(0, {0}) AS n;
         INSERT INTO membership SELECT 'u-' || n, 'o-' || n, 'orgadmin' FROM generate_series(0, {0}) AS n;",
        USERS - 1
    ));
}

fn main() {
    let seconds = std::env::args()
        .skip(1)
        .find(|argument| argument != "--bench")
        .map_or(10, |seconds| seconds.parse().unwrap());
    let server = Server::start(&[]);
    let database = server.database();
    tenancy(&database);
    let directory = tempfile::tempdir().unwrap();
    let policies = directory.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap()
    {
        let path = entry.unwrap().path();
        std::fs::copy(&path, policies.join(path.file_name().unwrap())).unwrap();
    }
    let proxies: Vec<_> = (0..SIDECARS).map(|_| Proxy::to(server.port)).collect();
    let sidecars: Vec<_> = proxies
        .iter()
        .map(|proxy| sidecar(&database, proxy.port, directory.path()))
        .collect();
    let history: History = (0..USERS).map(|_| Mutex::new(vec![(0, true)])).collect();
    let over = AtomicBool::new(false);
    let started = Instant::now();
    let (mut writes, mut failures, mut reloads) = (0, 0, 0);
    let mut found = Vec::new();
    std::thread::scope(|scope| {
        let (database, history, over) = (&database, &history, &over);
        let (sidecars, proxies, directory) = (&sidecars, &proxies, directory.path());
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write(database, writer, history, over)))
            .collect();
        let askers: Vec<_> = (0..ASKERS)
            .map(|asker| scope.spawn(move || ask(sidecars, asker, history, over)))
            .collect();
        let failing = scope.spawn(move || fail(proxies, over));
        let reloading = scope.spawn(move || reload(directory, over));
        std::thread::sleep(Duration::from_secs(seconds));
        over.store(true, Ordering::Relaxed);
        writes = writers.into_iter().map(|it| it.join().unwrap()).sum();
        found = askers.into_iter().map(|it| it.join().unwrap()).collect();
        (failures, reloads) = (failing.join().unwrap(), reloading.join().unwrap());
    });
    let decisions: u64 = found.iter().map(|found| found.decisions).sum();
    let mut errors: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, count) in found.iter().flat_map(|found| &found.errors) {
        *errors.entry(code).or_default() += count;
    }
    let allowed: Vec<_> = found.iter().flat_map(|found| &found.allowed).collect();
    let denied: Vec<_> = found.iter().flat_map(|found| &found.denied).collect();
    let wrong = |decided: &[&Allowed], is_member| -> usize {
        let wrong = decided
            .iter()
            .filter(|decided| !is_right(&history, decided, is_member));
        wrong
            .inspect(|decided| {
                let writes = history[decided.user].lock().unwrap();
                let last = &writes[writes.len().saturating_sub(6)..];
                println!(
                    "wrong: user {} at {}: {last:?}",
                    decided.user, decided.revision
                );
            })
            .count()
    };
    let wrong = [wrong(&allowed, true), wrong(&denied, false)];
    println!(
        "seconds                {:.0}",
        started.elapsed().as_secs_f64()
    );
    println!("writes                 {writes}");
    println!("failures, reloads      {failures}, {reloads}");
    println!("decisions              {decisions}");
    println!("Allow checked, wrong   {}, {}", allowed.len(), wrong[0]);
    println!("Deny checked, wrong    {}, {}", denied.len(), wrong[1]);
    println!("errors                 {errors:?}");
    assert_eq!(wrong, [0, 0]);
    assert!(!allowed.is_empty() && !denied.is_empty() && writes > 0);
}
