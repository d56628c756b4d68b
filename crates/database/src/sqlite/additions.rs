//! Additions to a database: they are applied, all that it lacks or none, and later it is held to them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::applied::applied;
use super::failure;
use super::migrate;
use super::shape::{Kind, Shape, objects};
use super::shipped::Shipped;
use crate::additions::{Additions, DialectAdditions, MAKE_TABLE, Plan, TABLE, plan};
use crate::migration::Upgrade;
use crate::sql::{SqlDialect, statements};
use crate::views::quoted;
use peppol_authz_engine::policy::{Fault, Severity, SourceFile};
use peppol_authz_engine::store::StoreError;

/// How often a lock is waited for, each time as long as the busy timeout.
const TRIES: usize = 20;

/// Why additions are not applied.
pub(super) enum Refused {
    /// A statement of theirs fails.
    Statement(Box<Fault>),
    /// They do not fit the database.
    Database(String),
    /// SQLite cannot do it.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Statement(fault) => {
                let (line, _) = fault.place();
                write!(f, "{}:{line}: {fault}", fault.file.name)
            }
            Self::Database(text) => f.write_str(text),
            Self::Sqlite(error) => write!(f, "{error}"),
        }
    }
}

/// Applies what a database lacks, in one transaction, and notes it.
///
/// # Errors
/// Additions that fail, or that do not fit those that were applied. Nothing is changed then.
pub(super) fn bring_up_to_date(
    path: &Path,
    connection: &mut Connection,
    additions: Option<&Additions>,
    upgrade: &mut Upgrade,
) -> Result<(), StoreError> {
    let part = additions.map(|additions| &additions.sqlite);
    let refused = |refused: &Refused| {
        let shown = path.display();
        StoreError::Version(format!("`{shown}`: {refused}; no addition was applied"))
    };
    if !migrate::is_ours(connection).map_err(|error| failure::unavailable(path, &error))? {
        return check_foreign(part).map_err(|error| refused(&error));
    }
    for _ in 1..TRIES {
        match apply(connection, part, upgrade) {
            Err(Refused::Sqlite(error))
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            other => return other.map_err(|error| refused(&error)),
        }
    }
    apply(connection, part, upgrade).map_err(|error| refused(&error))
}

/// Checks that nothing is to be added to the file of another program.
fn check_foreign(part: Option<&DialectAdditions>) -> Result<(), Refused> {
    let text = "another program has made it, and additions are for the tables of this one";
    match part.is_none_or(DialectAdditions::is_empty) {
        true => Ok(()),
        false => Err(Refused::Database(text.to_owned())),
    }
}

/// Checks that the additions of a database are among these.
///
/// # Errors
/// One that has others.
pub(super) fn check_known(
    path: &Path,
    connection: &Connection,
    additions: Option<&Additions>,
) -> Result<(), StoreError> {
    let is_ours = migrate::is_ours(connection);
    if !is_ours.map_err(|error| failure::unavailable(path, &error))? {
        return Ok(());
    }
    let part = additions.map(|additions| &additions.sqlite);
    planned(connection, part)
        .map(drop)
        .map_err(|refused| said(path, refused))
}

/// Checks that the additions of a database are these, and all of them.
///
/// # Errors
/// One that has others, or lacks some.
pub(super) fn check_complete(
    path: &Path,
    connection: &Connection,
    additions: Option<&Additions>,
) -> Result<(), StoreError> {
    let part = additions.map(|additions| &additions.sqlite);
    let checked = || match migrate::is_ours(connection)? {
        true => planned(connection, part)?
            .check_complete()
            .map_err(Refused::Database),
        false => check_foreign(part),
    };
    checked().map_err(|refused| said(path, refused))
}

fn said(path: &Path, refused: Refused) -> StoreError {
    match refused {
        Refused::Sqlite(error) => failure::unavailable(path, &error),
        other => StoreError::Version(format!("`{}`: {other}", path.display())),
    }
}

/// The parts that a database lacks.
fn planned<'a>(
    connection: &Connection,
    part: Option<&'a DialectAdditions>,
) -> Result<Plan<'a>, Refused> {
    let applied = applied(connection)?;
    plan(part, &applied, migrate::newest()).map_err(Refused::Database)
}

