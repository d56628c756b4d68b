//! `migrate`: the tables of the store, brought up to date.

use super::Exit;
use super::args::MigrateArgs;
use super::output::{complain, complain_of, say};
use super::source::open_database;
use peppol_authz_server::config::Config;

pub(super) fn run(args: &MigrateArgs) -> Exit {
    let config = match Config::load(&args.source.flags()) {
        Ok(config) => config,
        Err(error) => {
            complain(&error);
            return Exit::Usage;
        }
    };
    match open_database(&config).and_then(|database| {
        let migrated = database.map(|database| database.migrate());
        migrated.transpose()
    }) {
        Ok(Some(())) => {
            say(format_args!("`{}` is up to date", config.tenancy));
            Exit::Done
        }
        Ok(None) => {
            complain_of(format_args!("`{}` is no database", config.tenancy));
            Exit::Usage
        }
        Err(error) => {
            complain(&error);
            Exit::Failed
        }
    }
}
