//! The policies by which callers may ask.

use std::sync::Arc;

use crate::cli::exit::Exit;
use crate::cli::output::{failed, invalid};
use peppol_authz_engine::policy::{Bundle, Sources, load};
use peppol_authz_server::callers::Callers;
use peppol_authz_server::config::Config;

/// Reads and checks them; their faults are written.
pub(super) fn load_policies_of_callers(config: &Config) -> Result<Arc<Bundle>, Exit> {
    let sources = Callers::sources(config).map_err(failed)?;
    report_unread(config, &sources);
    Ok(Arc::new(load(&sources).map_err(invalid)?))
}

/// Policies of callers that lie beside the others are read only where a setting names them.
fn report_unread(config: &Config, taken: &Sources) {
    let beside = config.policies.as_ref().map(|path| path.join("callers"));
    let Some(beside) = beside.filter(|path| path.is_dir()) else {
        return;
    };
    if config.callers.policies.is_some() {
        return;
    }
    let found = Sources::of_callers(Some(&beside));
    if !found.is_ok_and(|found| found.digest() == taken.digest()) {
        tracing::warn!(
            directory = %beside.display(),
            "policies of callers lie beside the others and are not read: `callers.policies` does not name them"
        );
    }
}
