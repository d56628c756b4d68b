//! A plan for a service's own database: the time to make it beside that of one decision, and a `SELECT`
//! with it beside the same `SELECT` written by hand.
//!
//! Figures are wall-clock, medians.
//!
//! `cargo bench --profile dist --bench plan [-- ROWS]`

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

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::figures::figure;
use common::{Size, import, median};
use peppol_authz_database::{RowColumns, RowDialect, RowParameter, RowSql, Sqlite, SqliteOptions};
use peppol_authz_engine::policy::{Sources, load};
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::{Engine, EngineOptions, RowPlan, RowPlanRequest};
use peppol_authz_server::config::Config;
use peppol_authz_server::http::Plans;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

/// Legal entities that the sub-account may see documents of.
const RELATIONS: usize = 100;
/// Rows of each legal entity.
const EACH: usize = 10;
const REPEATED: usize = 30;

/// By hand, as somebody writes it who knows what is allowed.
fn by_hand(mark: char) -> String {
    let marks: Vec<String> = (1..=RELATIONS).map(|n| format!("{mark}{n}")).collect();
    format!(
        "SELECT id FROM documents WHERE legal_entity_id IN ({})",
        marks.join(", ")
    )
}

fn time(mut work: impl FnMut()) -> f64 {
    work();
    let mut times = Vec::new();
    for _ in 0..REPEATED {
        let started = Instant::now();
        work();
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    median(&mut times)
}

fn asked(resource: Value) -> Value {
    json!({
        "principal": {"type": "Peppol::SubAccount", "id": "sub"},
        "action": {"type": "Peppol::Action", "id": "viewDocument"},
        "resource": resource,
    })
}

fn engine(path: &std::path::Path) -> Engine {
    let sqlite = Sqlite::open(path, SqliteOptions::default()).unwrap();
    let size = Size {
        organisations: 10_000,
        relations: RELATIONS,
    };
    import(&sqlite, size);
    let options = EngineOptions {
        cache_bytes: 64 << 20,
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
    let bundle = Arc::new(load(&Sources::shipped()).unwrap());
    Engine::new(Arc::new(sqlite), bundle, options).unwrap()
}

async fn made(engine: &Engine) -> RowPlan {
    let session = engine.session();
    let wanted = asked(json!({"type": "Peppol::Document"}));
    let (request, demand) = RowPlanRequest::read(&session, &wanted, 0).unwrap();
    let config = Config::defaults().unwrap();
    let options = Plans::new(&config.plan, &config.limits).options(&RowColumns::default());
    request.plan(&session, &options, &demand).await.unwrap()
}

/// Times a plan and a decision; the plan.
fn plan(runtime: &Runtime, engine: Arc<Engine>) -> RowPlan {
    let work = runtime.spawn(async move {
        let (mut plans, mut decisions) = (Vec::new(), Vec::new());
        for _ in 0..REPEATED {
            let started = Instant::now();
            std::hint::black_box(made(&engine).await);
            plans.push(started.elapsed().as_secs_f64() * 1000.0);
            let started = Instant::now();
            let session = engine.session();
            let question = asked(json!({"type": "Peppol::Document", "id": "d-1"}));
            let (question, options) = session.question(&question, 0).unwrap();
            let decision = session.decide(&question, &options.demand).await;
            std::hint::black_box(decision.unwrap());
            decisions.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        let (plan, decision) = (median(&mut plans), median(&mut decisions));
        println!(
            "a plan of {RELATIONS} legal entities: {plan:.3} ms; a warm decision: {decision:.4} ms; {:.0} times",
            plan / decision
        );
        figure("plan", "a plan", json!({"plan_ms": plan, "warm_ms": decision}));
        made(&engine).await
    });
    runtime.block_on(work).unwrap()
}

fn said(name: &str, rows: usize, with: f64, hand: f64) {
    println!(
        "{name}: SELECT of {rows} rows with the plan {with:.2} ms, by hand {hand:.2} ms: {:.2} times",
        with / hand
    );
    figure(
        "plan",
        &format!("{name}, {rows} rows"),
        json!({"with_ms": with, "by_hand_ms": hand}),
    );
}

fn in_sqlite(plan: &RowPlan, columns: &RowColumns, rows: usize, path: &std::path::Path) {
    let database = Connection::open(path).unwrap();
    database
        .execute_batch(&format!(
            "PRAGMA synchronous = OFF;
             CREATE TABLE documents (id TEXT PRIMARY KEY, legal_entity_id TEXT, direction TEXT);
             INSERT INTO documents WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {rows} - 1)
             SELECT 'd-' || n, 'le-' || (n / {EACH}), 'SENT' FROM n;
             CREATE INDEX of_legal_entity ON documents (legal_entity_id);"
        ))
        .unwrap();
    let sql = RowSql::of(&plan.condition, &plan.of, columns, RowDialect::Sqlite);
    let found = |query: &str| {
        let mut prepared = database.prepare_cached(query).unwrap();
        let parameters = sql.parameters.iter().map(|parameter| match parameter {
            RowParameter::Text(text) => Sql::Text(text.to_string()),
            RowParameter::Long(number) => Sql::Integer(*number),
        });
        let rows = prepared.query_map(params_from_iter(parameters), |row| row.get::<_, String>(0));
        assert_eq!(rows.unwrap().count(), RELATIONS * EACH);
    };
    let with = format!("SELECT id FROM documents WHERE {}", sql.condition);
    let hand = by_hand('?');
    let (with, hand) = (time(|| found(&with)), time(|| found(&hand)));
    said("SQLite", rows, with, hand);
}

fn in_postgres(runtime: &Runtime, plan: &RowPlan, columns: &RowColumns, rows: usize) {
    let server = postgres::Server::start(&["shared_buffers=512MB"]);
    let database = server.database();
    database.sql(&format!(
        "CREATE TABLE documents (id text PRIMARY KEY, legal_entity_id text, direction text);
         INSERT INTO documents SELECT 'd-' || n, 'le-' || (n / {EACH}), 'SENT' FROM generate_series(0, {rows} - 1) AS n;
         CREATE INDEX of_legal_entity ON documents (legal_entity_id);
         ANALYZE documents;"
    ));
    let sql = RowSql::of(&plan.condition, &plan.of, columns, RowDialect::Postgres);
    let parameters: Vec<String> = sql
        .parameters
        .iter()
        .map(|parameter| match parameter {
            RowParameter::Text(text) => text.to_string(),
            RowParameter::Long(number) => number.to_string(),
        })
        .collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters
        .iter()
        .map(|text| text as &(dyn ToSql + Sync))
        .collect();
    let client: Client = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&database.url(), NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    });
    let found = |query: &str| {
        runtime.block_on(async {
            let found = client.query(query, &parameters).await.unwrap();
            assert_eq!(found.len(), RELATIONS * EACH);
        });
    };
    let with = format!("SELECT id FROM documents WHERE {}", sql.condition);
    let hand = by_hand('$');
    let (with, hand) = (time(|| found(&with)), time(|| found(&hand)));
    said("PostgreSQL", rows, with, hand);
}

fn main() {
    let rows = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(10_000_000_usize);
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .unwrap();
    let engine = Arc::new(engine(&directory.path().join("tenancy.db")));
    let columns = json!({"Peppol::Document": {"legalEntity": "legal_entity_id"}});
    let schema = &engine.state().bundle.schema;
    let columns = RowColumns::read(&columns, schema, None).unwrap();
    let plan = plan(&runtime, Arc::clone(&engine));
    in_sqlite(&plan, &columns, rows, &directory.path().join("service.db"));
    in_postgres(&runtime, &plan, &columns, rows);
}
