//! The policies by which callers may ask.

use std::sync::Arc;

use crate::cli::exit::Exit;
use crate::cli::output::{failed, invalid};
use peppol_authz_engine::policy::{Bundle, load};
use peppol_authz_server::callers::Callers;
use peppol_authz_server::config::Config;

/// Reads and checks them; their faults are written.
pub(super) fn load_policies_of_callers(config: &Config) -> Result<Arc<Bundle>, Exit> {
    let sources = Callers::sources(config).map_err(failed)?;
    Ok(Arc::new(load(&sources).map_err(invalid)?))
}
