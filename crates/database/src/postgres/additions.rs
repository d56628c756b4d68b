//! Additions to a database: all that it lacks is applied in one transaction, or none of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::applied::{applied, drop_statement};
use super::failure::{said, store_error};
use super::migrate::MIGRATIONS;
use super::shipped;
use crate::additions::{Additions, DialectAdditions, MAKE_TABLE, Plan, plan};
use crate::migration::{self, Upgrade};
use crate::sql::{SqlDialect, statements};
use peppol_authz_engine::policy::{Fault, Severity, SourceFile};
use peppol_authz_engine::store::StoreError;

/// All that shipped tables store and record by, each with its name and its text, and false if there may be
/// more of its kind: functions, triggers, columns, keys, rules and heirs, of the tables ($1) and functions ($2)
/// that the program makes.
const SHIPPED: &str = "\
WITH home AS (
  SELECT relnamespace AS oid FROM pg_catalog.pg_class WHERE oid = to_regclass('tenancy_migration')
),
shipped AS (
  SELECT c.* FROM pg_catalog.pg_class AS c JOIN home ON home.oid = c.relnamespace
  WHERE c.relname = ANY ($1) AND c.relkind = 'r'
)
SELECT 'the function `' || p.oid::regprocedure::text || '`', pg_get_functiondef(p.oid), true
FROM pg_catalog.pg_proc AS p JOIN home ON home.oid = p.pronamespace
WHERE p.proname = ANY ($2)
UNION ALL
SELECT 'the table `' || relname || '`', concat_ws(' ', relpersistence, relrowsecurity, relforcerowsecurity, relowner), true
FROM shipped
UNION ALL
SELECT 'the trigger `' || t.tgname || '` of `' || c.relname || '`', pg_get_triggerdef(t.oid) || t.tgenabled::text,
  -- One that runs before may change a row or leave it out; the records are written by no others.
  t.tgtype & 2 <> 0 OR c.relname LIKE 'tenancy\\_%'
FROM pg_catalog.pg_trigger AS t JOIN shipped AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND (p.proname = ANY ($2) OR t.tgtype & 2 <> 0 OR c.relname LIKE 'tenancy\\_%')
UNION ALL
SELECT 'the column `' || a.attname || '` of `' || c.relname || '`',
  concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation, a.attgenerated,
    pg_get_expr(d.adbin, d.adrelid)), false
FROM pg_catalog.pg_attribute AS a JOIN shipped AS c ON c.oid = a.attrelid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'the constraint `' || o.conname || '` of `' || c.relname || '`', pg_get_constraintdef(o.oid), false
FROM pg_catalog.pg_constraint AS o JOIN shipped AS c ON c.oid = o.conrelid
UNION ALL
SELECT 'the rule `' || r.rulename || '` of `' || c.relname || '`', pg_get_ruledef(r.oid) || r.ev_enabled::text, true
FROM pg_catalog.pg_rewrite AS r JOIN shipped AS c ON c.oid = r.ev_class
UNION ALL
SELECT 'the heir `' || h.relname || '` of `' || c.relname || '`', '', true
FROM pg_catalog.pg_inherits AS i JOIN shipped AS c ON c.oid = i.inhparent
JOIN pg_catalog.pg_class AS h ON h.oid = i.inhrelid
UNION ALL
SELECT 'the table `' || p.relname || '` that `' || c.relname || '` inherits', '', true
FROM pg_catalog.pg_inherits AS i JOIN shipped AS c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent";

/// The rights on views ($1) other than their owner's, as statements.
const GRANTS: &str = "\
SELECT format('GRANT %s ON %I TO %s%s', given.privilege_type, c.relname,
  CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE given.grantee::regrole::text END,
  CASE WHEN given.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_catalog.pg_class AS c
CROSS JOIN LATERAL aclexplode(c.relacl) AS given
WHERE c.relkind = 'v' AND c.relname = ANY ($1) AND pg_table_is_visible(c.oid) AND given.grantee <> c.relowner";

const NOTE: &str = "\
INSERT INTO tenancy_addition (kind, name, digest, applied_on)
VALUES ($1, $2, $3, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))
ON CONFLICT (kind, name) DO UPDATE SET digest = excluded.digest, applied_on = excluded.applied_on";

/// True if this program has made the database, and true if the version of its tables may be read.
const IS_OURS: &str = "\
SELECT to_regclass('tenancy_migration') IS NOT NULL,
  coalesce(has_table_privilege(to_regclass('tenancy_migration'), 'SELECT'), false)";

const VERSION: &str = "SELECT coalesce(max(version), 0)::int4 FROM tenancy_migration";

/// The parts that a database of this version lacks.
///
/// # Errors
/// Additions that do not fit those that were applied, or a database that cannot be read.
pub(super) async fn planned<'a>(
    client: &Client,
    additions: Option<&'a Additions>,
) -> Result<Plan<'a>, StoreError> {
    planned_over(client, additions, migration::newest(MIGRATIONS)).await
}

/// The same, with the shipped tables of a version.
async fn planned_over<'a>(
    client: &Client,
    additions: Option<&'a Additions>,
    version: i32,
) -> Result<Plan<'a>, StoreError> {
    let part = additions.map(|additions| &additions.postgres);
    plan(part, &applied(client).await?, version).map_err(|text| of_database(&text))
}

fn of_database(text: &str) -> StoreError {
    StoreError::Version(format!("the database: {text}"))
}

