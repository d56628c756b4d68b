//! Hashes that only the holder of a key can make: HMAC-SHA-256.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Bytes of a hash.
pub(crate) const HASH_BYTES: usize = 32;

/// Bytes of a block of SHA-256, which a key of HMAC fills.
const BLOCK_BYTES: usize = 64;

/// Makes hashes by one key.
#[derive(Clone)]
pub(crate) struct KeyedHash(Hmac<Sha256>);

impl KeyedHash {
    /// Hashes by a key of any length. The key is hashed first, so that no length can fail.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK_BYTES];
        for (to, from) in block.iter_mut().zip(Sha256::digest(key)) {
            *to = from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// Hashes by a random key that nobody else has.
    ///
    /// # Errors
    /// A system without random numbers.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut key = [0; HASH_BYTES];
        getrandom::fill(&mut key)?;
        Ok(Self::new(&key))
    }

    /// The hash of the parts, one behind the other. The lengths of the parts do not count.
    pub(crate) fn hash(&self, parts: &[&[u8]]) -> [u8; HASH_BYTES] {
        self.over(parts).finalize().into_bytes().into()
    }

    /// Returns true if `hash` is the hash of the parts. The time that this takes does not depend
    /// on where the two differ.
    pub(crate) fn is_hash(&self, hash: &[u8; HASH_BYTES], parts: &[&[u8]]) -> bool {
        self.over(parts).verify(&(*hash).into()).is_ok()
    }

    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

impl std::fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedHash").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peppol_authz_engine::text::hex;

    /// Tokens and pseudonyms of an earlier version have to stay what they are.
    #[test]
    fn a_hash_is_the_same_in_every_version() {
        let expected = "142c7fede7587937a94a739156b6e8176dc3ff6d5dc58b43b5700a605fac8df3";
        let hash = KeyedHash::new(b"Jefe").hash(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex(&hash, HASH_BYTES), expected);
    }

    #[test]
    fn a_hash_of_another_key_or_text_is_none() {
        let keyed = KeyedHash::new(b"key");
        let hash = keyed.hash(&[b"a", b"b"]);
        assert!(keyed.is_hash(&hash, &[b"ab"]));
        assert!(!keyed.is_hash(&hash, &[b"ac"]));
        assert!(!KeyedHash::new(b"other").is_hash(&hash, &[b"ab"]));
        assert!(!KeyedHash::random().unwrap().is_hash(&hash, &[b"ab"]));
    }
}
