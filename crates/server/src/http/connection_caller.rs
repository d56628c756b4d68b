//! The caller of a connection, as each of its requests is told it.

use std::sync::{Arc, LazyLock};

use crate::callers::{Caller, Connected};

/// The caller of a connection, among the extensions of its requests.
#[derive(Clone, Debug)]
pub(super) struct ConnectionCaller(pub(super) Arc<Connected>);

/// A caller inside of this process, where there is no connection.
static INSIDE: LazyLock<Arc<Connected>> =
    LazyLock::new(|| Arc::new(Connected::new(Arc::new(Caller::inside()))));

impl ConnectionCaller {
    /// The connection and its caller, if there is one.
    pub(super) fn of(connected: Option<&Self>) -> Arc<Connected> {
        Arc::clone(connected.map_or_else(|| &*INSIDE, |connected| &connected.0))
    }
}
