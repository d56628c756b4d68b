//! The policies of the start, read once their files have come to rest.

use std::sync::Arc;

use crate::cli::exit::Exit;
use crate::cli::output::{failed, invalid};
use crate::cli::policies::Loaded;
use peppol_authz_engine::policy::load;
use peppol_authz_server::watch::Watch;

/// Reads and checks policies, schema and routes; their faults are written.
pub(super) fn load_settled(watch: &Watch) -> Result<Loaded, Exit> {
    let sources = watch.read_settled().map_err(failed)?;
    let bundle = load(&sources).map_err(invalid)?;
    Ok((sources, Arc::new(bundle)))
}
