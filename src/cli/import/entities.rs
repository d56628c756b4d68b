//! `import --cedar`: a database of Cedar's entities.

use std::io::{Read, stdin};
use std::sync::Arc;

use crate::cli::args::ImportArgs;
use crate::cli::exit::{Ended, Exit};
use crate::cli::output::{AnyError, failed, misused, say};
use crate::cli::source::{
    FileUse, entities_limits, open, postgres_options, read_schema, sqlite_options,
};
use crate::cli::worker::in_worker;
use peppol_authz_database::{EmptyDatabase, Postgres};
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::{EntitiesFile, Store as _};
use peppol_authz_engine::text::counted;
use peppol_authz_server::config::{Config, Source};

pub(super) fn run(args: &ImportArgs, mut config: Config) -> Ended {
    let [file] = args.files.as_slice() else {
        return Err(misused("entities are in one file"));
    };
    if config.additions.is_some() {
        return Err(misused(
            "additions belong to the tables that are made of documents: entities make tables of their own",
        ));
    }
    config.schema = args.schema.clone().or(config.schema);
    let schema = schema(&config).map_err(failed)?;
    let entities = match file.as_os_str() == "-" {
        true => {
            let mut text = Vec::new();
            stdin().read_to_end(&mut text).map_err(failed)?;
            EntitiesFile::parse(&text)
        }
        false => EntitiesFile::open(file, entities_limits(&config)),
    };
    let entities = entities.map_err(failed)?;
    entities.check(&schema).map_err(failed)?;
    let rows = entities.rows(&schema).map_err(failed)?;
    match &config.tenancy {
        Source::Sqlite(path) => {
            let options = sqlite_options(&config, FileUse::Written, None);
            let to = EmptyDatabase::Sqlite(path, &options);
            to.import_entities(&schema, &rows).map_err(failed)?;
        }
        Source::Postgres(url) => {
            let options = postgres_options(&config, FileUse::ReadOnce, None);
            let store = Postgres::new(url.expose(), options).map_err(failed)?;
            let to = EmptyDatabase::Postgres(&store);
            to.import_entities(&schema, &rows).map_err(failed)?;
        }
        Source::Entities(_) => return Err(no_database(&config)),
    }
    let revision = revision(config, schema).map_err(failed)?;
    let entities = counted(rows.len(), "entity", "entities");
    say(format_args!("imported {entities}"));
    say(format_args!("tenancyRevision {revision}"));
    Ok(Exit::Done)
}

/// The refusal of a source that is no database.
pub(super) fn no_database(config: &Config) -> Exit {
    misused(format!(
        "`import` writes into a database, and `{}` is none",
        config.tenancy
    ))
}

fn schema(config: &Config) -> Result<Arc<Schema>, AnyError> {
    let text = read_schema(config.schema.as_deref())?;
    Ok(Arc::new(Schema::parse(&text.text)?))
}

/// The state that holds them, as a store reads it.
fn revision(config: Config, schema: Arc<Schema>) -> Result<String, AnyError> {
    let (store, _) = open(&config, FileUse::ReadOnce)?;
    in_worker(async move {
        store.check(&schema)?;
        let snapshot = store.snapshot(&schema, None).await?;
        Ok(snapshot.revision().to_string())
    })
}
