//! The tenancy store: can it be reached and read, and is it as the program would have it?

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::files;
use super::report::{Check, State};
use crate::cli::output::AnyError;
use crate::cli::source::{FileUse, open};
use crate::cli::worker::in_worker;
use peppol_authz_engine::CheckedLinks;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_server::config::{Config, Source};

/// How far the clocks of two machines may be apart. Tokens and freshness are judged by them.
const APART: Duration = Duration::from_secs(5);

pub(super) fn checks(config: &Config, bundle: Option<Arc<Bundle>>) -> Vec<Check> {
    if let Source::Sqlite(path) = &config.tenancy
        && !path.exists()
    {
        let text = format!("`{}` is not there: `serve` makes it", path.display());
        return match files::directory("store", path) {
            made if made.state == State::Ok => vec![Check::warning("store", text)],
            wrong => vec![wrong],
        };
    }
    let Some(bundle) = bundle else {
        return vec![Check::warning(
            "store",
            "not looked at: its views are checked by the schema, which cannot be used",
        )];
    };
    look(config, bundle).unwrap_or_else(|error| vec![Check::wrong("store", error)])
}

/// The links of templates that the store holds.
fn links(found: CheckedLinks) -> Check {
    let CheckedLinks { count, faults } = found;
    match faults.as_slice() {
        [] => Check::ok(
            "links",
            format!("{count} in the store, which fit the policies"),
        ),
        [first, ..] => {
            let text = format!(
                "{} of {count} in the store do not fit the policies; first {first}",
                faults.len()
            );
            Check::wrong("links", text)
        }
    }
}

fn look(config: &Config, bundle: Arc<Bundle>) -> Result<Vec<Check>, AnyError> {
    let mut reading = config.clone();
    // To look changes nothing.
    reading.store.migrate = false;
    let (store, database) = open(&reading, FileUse::ReadOnce)?;
    let migrates = config.store.migrate;
    in_worker(async move {
        let mut checks = Vec::new();
        if let Some(database) = &database {
            database.reach().await?;
            checks.push(match database.is_up_to_date().await? {
                Some(true) => Check::ok("tables", "up to date"),
                None => Check::ok("tables", "made by another program"),
                Some(false) if migrates => {
                    let text = "not up to date: `serve` or `migrate` brings them up to date";
                    return Ok(vec![Check::warning("tables", text)]);
                }
                Some(false) => {
                    let text = "not up to date: run `peppol-authz migrate`";
                    return Ok(vec![Check::wrong("tables", text)]);
                }
            });
            checks.extend(database.clock().await?.map(clock));
        }
        let schema = &bundle.schema;
        store.check(schema)?;
        let started = Instant::now();
        let mut snapshot = store.snapshot(schema, None).await?;
        let (revision, lag) = (snapshot.revision().clone(), snapshot.lag());
        let took = started.elapsed();
        checks.push(Check::ok(
            "store",
            format!("read in {} ms, revision {revision}", took.as_millis()),
        ));
        checks.push(match lag.is_zero() {
            true => Check::ok("freshness", "the newest state is read"),
            false if lag == Duration::MAX => Check::warning(
                "freshness",
                "a replica that cannot tell how far it is behind",
            ),
            false => Check::warning("freshness", format!("a replica, {lag:?} behind")),
        });
        if let Some(problem) = CheckedLinks::misfit(&bundle, &*store) {
            checks.push(Check::wrong("links", problem));
        } else if let Some(text) = CheckedLinks::unread(&bundle, &*store) {
            checks.push(Check::warning("links", text));
        } else if bundle.reads_links() {
            let found = CheckedLinks::of(&mut *snapshot, &bundle).await;
            checks.push(found.map_or_else(|error| Check::wrong("links", error), links));
        }
        Ok(checks)
    })
}

fn clock(there: SystemTime) -> Check {
    let here = SystemTime::now();
    let apart = here
        .duration_since(there)
        .unwrap_or_else(|error| error.duration());
    match apart <= APART {
        true => Check::ok("clock", "as that of the database"),
        false => Check::wrong(
            "clock",
            format!("{} s from that of the database", apart.as_secs()),
        ),
    }
}
