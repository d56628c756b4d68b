//! Who may have decisions explained.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Who may have decisions explained: they tell what the store holds.
pub enum Explainers {
    /// Nobody.
    Nobody,
    /// Whoever may ask.
    All,
    /// Who sends the key, as `Authorization: Bearer …`.
    Key(ExplainKey),
}

/// What a key is known by.
pub struct ExplainKey {
    tag: [u8; 32],
}

impl ExplainKey {
    /// Knows a key.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let tag = mac(key).finalize().into_bytes().into();
        Self { tag }
    }
}

impl Explainers {
    /// Whether the sender of a request is one of them.
    pub(in crate::http) fn hold(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::Nobody => false,
            Self::All => true,
            Self::Key(known) => {
                let mut sent = headers.get_all(AUTHORIZATION).iter();
                // What is said twice is said by nobody.
                let (Some(sent), None) = (sent.next(), sent.next()) else {
                    return false;
                };
                // The comparison takes as long whatever the key is.
                bearer(sent).is_some_and(|key| mac(key).verify_slice(&known.tag).is_ok())
            }
        }
    }
}

/// The code of a key: what does not fit a block of the hash is hashed before.
fn mac(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(Sha256::digest(key)) {
        *to = from;
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    mac.update(b"explain");
    mac
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
