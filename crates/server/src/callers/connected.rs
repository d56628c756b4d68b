//! A connection as its requests see it: the caller that it tells of, and the credential that it has shown last.
//!
//! A connection shows one credential again and again, so it is verified once and remembered. It counts as long
//! as the keys that verified it are in force and its time has not run out; then it is verified anew.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use subtle::ConstantTimeEq;

use super::caller::Caller;
use crate::identity::{Basis, CallerCredentials};

/// A connection, and what is known of its caller.
pub struct Connected {
    /// The caller that the connection itself tells of.
    pub(super) caller: Arc<Caller>,
    last: Mutex<Option<Remembered>>,
}

/// A credential that was verified.
struct Remembered {
    shown: Box<str>,
    basis: Basis,
    caller: Arc<Caller>,
}

// === impl Connected ===

impl Connected {
    /// A connection that tells of a caller and has shown nothing yet.
    #[must_use]
    pub fn new(caller: Arc<Caller>) -> Self {
        Self {
            caller,
            last: Mutex::new(None),
        }
    }

    /// The caller that the connection itself tells of.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// The caller by a credential, if it is the one that was verified last and counts still.
    pub(super) fn recall(
        &self,
        shown: &str,
        credentials: &CallerCredentials,
    ) -> Option<Arc<Caller>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref()?;
        // Behind a proxy others may ask over the same connection: how long this takes does not tell them how much
        // of a credential they have guessed.
        let is_same: bool = last.shown.as_bytes().ct_eq(shown.as_bytes()).into();
        (is_same && credentials.are_in_force(&last.basis)).then(|| Arc::clone(&last.caller))
    }

    /// Remembers the caller by a credential that was verified.
    pub(super) fn remember(&self, shown: &str, basis: Basis, caller: &Arc<Caller>) {
        let remembered = Remembered {
            shown: shown.into(),
            basis,
            caller: Arc::clone(caller),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(remembered);
    }
}

/// Without the credential.
impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = &mut f.debug_struct("Connected");
        connected
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
