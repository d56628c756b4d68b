//! `migrate`: brings the tables of the store up to date.

use super::args::MigrateArgs;
use super::exit::{Ended, Exit};
use super::output::{failed, misused, say};
use super::source::{FileUse, open_database, settings};

pub(super) fn run(args: &MigrateArgs) -> Ended {
    let config = settings(&args.source.flags())?;
    let database = open_database(&config, FileUse::Written).map_err(failed)?;
    let database =
        database.ok_or_else(|| misused(format!("`{}` is no database", config.tenancy)))?;
    let migrated = database.migrate().map_err(failed)?;
    say(format_args!("`{}`: {migrated}", config.tenancy));
    Ok(Exit::Done)
}
