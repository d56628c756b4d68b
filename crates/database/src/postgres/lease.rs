//! A connection on loan from the pool.

use deadpool_postgres::Object;

use peppol_authz_engine::store::StoreError;

/// A connection that may have a transaction open.
///
/// INVARIANT: it goes back to the pool by [`Lease::give_back`] alone. One that is
/// dropped, as with a question that is given up, is closed: whoever got it next would
/// read on in its transaction, which is an old state.
pub(super) struct Lease(Option<Object>);

impl Lease {
    pub(super) fn new(connection: Object) -> Self {
        Self(Some(connection))
    }

    pub(super) fn get(&self) -> Result<&Object, StoreError> {
        self.0
            .as_ref()
            .ok_or_else(|| StoreError::Unavailable("the connection was lost".to_owned()))
    }

    /// Gives it back; no transaction is open on it any more.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}
