//! Looks for a wrong Allow. Several sidecars use one PostgreSQL database, with writers, restores of
//! a dump, reloads, half-copied policies, callers that go away and a failing network; another uses
//! a SQLite file that is restored and replaced, and two use views that read a clock. Each answer is
//! held against the history of the database that it names.
//!
//! `cargo bench --profile dist --bench soak [-- SECONDS]`

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::readonly_write_lock,
    clippy::string_slice,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark may stop, and speaks; it uses a part of what tests share"
)]

#[path = "soak/clock.rs"]
mod clock;
mod common;
#[path = "../tests/it/eventually.rs"]
mod eventually;
#[path = "soak/history.rs"]
mod history;
#[path = "../tests/it/postgres/proxy.rs"]
mod proxy;
#[path = "../tests/it/postgres/server.rs"]
mod server;
#[path = "../tests/it/postgres/session.rs"]
mod session;
#[path = "soak/sqlite.rs"]
mod sqlite;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use common::figures::figure;
use common::program::Program;
use history::{Allowed, Histories, Writes};
use proxy::{Mode, Proxy};
use serde_json::{Value, json};
use server::{Database, Server, command, succeed};
use session::PsqlSession;

const SIDECARS: usize = 3;
const WRITERS: usize = 4;
const ASKERS: usize = 6;
/// Users, each of whom may be orgadmin of the organisation of their number.
const USERS: usize = 40;

/// Members of an organisation whose e-mail is not verified: nothing may ever be allowed to them.
const UNVERIFIED: usize = 4;

