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
        let is_same = is_same(last.shown.as_bytes(), shown.as_bytes());
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

/// True if two texts of one length are the same. How long it takes does not tell where they differ: all of both is
/// looked at, eight bytes at a time, as byte by byte it would be the dearest step of a repeated request.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (words, rest) = one.as_chunks::<8>();
    let (other_words, other_rest) = other.as_chunks::<8>();
    let words = words.iter().zip(other_words);
    let of_words = words.fold(0, |differing, (one, other)| {
        differing | (u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other))
    });
    let rest = rest.iter().zip(other_rest);
    let differing = rest.fold(of_words, |differing, (one, other)| {
        differing | u64::from(one ^ other)
    });
    one.len() == other.len() && differing.ct_eq(&0).into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_in_all_of_their_bytes() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length).collect();
            assert!(is_same(&text, &text.clone()), "{length}");
            for place in 0..text.len() {
                let mut other = text.clone();
                other[place] ^= 1 << (place % 8);
                assert!(!is_same(&text, &other), "{length}: {place}");
                assert!(!is_same(&text, &text[..place]), "{length}: {place}");
                assert!(!is_same(&text[..place], &text), "{length}: {place}");
            }
        }
    }
}
