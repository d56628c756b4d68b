//! Keys that are made here, and the form of keys.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::config::written_digest;

/// The beginning of every key that is made here: programs that look for secrets in texts find it.
const PREFIX: &str = "authz_";

/// The random bytes of a key.
const RANDOM: usize = 32;

/// The least length of a key. Of random digits, as few as these are 128 bits; a password of that
/// length nobody chooses.
const MIN_LENGTH: usize = 32;

/// A key that was just made.
pub struct MadeApiKey {
    /// The key, for the caller alone.
    pub key: String,
    /// Its hash, as the settings have it.
    pub hash: String,
}

/// Why a text cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyFormError {
    /// It could be guessed.
    #[error("it is shorter than {MIN_LENGTH} characters, and could be guessed")]
    Short,
    /// No header can hold it.
    #[error("it has other characters than letters, digits and `-._~+/=`")]
    Characters,
}

// === impl MadeApiKey ===

impl MadeApiKey {
    /// Makes a key.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut random = [0; RANDOM];
        getrandom::fill(&mut random)?;
        let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
        Ok(Self {
            hash: written_digest(&Sha256::digest(&key).into()),
            key,
        })
    }
}

/// The hash of a key that was made elsewhere.
///
/// # Errors
/// The text cannot be a key.
pub fn hash_of_api_key(key: &str) -> Result<String, ApiKeyFormError> {
    // RFC 6750 2.1.
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !key.bytes().all(is_of_token) {
        return Err(ApiKeyFormError::Characters);
    }
    if !could_be_key(key) {
        return Err(ApiKeyFormError::Short);
    }
    Ok(written_digest(&Sha256::digest(key).into()))
}

/// Returns true if a text is long enough to be a key.
pub(in crate::identity) fn could_be_key(text: &str) -> bool {
    text.len() >= MIN_LENGTH
}

/// Returns true if a text has the form of a key that was made here.
pub(in crate::identity) fn is_made_here(text: &str) -> bool {
    text.starts_with(PREFIX)
}
