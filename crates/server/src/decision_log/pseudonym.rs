//! Personal ids in a line, as keyed hashes.

use std::path::Path;

use crate::keyed_hash::{HASH_BYTES, KeyedHash};
use peppol_authz_engine::file::read_once;
use peppol_authz_engine::text::hex;

/// The beginning of a hash.
pub(super) const PREFIX: &str = "hmac-sha256:";

/// Digits of a hash.
const DIGITS: usize = 64;

/// Bytes that a key has at least.
const KEY: usize = 32;

/// Bytes of a hash in the name of a key.
const NAME: usize = 8;

/// Writes ids as keyed hashes, or as they are.
#[derive(Clone)]
pub struct Pseudonyms {
    key: Option<KeyedHash>,
    name: Option<String>,
    /// True if a text in the form of a hash is taken for a hash, and stays.
    keeps_hashes: bool,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("`{0}`: {1}")]
    Unreadable(String, std::io::Error),
    /// The file is too short for a key.
    #[error("`{0}` has fewer than {KEY} bytes")]
    Short(String),
    /// The machine has no random bytes.
    #[error("no key can be made: {0}")]
    Random(String),
}

impl Pseudonyms {
    /// Writes ids as they are.
    #[must_use]
    pub fn none() -> Self {
        Self {
            key: None,
            name: None,
            keeps_hashes: true,
        }
    }

    /// Writes hashes by the key in a file.
    ///
    /// # Errors
    /// The file cannot be read or is too short.
    pub fn by_file(path: &Path) -> Result<Self, KeyError> {
        let shown = || path.display().to_string();
        let key = read_once(path).map_err(|error| KeyError::Unreadable(shown(), error))?;
        if key.len() < KEY {
            return Err(KeyError::Short(shown()));
        }
        Ok(Self::by_key(&key))
    }

    /// Writes hashes by a new key, which nobody else has.
    ///
    /// # Errors
    /// The machine has no random bytes.
    pub fn random() -> Result<Self, KeyError> {
        let key = KeyedHash::random().map_err(|error| KeyError::Random(error.to_string()))?;
        Ok(Self::by(key))
    }

    fn by_key(key: &[u8]) -> Self {
        Self::by(KeyedHash::new(key))
    }

    fn by(key: KeyedHash) -> Self {
        // No id has this hash: the input ends in a byte that no text has.
        let name = key.hash(&[b"name of the key\xff"]);
        Self {
            name: Some(hex(&name, NAME)),
            key: Some(key),
            keeps_hashes: false,
        }
    }

    /// The name of the key, which does not reveal the key; `None` if ids are written as they are.
    #[must_use]
    pub fn key_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The same key, for texts that may hold its hashes already.
    pub(super) fn keeping_hashes(&self) -> Self {
        Self {
            keeps_hashes: true,
            ..self.clone()
        }
    }

    /// The text for an id.
    pub(crate) fn of(&self, id: &str) -> String {
        match &self.key {
            Some(key) if !(self.keeps_hashes && is_hash(id)) => {
                format!("{PREFIX}{}", hex(&key.hash(&[id.as_bytes()]), HASH_BYTES))
            }
            _ => id.to_owned(),
        }
    }

    pub(super) fn hashes(&self) -> bool {
        self.key.is_some()
    }
}

/// Returns true if a text is a hash.
pub(crate) fn is_hash(text: &str) -> bool {
    hash_at(text) == Some("")
}

/// The text behind the hash at the beginning of a text; `None` if there is no hash.
pub(super) fn hash_at(text: &str) -> Option<&str> {
    let (digits, behind) = text.strip_prefix(PREFIX)?.split_at_checked(DIGITS)?;
    let is_hash = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hash.then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_makes_the_same_hash_and_another_another() {
        let (one, other) = (Pseudonyms::by_key(&[1; 32]), Pseudonyms::by_key(&[2; 32]));
        let hash = one.of("ann@example.org");
        assert!(is_hash(&hash), "{hash}");
        assert_eq!(hash, Pseudonyms::by_key(&[1; 32]).of("ann@example.org"));
        assert_ne!(hash, one.of("bob@example.org"));
        assert_ne!(hash, other.of("ann@example.org"));
        assert_ne!(one.key_name(), other.key_name());
        assert_ne!(
            Pseudonyms::random().unwrap().key_name(),
            Pseudonyms::random().unwrap().key_name()
        );
    }

    /// Otherwise a caller could be written as somebody else.
    #[test]
    fn an_id_that_looks_like_a_hash_is_hashed_all_the_same() {
        let pseudonyms = Pseudonyms::by_key(&[1; 32]);
        let hash = pseudonyms.of("ann@example.org");
        assert_ne!(pseudonyms.of(&hash), hash);
        assert_eq!(pseudonyms.keeping_hashes().of(&hash), hash);
        assert_eq!(Pseudonyms::none().of("ann@example.org"), "ann@example.org");
    }

    #[test]
    fn a_key_has_enough_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, [7; 31]).unwrap();
        assert!(matches!(
            Pseudonyms::by_file(&path),
            Err(KeyError::Short(_))
        ));
        std::fs::write(&path, [7; 32]).unwrap();
        assert!(Pseudonyms::by_file(&path).is_ok());
    }
}
