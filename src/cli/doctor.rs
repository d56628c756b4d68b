//! `doctor`: the settings in force, and what is wrong with what they name.

mod collector;
mod documents;
mod files;
mod machine;
mod report;
mod store;

use std::sync::Arc;

use super::args::DoctorArgs;
use super::exit::{Ended, Exit};
use super::output::{misused, say};
use super::parts::parts;
use peppol_authz_engine::policy::{Bundle, Sources, load};
use peppol_authz_engine::schema::set_longest_id;
use peppol_authz_engine::text::{causes, counted};
use peppol_authz_server::callers::Callers;
use peppol_authz_server::config::Config;
use report::Check;

pub(super) use report::State;

/// The policies by which callers may ask.
const CALLERS: &str = "policies of callers";

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
    let bundle = match sources {
        Err(error) => {
            checks.push(Check::wrong("policies", error));
            None
        }
        Ok(sources) => valid("policies", &sources, &mut checks),
    };
    let callers = match Callers::sources(config) {
        Err(error) => {
            checks.push(Check::wrong(CALLERS, error));
            None
        }
        Ok(sources) => valid(CALLERS, &sources, &mut checks),
    };
    if let (Some(bundle), Some(callers)) = (&bundle, callers) {
        match parts(config, bundle, Arc::new(callers)) {
            Ok(parts) => {
                let unnamed = parts.callers.unnamed_roles();
                checks.extend(unnamed.iter().map(|text| Check::warning(CALLERS, text)));
                let text = "keys, certificates, gateways and plans can be used";
                checks.push(Check::ok("start", text));
            }
            Err(error) => checks.push(Check::wrong("start", causes(&*error))),
        }
    }
    checks.extend(store::checks(config, bundle.map(Arc::new)));
    checks.extend(documents::checks(config));
    checks.extend(files::checks(config));
    checks.extend(collector::checks(config));
    checks.extend(machine::checks(config));
    checks
}

/// The bundle of a set, if it is valid.
fn valid(of: &'static str, sources: &Sources, checks: &mut Vec<Check>) -> Option<Bundle> {
    match load(sources) {
        Ok(bundle) => {
            let revision = &bundle.revision;
            checks.push(Check::ok(of, format!("valid, revision {revision}")));
            Some(bundle)
        }
        Err(faults) => {
            let first = faults.first().map(ToString::to_string);
            let first = first.unwrap_or_default();
            let text = format!(
                "{}, the first: {first}; `peppol-authz check` shows all",
                counted(faults.len(), "fault", "faults")
            );
            checks.push(Check::wrong(of, text));
            None
        }
    }
}
