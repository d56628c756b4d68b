//! The parts of a server in the test's own process, for tests whose store or whose workers are their own.

use std::time::Duration;

use peppol_authz_engine::EngineOptions;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_server::config::{Listen, MIN_WORKER_STACK_BYTES};
use peppol_authz_server::http::{Limits, Listener};
use tokio::runtime::Runtime;

/// An engine that asks the store for each question.
pub(crate) const KEEPS_NOTHING: EngineOptions = EngineOptions {
    cache_bytes: 0,
    decision_bytes: 0,
    freshness: Freshness::EACH,
};

/// Small limits, and a time for a request.
pub(crate) fn limits(request_timeout: Duration) -> Limits {
    Limits {
        body_bytes: 1 << 20,
        batch: 10,
        batch_bytes: 4 << 20,
        json_depth: 32,
        entities: 10,
        page: 10,
        candidates: 10,
        body_read_timeout: Duration::from_secs(3600),
        request_timeout,
        peaks: Default::default(),
    }
}

/// One worker, whose stack is as large as one of the server has to be.
pub(crate) fn one_worker() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(MIN_WORKER_STACK_BYTES)
        .enable_all()
        .build()
        .unwrap()
}

/// A listener on a free port, and its address.
pub(crate) fn listener(runtime: &Runtime) -> (Listener, String) {
    let address: Listen = "127.0.0.1:0".parse().unwrap();
    let listener = runtime.block_on(Listener::bind(&address)).unwrap();
    let address = listener.local_addr().to_string();
    (listener, address)
}
