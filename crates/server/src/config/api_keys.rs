//! Static keys of callers, of which only hashes are known.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::jwt::Principal;
use super::list;
use super::range::SettingFaults;

/// Static keys. Without [`ApiKeys::file`] and [`ApiKeys::key`] none is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeys {
    /// A file with further keys, which is read again when it changes.
    pub file: Option<PathBuf>,
    /// True if a key is also accepted as the password of `Authorization: Basic`.
    pub basic: bool,
    /// The principals that the claims of keys name; the first entry that fits counts.
    pub principal: Vec<Principal>,
    /// Keys.
    #[serde(default)]
    pub key: Vec<ApiKey>,
}

/// A key, or several in place of each other: one caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The name of the entry, which is the user of `Authorization: Basic`.
    pub name: String,
    /// The hashes of its keys.
    #[serde(deserialize_with = "list::deserialize")]
    pub hash: Vec<String>,
    /// The claims of its keys, as a token would have them.
    pub claims: Map<String, Json>,
}

/// A file of keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyFile {
    /// Keys.
    pub key: Vec<ApiKey>,
}

/// The SHA-256 of a key.
pub type KeyDigest = [u8; 32];

/// The prefix of a hash.
const SHA256: &str = "sha256:";

/// The problem of a text that is no hash. The text is not in it, as it may be a key.
const NO_HASH: &str = "`hash` must be `sha256:` and 64 hexadecimal digits, as `peppol-authz key` \
                       prints it; the key itself is nowhere in the settings";

/// The longest name of an entry, in bytes.
const MAX_NAME: usize = 128;

/// The most hashes.
const MAX_HASHES: usize = 10_000;

// === impl ApiKeys ===

impl ApiKeys {
    /// Returns true if there may be keys.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.file.is_some() || !self.key.is_empty()
    }

    pub(super) fn check(&self, faults: &mut SettingFaults) {
        faults.path("api_keys.file", self.file.as_deref());
        if self.basic && !self.is_set() {
            faults.add(
                "api_keys.basic",
                "there are no keys: `api_keys.file` or `api_keys.key`",
            );
        }
        if self.principal.is_empty() {
            faults.add("api_keys.principal", "must not be empty");
        }
        for problem in self.principal.iter().filter_map(Principal::problem) {
            faults.add("api_keys.principal", problem);
        }
        if let Err(problem) = check_keys(&self.key) {
            faults.add("api_keys.key", problem);
        }
    }
}

/// Checks the form of keys, and that no two of them could be mistaken for each other.
///
/// # Errors
/// The first problem, with the name of its entry.
pub fn check_keys<'k>(keys: impl IntoIterator<Item = &'k ApiKey>) -> Result<(), String> {
    let (mut names, mut hashes) = (BTreeSet::new(), BTreeSet::new());
    for key in keys {
        let name = &key.name;
        let is_of_name = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_of_name) {
            // It may be a key in the wrong place.
            return Err(format!(
                "a `name` must be 1 to {MAX_NAME} visible characters of ASCII without `:`"
            ));
        }
        if !names.insert(name) {
            return Err(format!("`{name}` is there twice"));
        }
        let of_key = |problem: &str| format!("`{name}`: {problem}");
        if key.hash.is_empty() {
            return Err(of_key("`hash` must not be empty"));
        }
        for digest in key.digests() {
            let digest = digest.ok_or_else(|| of_key(NO_HASH))?;
            if !hashes.insert(digest) {
                return Err(of_key("a `hash` of it is there twice"));
            }
        }
        if hashes.len() > MAX_HASHES {
            return Err(format!("more than {MAX_HASHES} hashes"));
        }
    }
    Ok(())
}

// === impl ApiKey ===

impl ApiKey {
    /// The digests of its keys; `None` for a text that is no hash.
    pub fn digests(&self) -> impl Iterator<Item = Option<KeyDigest>> {
        self.hash.iter().map(|hash| digest(hash))
    }
}

/// A digest as the settings write it.
#[must_use]
pub fn written_digest(digest: &KeyDigest) -> String {
    let digits = digest.iter().map(|byte| format!("{byte:02x}"));
    format!("{SHA256}{}", digits.collect::<String>())
}

fn digest(text: &str) -> Option<KeyDigest> {
    let digits = text.strip_prefix(SHA256)?.as_bytes();
    let mut digest = KeyDigest::default();
    if digits.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let [high, low] = pair else { return None };
        *byte = u8::try_from(16 * digit(high)? + digit(low)?).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests;