#[derive(Default)]
struct Answers {
    decisions: u64,
    allowed: Vec<Allowed>,
    denied: Vec<Allowed>,
    /// By code.
    errors: BTreeMap<String, u64>,
    /// Callers that did not wait for their answer.
    gone: u64,
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
fn write(database: &Database, writer: usize, histories: &Histories, over: &AtomicBool) -> u64 {
    let mut session = PsqlSession::on(database);
    let mut random = Random(writer as u64 * 7919 + 17);
    let mut writes = 0;
    while !over.load(Ordering::Relaxed) {
        let now = histories.now.read().unwrap();
        let user = random.below(USERS / WRITERS) * WRITERS + writer;
        let is_member = histories.last(&now, user).1;
        let change = if is_member {
            format!("DELETE FROM membership WHERE user_id = 'u-{user}'")
        } else {
            format!("INSERT INTO membership VALUES ('u-{user}', 'o-{user}', 'orgadmin')")
        };
        let name = session.run(&format!("BEGIN; {change}; SELECT tenancy_revision()"));
        std::thread::sleep(Duration::from_millis(random.below(10) as u64));
        if random.below(8) == 0 {
            session.run("ROLLBACK");
            continue;
        }
        // Noted before the commit, so that every visible write is in the history.
        let (history, id) = name.split_once('-').unwrap();
        assert_eq!(history, now.as_str());
        histories.push(history, user, (id.parse().unwrap(), !is_member));
        session.run("COMMIT");
        drop(now);
        writes += 1;
        std::thread::sleep(Duration::from_millis(random.below(20) as u64));
    }
    writes
}

/// Keeps a dump, lets the writers go on, and restores it: another history, which begins with the
/// members of the dump.
fn restore(database: &Database, directory: &Path, histories: &Histories, over: &AtomicBool) -> u64 {
    let mut random = Random(4242);
    let file = directory.join("dump");
    let connected = |program: &str| {
        let mut command = command(program);
        command.args(["-h", "127.0.0.1", "-U", "postgres"]);
        command.arg(format!("-p{}", database.port));
        command
    };
    let mut restores = 0;
    while !over.load(Ordering::Relaxed) {
        let kept: Vec<bool> = {
            let now = histories.now.write().unwrap();
            let kept = (0..USERS)
                .map(|user| histories.last(&now, user).1)
                .collect();
            succeed(
                connected("pg_dump")
                    .arg("-Fc")
                    .arg("-f")
                    .arg(&file)
                    .arg(&database.name),
            );
            kept
        };
        std::thread::sleep(Duration::from_millis(500 + random.below(2500) as u64));
        let mut now = histories.now.write().unwrap();
        succeed(
            connected("pg_restore")
                .args(["--clean", "--if-exists", "-d", &database.name])
                .arg(&file),
        );
        now.clone_from(&database.sql("SELECT tenancy_history()"));
        let writes = kept.into_iter().map(|is_member| vec![(0, is_member)]);
        let before = histories
            .all
            .lock()
            .unwrap()
            .insert(now.clone(), writes.collect());
        assert!(before.is_none(), "`{now}` was a history before");
        restores += 1;
        drop(now);
        std::thread::sleep(Duration::from_millis(500));
    }
    restores
}

fn ask(sidecars: &[Program], asker: usize, histories: &Histories, over: &AtomicBool) -> Answers {
    let mut random = Random(asker as u64 * 104_729 + 5);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let mut found = Answers::default();
    while !over.load(Ordering::Relaxed) {
        let sidecar = &sidecars[random.below(sidecars.len())];
        let user = random.below(USERS + UNVERIFIED);
        // One of the writes whose commit has certainly begun.
        let at_least = (user < USERS && random.below(4) == 0).then(|| {
            let now = histories.now.read().unwrap();
            let (id, _) = histories.last(&now, user);
            (id > 0).then(|| format!("{now}-{id}"))
        });
        let at_least = at_least.flatten();
        let mut question = json!({
            "principal": format!("Peppol::User::\"u-{user}\""),
            "action": "Peppol::Action::\"getOrganisation\"",
            "resource": format!("Peppol::Organisation::\"o-{user}\""),
        });
        if let Some(name) = &at_least {
            question["atLeast"] = name.as_str().into();
        } else if random.below(16) == 0 {
            question["maxAge"] = "0s".into();
        }
        if random.below(64) == 0 {
            go_away(&sidecar.address, &question.to_string(), &mut random);
            found.gone += 1;
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

/// Sends a question, or the beginning of one, and does not wait for the answer.
fn go_away(address: &str, body: &str, random: &mut Random) {
    let text = format!(
        "POST /v1/is_authorized HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = random.below(text.len() + 1);
    if let Ok(mut stream) = std::net::TcpStream::connect(address) {
        let _ = stream.write_all(&text.as_bytes()[..sent]);
    }
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

/// Policies come anew, with a comment more: all that is in memory goes. In between a file is there
/// half, or empty, or not at all, as while it is copied: the rule in it holds all the same.
fn reload(directory: &Path, over: &AtomicBool) -> u64 {
    let path = directory.join("policies/users.cedar");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut random = Random(7);
    let mut reloads = 0;
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_secs(1));
        match random.below(3) {
            0 => std::fs::remove_file(&path).unwrap(),
            1 => std::fs::write(&path, "").unwrap(),
            _ => std::fs::write(&path, &text[..text.find("@id").unwrap()]).unwrap(),
        }
        std::thread::sleep(Duration::from_millis(random.below(400) as u64));
        reloads += 1;
        std::fs::write(&path, format!("{text}\n// {reloads}\n")).unwrap();
    }
    reloads
}

fn tenancy(database: &Database) {
    succeed(
        std::process::Command::new(env!("CARGO_BIN_EXE_peppol-authz")).args([
            "migrate",
            "--tenancy",
            &database.url(),
        ]),
    );
    database.sql(&format!(
        "INSERT INTO organisation (id, mode) SELECT 'o-' || n, 'SHARED' FROM generate_series(0, {0}) AS n;
         INSERT INTO registered_user SELECT 'u-' || n, true, false FROM generate_series(0, {0}) AS n;
         INSERT INTO account (email, user_id) SELECT n || '@example.com', 'u-' || n FROM generate_series(0, {0}) AS n;
         INSERT INTO membership SELECT 'u-' || n, 'o-' || n, 'orgadmin' FROM generate_series(0, {0}) AS n;",
        USERS + UNVERIFIED - 1
    ));
    database.sql(&format!(
        "UPDATE registered_user SET email_verified = false
         WHERE substr(id, 3)::integer >= {USERS}"
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
    // The server's own user writes the dumps.
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let policies = directory.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap()
    {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        std::fs::copy(&path, policies.join(path.file_name().unwrap())).unwrap();
    }
    let proxies: Vec<_> = (0..SIDECARS).map(|_| Proxy::to(server.port)).collect();
    let sidecars: Vec<_> = proxies
        .iter()
        .map(|proxy| sidecar(&database, proxy.port, directory.path()))
        .collect();
    let first = database.sql("SELECT tenancy_history()");
    let writes: Writes = (0..USERS).map(|_| vec![(0, true)]).collect();
    let histories = Histories {
        all: Mutex::new(HashMap::from([(first.clone(), writes)])),
        now: RwLock::new(first),
    };
    let over = AtomicBool::new(false);
    let started = Instant::now();
    let (mut writes, mut failures, mut reloads, mut restores) = (0, 0, 0, 0);
    let mut on_sqlite = sqlite::Found::default();
    let mut by_clock = Vec::new();
    let own = server.database();
    let mut found = Vec::new();
    std::thread::scope(|scope| {
        let (database, own, histories, over) = (&database, &own, &histories, &over);
        let (sidecars, proxies, directory) = (&sidecars, &proxies, directory.path());
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write(database, writer, histories, over)))
            .collect();
        let askers: Vec<_> = (0..ASKERS)
            .map(|asker| scope.spawn(move || ask(sidecars, asker, histories, over)))
            .collect();
        let failing = scope.spawn(move || fail(proxies, over));
        let reloading = scope.spawn(move || reload(directory, over));
        let restoring = scope.spawn(move || restore(database, directory, histories, over));
        let beside = scope.spawn(move || sqlite::soak(directory, over));
        let clocks = [
            scope.spawn(move || clock::soak_sqlite(directory, over)),
            scope.spawn(move || clock::soak_postgres(own, directory, over)),
        ];
        std::thread::sleep(Duration::from_secs(seconds));
        over.store(true, Ordering::Relaxed);
        writes = writers.into_iter().map(|it| it.join().unwrap()).sum();
        found = askers.into_iter().map(|it| it.join().unwrap()).collect();
        (failures, reloads) = (failing.join().unwrap(), reloading.join().unwrap());
        (restores, on_sqlite) = (restoring.join().unwrap(), beside.join().unwrap());
        by_clock = clocks.map(|it| it.join().unwrap()).into();
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
            .filter(|decided| !histories.agrees(decided, is_member));
        wrong
            .inspect(|decided| {
                println!(
                    "wrong: user {} at {} ({:?})",
                    decided.user, decided.revision, decided.at_least
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
    println!("restores               {restores}");
    println!(
        "callers that went away {}",
        found.iter().map(|it| it.gone).sum::<u64>()
    );
    println!("decisions              {decisions}");
    println!("Allow checked, wrong   {}, {}", allowed.len(), wrong[0]);
    println!("Deny checked, wrong    {}, {}", denied.len(), wrong[1]);
    println!("errors                 {errors:?}");
    let values = json!({
        "allowed": allowed.len(), "allowed_wrong": wrong[0], "denied": denied.len(), "denied_wrong": wrong[1],
    });
    figure("soak", "answers", values);
    println!("SQLite                 {on_sqlite:?}");
    println!("views with a clock     {by_clock:?}");
    assert_eq!(wrong, [0, 0]);
    assert_eq!(on_sqlite.wrong, 0);
    for found in &by_clock {
        assert_eq!(found.wrong, 0);
        assert!(found.allowed > 0 && found.denied > 0);
    }
    assert!(on_sqlite.allowed > 0 && on_sqlite.denied > 0 && on_sqlite.swaps > 0);
    assert!(!allowed.is_empty() && !denied.is_empty() && writes > 0);
}
