//! `migrate`: brings the tables of the store up to date.

use super::args::MigrateArgs;
use super::exit::{Ended, Exit};
use super::output::{failed, misused, say};
use super::source::{MissingFile, open_database, settings};

pub(super) fn run(args: &MigrateArgs) -> Ended {
    let config = settings(&args.source.flags())?;
    let database = open_database(&config, MissingFile::Made).map_err(failed)?;
    let database =
        database.ok_or_else(|| misused(format!("`{}` is no database", config.tenancy)))?;
    database.migrate().map_err(failed)?;
    say(format_args!("`{}` is up to date", config.tenancy));
    Ok(Exit::Done)
}
