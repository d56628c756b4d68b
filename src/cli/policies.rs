//! Policies that are valid.

use std::path::Path;
use std::sync::Arc;

use super::exit::Exit;
use super::output::{failed, invalid};
use peppol_authz_engine::policy::{Bundle, MaxLevel, Sources, Warnings, load};

/// Policies with the files that they come from.
pub(super) type Loaded = (Sources, Arc<Bundle>);

/// Reads and checks policies, schema and routes; their faults are written.
pub(super) fn load_policies(
    policies: Option<&Path>,
    schema: Option<&Path>,
    routes: Option<&Path>,
    warnings: Warnings,
    max_level: MaxLevel,
) -> Result<Loaded, Exit> {
    let sources = Sources::read(policies, schema, routes).map_err(failed)?;
    let sources = sources.with_warnings(warnings).with_max_level(max_level);
    let bundle = load(&sources).map_err(invalid)?;
    Ok((sources, Arc::new(bundle)))
}
