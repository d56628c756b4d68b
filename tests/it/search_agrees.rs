//! A search finds what the policies allow, one by one, and so does the condition of a plan: random
//! policies over random entities, in databases of any kind.

mod asking;
mod explained;
mod found;
mod linked;
mod policies;
mod postgres;
mod rows;
mod shape;
mod shipped;
mod shipped_plans;
mod sqlite;
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use peppol_authz_database::{Postgres, PostgresOptions, Sqlite};
use peppol_authz_engine::store::{EntitiesFile, Store};

use crate::deciding::{Deciding, open};
use crate::postgres::server::SHARED;
use crate::rules::rng::Rng;
use crate::store::runtime;
use asking::{Asking, SearchCounts};
use world::World;

/// `PROPERTY_SEED` starts elsewhere; the default keeps CI the same from run to run.
pub(crate) fn seed() -> u64 {
    number("PROPERTY_SEED").unwrap_or(1)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The number of worlds: `PROPERTY_SECONDS` makes as many as there is time for.
fn worlds(usual: u64) -> impl Iterator<Item = u64> {
    let started = Instant::now();
    let time = number("PROPERTY_SECONDS").map(Duration::from_secs);
    (0..).take_while(move |number| match time {
        Some(time) => started.elapsed() < time,
        None => *number < usual,
    })
}

/// The kinds of store.
#[derive(Clone, Copy, PartialEq)]
enum StoreKind {
    Sqlite,
    Postgres,
    File,
}

/// Opens a store of a world, in which some SQL is done before.
type Opening<S> = Box<dyn Fn(&str) -> S>;

/// Asks over stores of each world's own.
fn hold<S: Store + 'static>(
    usual: u64,
    kind: StoreKind,
    sets: usize,
    store: impl Fn(&World, &mut Rng) -> Opening<S>,
) {
    let schema = shape::schema();
    let (mut seen, mut links) = (SearchCounts::default(), 0);
    for number in worlds(usual) {
        let mut rng = Rng::new(seed() * 1_000_003 + number);
        let world = World::random(&mut rng, kind != StoreKind::Postgres);
        let store = store(&world, &mut rng);
        for set in 0..sets {
            let (mut policies, mut bundle) = policies::random(&mut rng, &world, &schema);
            let mut sql = String::new();
            // A file has no links.
            if set % 2 == 1 && kind != StoreKind::File {
                let set = linked::stored(&mut rng, &world, &schema, &policies);
                (policies, bundle, sql) = (set.policies, set.bundle, set.links);
                links += sql.matches("INSERT").count();
            }
            let cache = rng.pick([0, 64 << 20]);
            let mut asking = Asking {
                deciding: Deciding::with_cache(store(&sql), bundle, cache),
                world: &world,
                policies: &policies,
                is_file: kind == StoreKind::File,
                seen: &mut seen,
            };
            asking.all(&mut rng);
        }
    }
    // They found some and not all, and seldom ended in an error.
    let enough = seen.searches / 8;
    let found = [seen.some, seen.narrowed, seen.decided / 4];
    assert!(found.iter().all(|found| *found > enough), "{seen:?}");
    assert!(seen.refused < enough, "{seen:?}");
    assert_eq!(links > 0, kind != StoreKind::File);
}

/// Opens a database of a world.
fn in_sqlite(world: &World, rng: &mut Rng) -> Opening<Sqlite> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    sqlite::fill(world, rng, &path);
    Box::new(move |sql| {
        let connection = rusqlite::Connection::open(directory.path().join("own.db")).unwrap();
        connection.execute_batch(sql).unwrap();
        open(&path)
    })
}

#[test]
fn on_sqlite() {
    hold(6, StoreKind::Sqlite, 3, in_sqlite);
}

#[test]
fn on_postgres() {
    hold(3, StoreKind::Postgres, 3, |world, rng| {
        let database = SHARED.database();
        postgres::fill(world, rng, &database);
        let schema =
            Arc::new(peppol_authz_engine::schema::Schema::parse(&shape::schema()).unwrap());
        Box::new(move |sql| {
            database.sql(sql);
            let options = PostgresOptions {
                timeout: Duration::from_secs(60),
                ..PostgresOptions::default()
            };
            let store = Postgres::new(&database.url(), options).unwrap();
            // The served types are known with the first read.
            drop(runtime().block_on(store.snapshot(&schema, None)).unwrap());
            store
        })
    });
}

#[test]
fn in_a_file() {
    hold(3, StoreKind::File, 3, |world, rng| {
        let json = world.file(rng, |kind| kind != "Outside").to_string();
        Box::new(move |_| EntitiesFile::parse(json.as_bytes()).unwrap())
    });
}