/// Checks that the additions of a database are these, and all of them, whichever version its tables
/// are of. It may change while the program runs: another one with other additions may be started over it.
///
/// # Errors
/// A database that has others, or lacks some.
pub(super) async fn check_complete(
    client: &Client,
    additions: Option<&Additions>,
) -> Result<(), StoreError> {
    let mut version = migration::newest(MIGRATIONS);
    if additions.is_some_and(|additions| !additions.postgres.is_empty()) {
        let row = client.query_typed_one(IS_OURS, &[]).await;
        let row = row.map_err(store_error)?;
        let is = |column: usize| row.try_get::<_, bool>(column).map_err(store_error);
        if !is(0)? {
            return Err(of_database(
                "it is empty, or another program has made it, and additions are for the tables of this one: \
                 run `peppol-authz migrate`",
            ));
        }
        if is(1)? {
            let row = client.query_typed_one(VERSION, &[]).await;
            version = row.and_then(|row| row.try_get(0)).map_err(store_error)?;
        }
    }
    let plan = planned_over(client, additions, version).await?;
    plan.check_complete().map_err(|text| of_database(&text))
}

/// Checks that nothing is to be added to the database of another program.
///
/// # Errors
/// Additions to it.
pub(super) fn check_foreign(additions: Option<&Additions>) -> Result<(), StoreError> {
    let part = additions.map(|additions| &additions.postgres);
    match part.is_none_or(DialectAdditions::is_empty) {
        true => Ok(()),
        false => Err(StoreError::Version(
            "another program has made the database, and additions are for the tables of this one"
                .to_owned(),
        )),
    }
}

/// The rights on the views of additions, which are lost when these are made anew.
pub(super) async fn grants(
    client: &Client,
    additions: Option<&Additions>,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let views = additions.map(|additions| additions.postgres.views.iter());
    let views: Vec<&str> = views.into_iter().flatten().map(|it| &*it.name).collect();
    let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&views, Type::TEXT_ARRAY)];
    let rows = client.query_typed(GRANTS, &parameters).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// Applies what a database lacks, under the lock of migrations, in one transaction, and notes it.
///
/// # Errors
/// Additions that fail, or change what the records rest on. Nothing is changed then.
pub(super) async fn apply(
    client: &Client,
    additions: Option<&Additions>,
    grants: &[String],
    upgrade: &mut Upgrade,
) -> Result<(), StoreError> {
    let plan = planned(client, additions).await?;
    let (false, Some(additions)) = (plan.is_empty(), additions) else {
        return Ok(());
    };
    let done = run(client, &additions.postgres, &plan, grants).await;
    match done {
        Ok(()) => {
            upgrade.note(&plan);
            Ok(())
        }
        Err(text) => {
            // The connection ends in any case, and with it the transaction.
            let _ = client.batch_execute("ROLLBACK").await;
            Err(StoreError::Version(format!(
                "the additions cannot be applied: {text}; no addition was applied"
            )))
        }
    }
}

async fn run(
    client: &Client,
    part: &DialectAdditions,
    plan: &Plan<'_>,
    grants: &[String],
) -> Result<(), String> {
    let failed = |error: tokio_postgres::Error| said(&error);
    client.batch_execute("BEGIN").await.map_err(failed)?;
    client.batch_execute(MAKE_TABLE).await.map_err(failed)?;
    let before = shipped(client).await.map_err(failed)?;
    let names = part.views.iter().map(|view| view.name.as_str());
    if let Some(drop) = drop_statement(names) {
        client.batch_execute(&drop).await.map_err(failed)?;
    }
    for migration in &plan.migrations {
        for statement in statements(&migration.file.text, SqlDialect::Postgres) {
            execute(client, &migration.file, statement.at, statement.text).await?;
        }
    }
    if let Some(file) = &part.views_file {
        for view in &part.views {
            execute(client, file, view.at, &view.sql).await?;
        }
    }
    let after = shipped(client).await.map_err(failed)?;
    let changed = before
        .iter()
        .filter(|(name, text)| after.get(*name) != Some(*text));
    let added = after
        .iter()
        .filter(|(name, (_, is_closed))| *is_closed && !before.contains_key(*name));
    let changed: Vec<&str> = changed
        .chain(added)
        .map(|(name, _)| name.as_str())
        .collect();
    if !changed.is_empty() {
        return Err(format!(
            "they change what shipped tables store or record: {}",
            changed.join(", ")
        ));
    }
    for grant in grants {
        client.batch_execute(grant).await.map_err(failed)?;
    }
    let migrations = plan.migrations.iter();
    let migrations = migrations.map(|it| ("migration", &it.name, &it.digest));
    let views = plan.views.iter().map(|it| ("view", &it.name, &it.digest));
    for (kind, name, digest) in migrations.chain(views) {
        let note: [(&(dyn ToSql + Sync), Type); 3] = [
            (&kind, Type::TEXT),
            (name, Type::TEXT),
            (digest, Type::TEXT),
        ];
        client.execute_typed(NOTE, &note).await.map_err(failed)?;
    }
    client.batch_execute("COMMIT").await.map_err(failed)
}

/// Runs a statement of a file; the error has its place. The server takes one statement so, and no more: no
/// other ends the transaction unseen.
async fn execute(
    client: &Client,
    file: &Arc<SourceFile>,
    at: usize,
    sql: &str,
) -> Result<(), String> {
    client
        .execute_typed(sql, &[])
        .await
        .map(drop)
        .map_err(|error| {
            let (line, _) = Fault::new(file, Severity::Invalid, "").at(at, 0).place();
            format!("{}:{line}: {}", file.name, said(&error))
        })
}

/// All that shipped tables store and record by, by name, with its text, and false if there may be more of
/// its kind.
async fn shipped(
    client: &Client,
) -> Result<BTreeMap<String, (String, bool)>, tokio_postgres::Error> {
    let (tables, functions) = (shipped::tables(), shipped::functions());
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&tables, Type::TEXT_ARRAY), (&functions, Type::TEXT_ARRAY)];
    let rows = client.query_typed(SHIPPED, &parameters).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?))))
        .collect()
}
