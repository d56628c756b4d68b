//! `doctor`: the settings in force, and what is wrong with what they name.

mod files;
mod machine;
mod report;
mod store;

use super::args::DoctorArgs;
use super::exit::{Ended, Exit};
use super::output::{misused, say};
use peppol_authz_engine::policy::{Sources, load};
use peppol_authz_engine::schema::set_longest_id;
use peppol_authz_server::config::Config;
use report::Check;

pub(super) use report::State;

pub(super) fn run(args: &DoctorArgs) -> Ended {
    let flags = args.serve.flags();
    let (config, settings) = Config::load_with_origins(&flags).map_err(misused)?;
    set_longest_id(config.limits.id_bytes);
    let checks = checks(&config);
    match args.json {
        true => say(report::json(&settings, &checks)),
        false => report::text(&settings, &checks).iter().for_each(say),
    }
    match checks.iter().any(|check| check.state == State::Wrong) {
        true => Ok(Exit::Failed),
        false => Ok(Exit::Done),
    }
}

/// All checks, in the order in which a start would need what they look at.
pub(super) fn checks(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let sources = Sources::read(
        config.policies.as_deref(),
        config.schema.as_deref(),
        config.routes.as_deref(),
    );
    let sources = sources.map(|sources| {
        let sources = sources.with_warnings(config.policy_warnings);
        sources.with_max_level(config.policy_level)
    });
    let schema = match sources {
        Err(error) => {
            checks.push(Check::wrong("policies", error));
            None
        }
        Ok(sources) => match load(&sources) {
            Ok(bundle) => {
                let revision = &bundle.revision;
                checks.push(Check::ok("policies", format!("valid, revision {revision}")));
                Some(bundle.schema)
            }
            Err(faults) => {
                let first = faults.first().map(ToString::to_string);
                let first = first.unwrap_or_default();
                let text = format!(
                    "{} faults, the first: {first}; `peppol-authz check` shows all",
                    faults.len()
                );
                checks.push(Check::wrong("policies", text));
                None
            }
        },
    };
    checks.extend(store::checks(config, schema));
    checks.extend(files::checks(config));
    checks.extend(machine::checks(config));
    checks
}
