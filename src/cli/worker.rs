//! Threads that can evaluate policies.

use tokio::runtime::{Builder, Runtime};

use super::output::AnyError;
use peppol_authz_server::config::MIN_WORKER_STACK_BYTES;

/// A runtime of `workers` threads; 0 is one for each core. Cedar's recursion limit depends on their
/// stack: see `policy::MAX_DEPTH`.
pub(super) fn runtime(workers: usize, stack_bytes: usize) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder.thread_stack_size(stack_bytes).enable_all().build()
}

/// Runs `work` on a thread whose stack is as large as a server's.
pub(super) fn in_worker<T: Send + 'static>(
    work: impl Future<Output = Result<T, AnyError>> + Send + 'static,
) -> Result<T, AnyError> {
    in_workers(1, work)
}

/// The same for work with tasks of its own, on so many threads; 0 is one for each core.
pub(super) fn in_workers<T: Send + 'static>(
    workers: usize,
    work: impl Future<Output = Result<T, AnyError>> + Send + 'static,
) -> Result<T, AnyError> {
    let runtime = runtime(workers, MIN_WORKER_STACK_BYTES)?;
    runtime.block_on(runtime.spawn(work))?
}
