//! The settings, and the tenancy store that they name.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::exit::Exit;
use super::output::{AnyError, misused};
use peppol_authz_database::{
    Additions, AdditionsError, Database, Import, Postgres, PostgresOptions, Sqlite, SqliteOptions,
};
use peppol_authz_engine::policy::{SchemaText, SourceError, SourceFile, Sources};
use peppol_authz_engine::schema::set_longest_id;
use peppol_authz_engine::store::{EntitiesFile, EntitiesLimits, Store, StoreError};
use peppol_authz_server::config::{Config, Flags, Source};

/// The settings; their faults are written.
pub(super) fn settings(flags: &Flags) -> Result<Config, Exit> {
    let config = Config::load(flags).map_err(misused)?;
    set_longest_id(config.limits.id_bytes);
    Ok(config)
}

/// The use of a database file. Only one that is written is made where it is missing: a mistyped name
/// should make no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileUse {
    /// It is written, or served.
    Written,
    /// It is read beside that.
    ReadOn,
    /// It is read once, for which nobody needs the right to write it: nothing is brought up to date.
    ReadOnce,
}

/// The additions of a directory, if one is named.
pub(super) fn additions(
    directory: Option<&Path>,
) -> Result<Option<Arc<Additions>>, AdditionsError> {
    let read = directory.map(Additions::read).transpose()?;
    Ok(read.map(Arc::new))
}

/// The documents that an import reads: the shipped ones, or those of a schema with additions.
///
/// # Errors
/// A schema or additions that cannot be read or used.
pub(super) fn import_of(
    schema: Option<&Path>,
    directory: Option<&Path>,
) -> Result<Import, AnyError> {
    match additions(directory)? {
        None => Ok(Import::new()?),
        Some(additions) => {
            let schema = read_schema(schema)?;
            Ok(Import::with(&schema, additions)?)
        }
    }
}

/// The schema that is named, or the shipped one.
pub(super) fn read_schema(path: Option<&Path>) -> Result<Arc<SourceFile>, SourceError> {
    match path {
        None => Ok(Sources::shipped().schema),
        Some(path) => SchemaText::read(path).map(|schema| schema.file),
    }
}

/// Opens the database that is named; `None` if the source is none.
pub(super) fn open_database(
    config: &Config,
    file_use: FileUse,
) -> Result<Option<Database>, StoreError> {
    let additions = additions(config.additions.as_deref())
        .map_err(|error| StoreError::Version(format!("the additions cannot be used: {error}")))?;
    Ok(match &config.tenancy {
        Source::Sqlite(path) => {
            let options = sqlite_options(config, file_use, additions);
            let store = match file_use {
                FileUse::Written | FileUse::ReadOn => Sqlite::open(path, options)?,
                FileUse::ReadOnce => Sqlite::open_to_read(path, options)?,
            };
            Some(Database::Sqlite(Arc::new(store)))
        }
        Source::Postgres(url) => {
            let options = postgres_options(config, file_use, additions);
            let store = Postgres::new(url.expose(), options)?;
            Some(Database::Postgres(Arc::new(store)))
        }
        Source::Entities(_) => None,
    })
}

/// How a database file is opened.
pub(super) fn sqlite_options(
    config: &Config,
    file_use: FileUse,
    additions: Option<Arc<Additions>>,
) -> SqliteOptions {
    SqliteOptions {
        readers: config.store.readers,
        busy_timeout: config.store.busy_timeout,
        makes: file_use == FileUse::Written,
        migrate: file_use != FileUse::ReadOnce,
        additions,
    }
}

/// How a server's database is reached.
pub(super) fn postgres_options(
    config: &Config,
    file_use: FileUse,
    additions: Option<Arc<Additions>>,
) -> PostgresOptions {
    PostgresOptions {
        readers: config.store.readers,
        timeout: config.store.timeout,
        ca_certificate: config.store.ca_certificate.clone(),
        migrate: config.store.migrate && file_use != FileUse::ReadOnce,
        additions,
    }
}

/// Opens one more reader of the database that is named, with a connection of its own; `None` if
/// the source is none.
pub(super) fn open_reader(config: &Config) -> Result<Option<Arc<dyn Store>>, StoreError> {
    let mut config = config.clone();
    config.store.readers = 1;
    Ok(open_database(&config, FileUse::ReadOn)?.map(|database| database.store()))
}

/// The limits of a file of entities.
pub(super) fn entities_limits(config: &Config) -> EntitiesLimits {
    EntitiesLimits {
        bytes: config.entities.bytes,
        ancestors: config.entities.ancestors,
    }
}

/// How long a query of work may take that nobody waits for as for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings for a command that reads much: a query may take longer than one of a question may.
pub(super) fn patient(mut config: Config) -> Config {
    config.store.timeout = config.store.timeout.max(PATIENCE);
    config
}

/// A store, and its database if it is one.
type Opened = (Arc<dyn Store>, Option<Database>);

/// Opens the store that is named.
pub(super) fn open(config: &Config, file_use: FileUse) -> Result<Opened, StoreError> {
    if let Some(database) = open_database(config, file_use)? {
        return Ok((database.store(), Some(database)));
    }
    let Source::Entities(path) = &config.tenancy else {
        return Err(StoreError::Unavailable(format!(
            "`{}` is no source",
            config.tenancy
        )));
    };
    Ok((
        Arc::new(EntitiesFile::open(path, entities_limits(config))?),
        None,
    ))
}