fn apply(
    connection: &mut Connection,
    part: Option<&DialectAdditions>,
    upgrade: &mut Upgrade,
) -> Result<(), Refused> {
    // At first without the lock, which another process may hold for as long as an import takes.
    let (true, Some(part)) = (!planned(connection, part)?.is_empty(), part) else {
        return Ok(());
    };
    in_memory(part)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    let plan = planned(&transaction, Some(part))?;
    run(&transaction, part, &plan)?;
    transaction.commit()?;
    upgrade.note(&plan);
    Ok(())
}

/// Makes all tables and all additions in a database in memory.
///
/// # Errors
/// Additions that fail, or change what the records rest on.
pub(super) fn in_memory(part: &DialectAdditions) -> Result<Connection, Refused> {
    let connection = Connection::open_in_memory()?;
    migrate::make_all(&connection)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let plan = plan(Some(part), &[], migrate::newest()).map_err(Refused::Database)?;
    run(&connection, part, &plan)?;
    let views: Vec<String> = part.views.iter().map(|view| view.name.clone()).collect();
    let changed = Shipped::get()?.changed(&connection, &views)?;
    match changed.is_empty() {
        true => Ok(connection),
        false => Err(Refused::Database(format!(
            "the additions change what the records of changes rest on: {}",
            changed.join("; ")
        ))),
    }
}

/// Runs the steps of a plan.
fn run(connection: &Connection, part: &DialectAdditions, plan: &Plan<'_>) -> Result<(), Refused> {
    if plan.is_empty() {
        return Ok(());
    }
    connection.execute_batch(MAKE_TABLE)?;
    for view in &part.views {
        let name = quoted(&view.name);
        connection.execute_batch(&format!("DROP VIEW IF EXISTS {name}"))?;
    }
    for migration in &plan.migrations {
        for statement in statements(&migration.file.text, SqlDialect::Sqlite) {
            let run = connection.execute_batch(statement.text);
            run.map_err(|error| failed(&migration.file, statement.at, error))?;
        }
    }
    if let Some(file) = &part.views_file {
        for view in &part.views {
            let made = connection.execute_batch(&view.sql);
            made.map_err(|error| failed(file, view.at, error))?;
        }
        // SQLite looks at a view when it is read, and not before.
        for view in &part.views {
            let read = connection.prepare(&format!("SELECT * FROM {}", quoted(&view.name)));
            read.map_err(|error| failed(file, view.at, error))?;
        }
    }
    let migrations = plan.migrations.iter();
    let migrations = migrations.map(|it| ("migration", &it.name, &it.digest));
    let views = plan.views.iter().map(|it| ("view", &it.name, &it.digest));
    let note = format!(
        "REPLACE INTO {TABLE} (kind, name, digest, applied_on) \
         VALUES (?1, ?2, ?3, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"
    );
    for (kind, name, digest) in migrations.chain(views) {
        connection.execute(&note, [kind, name, digest])?;
    }
    Ok(())
}

fn failed(file: &Arc<SourceFile>, at: usize, error: rusqlite::Error) -> Refused {
    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) {
        return Refused::Sqlite(error);
    }
    let text = match &error {
        // Without the statement, which is shown.
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let length = file.text.get(at..).and_then(|rest| rest.lines().next());
    let fault = Fault::new(file, Severity::Invalid, text);
    Refused::Statement(Box::new(fault.at(at, length.map_or(0, str::len))))
}

/// The tables, triggers and indexes of the additions that are not there as they make them.
///
/// # Errors
/// A database that cannot be read.
pub(super) fn altered(
    connection: &Connection,
    part: &DialectAdditions,
) -> rusqlite::Result<Vec<String>> {
    let made = match in_memory(part) {
        Ok(made) => made,
        Err(refused) => return Ok(vec![format!("the additions cannot be made: {refused}")]),
    };
    let shipped = Shipped::get()?;
    let (wanted, found) = (objects(&made)?, objects(connection)?);
    let is_added = |kind: Kind, name: &str| !shipped.has(kind, name);
    let mut altered = Vec::new();
    for ((kind, name), object) in &wanted {
        if *kind == Kind::View || !is_added(*kind, name) {
            continue;
        }
        let shown = format!("the {} `{}`", kind.name(), object.name);
        let Some(there) = found.get(&(*kind, name.clone())) else {
            altered.push(format!("{shown} is not there"));
            continue;
        };
        let is_same = match kind {
            Kind::Table => Shape::of(connection, name)?.extends(&Shape::of(&made, name)?),
            _ => there.table == object.table && there.words == object.words,
        };
        if !is_same {
            altered.push(format!("{shown} is another one"));
        }
    }
    Ok(altered)
}
