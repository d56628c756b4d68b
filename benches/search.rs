//! Three that are allowed, found among many: as a ratio to one decision, and to
//! deciding every candidate.
//!
//! Figures are wall-clock, medians, of the whole search with the store's part in it;
//! beside each the two yardsticks of the same store and run.
//!
//! `cargo bench --profile dist --bench search [-- MAX_RESOURCES]`

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

use std::io::BufReader;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::figures::figure;
use common::{Lines, Size, documents, median, participant};
use peppol_authz_database::{Database, Import, Postgres, PostgresOptions, Sqlite, SqliteOptions};
use peppol_authz_engine::policy::{Sources, load};
use peppol_authz_engine::slice::{Demand, Freshness};
use peppol_authz_engine::{Engine, EngineOptions, Question, SearchPage, Wanted};
use serde_json::{Value, json};

/// The number of candidates that are allowed.
const RELATIONS: usize = 3;
const REPEATED: usize = 30;
/// Candidates that are decided together where all are.
const BATCH: usize = 1000;

struct SearchCase {
    name: &'static str,
    /// The same as a question about the candidate of a number.
    question: fn(usize) -> Value,
}

const CASES: [SearchCase; 2] = [
    SearchCase {
        name: "parties that a user may send for",
        question: |n| {
            json!({
                "principal": {"type": "Peppol::User", "id": "busy"},
                "action": {"type": "Peppol::Action", "id": "sendDocument"},
                "resource": {"type": "Peppol::Participant", "id": participant(n)},
                "context": {"accessPoint": "ap-test"},
            })
        },
    },
    SearchCase {
        name: "documents that a sub-account may see",
        question: |n| {
            json!({
                "principal": {"type": "Peppol::SubAccount", "id": "sub"},
                "action": {"type": "Peppol::Action", "id": "viewDocument"},
                "resource": {"type": "Peppol::Document", "id": format!("d-{n}")},
            })
        },
    },
];

fn engine(database: &Database, bytes: u64) -> Engine {
    let bundle = Arc::new(load(&Sources::shipped()).unwrap());
    let options = EngineOptions {
        cache_bytes: bytes,
        decision_bytes: 0,
        // As beside somebody who follows the store.
        freshness: Freshness {
            followed: true,
            max_stale: Duration::from_secs(3600),
            untold_max_age: Duration::ZERO,
            wait: Duration::ZERO,
            closely: None,
        },
    };
    Engine::new(database.store(), bundle, options).unwrap()
}

/// Milliseconds, the median of several.
async fn time<F: Future<Output = ()>>(work: impl Fn() -> F) -> f64 {
    work().await;
    let mut times = Vec::new();
    for _ in 0..REPEATED {
        let started = Instant::now();
        work().await;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    median(&mut times)
}

async fn measure(database: &Database, name: &str, case: &SearchCase, of: usize) {
    let engine = engine(database, 64 << 20);
    let cold = self::engine(database, 0);
    let mut search = (case.question)(0);
    let found = search["resource"].as_object_mut().unwrap();
    found.remove("id");
    let part = SearchPage {
        after: None,
        limit: 1000,
        most: 10_000,
        explain: false,
        binds: true,
    };
    let find = || async {
        let session = engine.session();
        let (wanted, demand) = Wanted::read(&session, &search, 0).unwrap();
        let found = wanted.find(&session, &part, &demand).await.unwrap();
        assert_eq!(found.entities.len(), RELATIONS);
    };
    let searched = time(find).await;
    let question = (case.question)(1);
    let decide = |engine| {
        let question = &question;
        async move {
            let engine: &Engine = engine;
            let session = engine.session();
            let (question, options) = session.question(question, 0).unwrap();
            let decision = session.decide(&question, &options.demand).await;
            std::hint::black_box(decision.unwrap());
        }
    };
    let warm = time(|| decide(&engine)).await;
    let unkept = time(|| decide(&cold)).await;
    let started = Instant::now();
    let session = engine.session();
    let mut allowed = 0;
    for from in (0..of).step_by(BATCH) {
        let questions: Vec<Question> = (from..of.min(from + BATCH))
            .map(|n| session.question(&(case.question)(n), 0).unwrap().0)
            .collect();
        let questions: Vec<&Question> = questions.iter().collect();
        let answers = session.decide_all(&questions, &Demand::default()).await;
        let answers = answers.unwrap().into_iter();
        allowed += answers
            .filter(|answer| answer.as_ref().unwrap().verdict.name() == "Allow")
            .count();
    }
    assert_eq!(allowed, RELATIONS);
    let all = started.elapsed().as_secs_f64() * 1000.0;
    println!(
        "{:<38} {name:<11} {of:>9} {searched:>9.3} {warm:>9.4} {unkept:>9.3} {all:>11.0} {:>8.0} {:>8.1} {:>9.0}",
        case.name,
        searched / warm,
        searched / unkept,
        all / searched
    );
    let values = json!({
        "of": of, "search_ms": searched, "warm_ms": warm, "cold_ms": unkept, "all_ms": all,
    });
    figure("search", &format!("{}, {name}, {of}", case.name), values);
}

fn main() {
    let most = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1_000_000_usize);
    let directory = tempfile::tempdir().unwrap();
    let server = postgres::Server::start(&["shared_buffers=512MB"]);
    println!(
        "{:<38} {:<11} {:>9} {:>9} {:>9} {:>9} {:>11} {:>8} {:>8} {:>9}",
        "milliseconds; 3 are allowed",
        "",
        "of",
        "search",
        "warm",
        "cold",
        "decide all",
        "s/warm",
        "s/cold",
        "all/s"
    );
    for organisations in [1000, 100_000, 1_000_000]
        .into_iter()
        .filter(|count| *count <= most)
    {
        let path = directory.path().join(format!("{organisations}.db"));
        let sqlite = Sqlite::open(&path, SqliteOptions::default()).unwrap();
        let url = server.database().url();
        let options = PostgresOptions {
            timeout: Duration::from_secs(600),
            ..PostgresOptions::default()
        };
        let databases = [
            ("SQLite", Database::Sqlite(Arc::new(sqlite))),
            (
                "PostgreSQL",
                Database::Postgres(Arc::new(Postgres::new(&url, options).unwrap())),
            ),
        ];
        for (name, database) in databases {
            let size = Size {
                organisations,
                relations: RELATIONS,
            };
            let input = BufReader::with_capacity(1 << 20, Lines::new(documents(size)));
            let inputs = vec![("bench".to_owned(), input)];
            database.migrate().unwrap();
            database
                .import(&Import::new().unwrap(), inputs, &mut |_| {})
                .unwrap();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_stack_size(8 << 20)
                .enable_all()
                .build()
                .unwrap();
            let database = Arc::new(database);
            runtime.block_on(async {
                for case in &CASES {
                    measure(&database, name, case, organisations).await;
                }
            });
        }
    }
}
