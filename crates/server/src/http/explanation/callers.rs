//! The callers that may have decisions explained.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

use crate::keyed_hash::{HASH_BYTES, KeyedHash};

/// The callers that may have decisions explained. An explanation tells what the store holds.
pub enum Explainers {
    /// Nobody.
    Nobody,
    /// Every caller that may ask.
    All,
    /// Callers that send the key, as `Authorization: Bearer …`.
    Key(ExplainKey),
}

/// The text whose hash by the key is kept in place of the key.
const PURPOSE: &[u8] = b"explain";

/// A key, of which only a hash is kept.
pub struct ExplainKey {
    hash: [u8; HASH_BYTES],
}

impl ExplainKey {
    /// Keeps the hash of a key.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let hash = KeyedHash::new(key).hash(&[PURPOSE]);
        Self { hash }
    }
}

impl Explainers {
    /// Returns true if the sender of a request is one of them.
    pub(in crate::http) fn hold(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::Nobody => false,
            Self::All => true,
            Self::Key(known) => {
                let mut sent = headers.get_all(AUTHORIZATION).iter();
                // A header that is sent twice counts as unset.
                let (Some(sent), None) = (sent.next(), sent.next()) else {
                    return false;
                };
                bearer(sent).is_some_and(|key| KeyedHash::new(key).is_hash(&known.hash, &[PURPOSE]))
            }
        }
    }
}

fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, key) = header.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn allowed(by: &Explainers, sent: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        by.hold(&headers)
    }

    #[test]
    fn a_key_is_taken_whole_once_and_as_a_bearers() {
        let by = Explainers::Key(ExplainKey::new(KEY.as_bytes()));
        assert!(allowed(&by, &[&format!("Bearer {KEY}")]));
        assert!(allowed(&by, &[&format!("bearer {KEY}")]));
        let refused: [&[&str]; 7] = [
            &[],
            &[KEY],
            &["Bearer "],
            &[&format!("Bearer {KEY}x")],
            &[&format!("Bearer {}", KEY.trim_end_matches('f'))],
            &[&format!("Basic  {KEY}")],
            &[&format!("Bearer {KEY}"), &format!("Bearer {KEY}")],
        ];
        for sent in refused {
            assert!(!allowed(&by, sent), "{sent:?}");
        }
        assert!(!allowed(&Explainers::Nobody, &[&format!("Bearer {KEY}")]));
        assert!(allowed(&Explainers::All, &[]));
    }
}
