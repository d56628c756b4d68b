//! What several commands begin with: policies that are valid, and a runtime
//! whose threads can evaluate them.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use super::Exit;
use super::output::{complain, show};
use peppol_authz_engine::policy::{Bundle, Sources, load};

/// Reads and checks policies, schema and routes; what is wrong with them is shown.
pub(super) fn load_policies(
    policies: Option<&Path>,
    schema: Option<&Path>,
    routes: Option<&Path>,
) -> Result<(Sources, Arc<Bundle>), Exit> {
    let sources = Sources::read(policies, schema, routes).map_err(|error| {
        complain(&error);
        Exit::Failed
    })?;
    match load(&sources) {
        Ok(bundle) => Ok((sources, Arc::new(bundle))),
        Err(faults) => {
            show(faults);
            Err(Exit::Invalid)
        }
    }
}

/// A runtime of `workers` threads, 0 being one for each core. Cedar's recursion
/// limit depends on their stack: see `policy::MAX_DEPTH`.
pub(super) fn runtime(workers: usize, stack_bytes: usize) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder.thread_stack_size(stack_bytes).enable_all().build()
}
