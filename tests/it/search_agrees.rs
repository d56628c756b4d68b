//! A search finds what the policies allow, one by one, and so does the condition of a plan: random
//! policies over random entities, in databases of any kind.

mod asking;
mod explained;
mod found;
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

/// Asks over stores of each world's own.
fn hold<S: Store + 'static>(
    usual: u64,
    kind: StoreKind,
    sets: usize,
    store: impl Fn(&World, &mut Rng) -> Box<dyn Fn() -> S>,
) {
    let schema = shape::schema();
    let mut seen = SearchCounts::default();
    for number in worlds(usual) {
        let mut rng = Rng::new(seed() * 1_000_003 + number);
        let world = World::random(&mut rng, kind != StoreKind::Postgres);
        let store = store(&world, &mut rng);
        for _ in 0..sets {
            let (policies, bundle) = policies::random(&mut rng, &world, &schema);
            let cache = rng.pick([0, 64 << 20]);
            let mut asking = Asking {
                deciding: Deciding::with_cache(store(), bundle, cache),
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
}

/// Opens a database of a world.
fn in_sqlite(world: &World, rng: &mut Rng) -> Box<dyn Fn() -> Sqlite> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    sqlite::fill(world, rng, &path);
    Box::new(move || {
        let _ = &directory;
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
        Box::new(move || {
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
        Box::new(move || EntitiesFile::parse(json.as_bytes()).unwrap())
    });
}
