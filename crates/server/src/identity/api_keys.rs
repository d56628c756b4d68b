//! Static keys of callers.
//!
//! A key that this program makes is 256 random bits, so its SHA-256 says nothing of it: there is
//! nothing to guess, and a slow hash, as passwords need, would only let callers keep the machine busy.
//! A text that a person could have chosen is never accepted, whatever its hash.

mod made;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};

use super::claims::Validity;
use super::clock::TokenClock;
use super::principal;
use super::reason::InvalidReason;
use super::refused::RefusedToken;
use super::verified::Verified;
use crate::config::{self, ApiKey, ApiKeyFile, Reload, check_keys};
use crate::followed::{FollowedFiles, FoundTexts};
use crate::keyed_hash::{HASH_BYTES, KeyedHash};
use crate::loads::{LoadedPart, Loads};
use peppol_authz_engine::schema::{Designation, Misfit, Schema};
use peppol_authz_engine::text::hex;

pub use made::{ApiKeyFormError, MadeApiKey, hash_of_api_key};
pub(super) use made::{could_be_key, is_made_here};

/// Static keys, and the file that some of them are in.
pub(super) struct ApiKeys {
    settings: config::ApiKeys,
    /// The section of the settings.
    section: &'static str,
    keyed: KeyedHash,
    table: ArcSwap<KeyTable>,
    file: FollowedFiles,
    is_refused: AtomicBool,
}

/// The keys in force, by the keyed hash of their SHA-256. The key of the keyed hash is this process's
/// own: how long it takes to find nothing says nothing about a hash that is there.
#[derive(Default)]
struct KeyTable(HashMap<[u8; HASH_BYTES], Arc<KnownCaller>>);

/// The caller that a key is of.
struct KnownCaller {
    name: String,
    verified: Arc<Verified>,
    validity: Validity,
}

/// The keys among which one was found, and its time.
pub(super) struct KeyBasis {
    /// Held weakly: a connection that is silent keeps no old keys.
    table: Weak<KeyTable>,
    validity: Validity,
}

/// Why static keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeysError {
    /// A key of the settings or of the file.
    #[error("`{0}`: {1}")]
    Keys(&'static str, String),
    /// The file cannot be read.
    #[error("`{0}.file`: {1}")]
    File(&'static str, String),
    /// The system has no random numbers.
    #[error("random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

// === impl ApiKeys ===

impl ApiKeys {
    /// Those of a section of the settings.
    pub(super) fn new(
        settings: &config::ApiKeys,
        section: &'static str,
        reload: &Reload,
    ) -> Result<Self, ApiKeysError> {
        let keyed = KeyedHash::random()?;
        let (file, texts) = FollowedFiles::read(settings.file.iter().cloned().collect(), reload);
        let texts = texts.map_err(|fault| ApiKeysError::File(section, fault))?;
        let table = KeyTable::read(settings, section, texts.first(), &keyed)?;
        Ok(Self {
            settings: settings.clone(),
            section,
            keyed,
            table: ArcSwap::from_pointee(table),
            file,
            is_refused: AtomicBool::new(false),
        })
    }

    pub(super) fn takes_basic(&self) -> bool {
        self.settings.basic
    }

    pub(super) fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        principal::check(&self.settings.principal, schema, "api_keys.principal")
    }

    /// What each entry is verified as, by its name.
    pub(super) fn all(&self) -> Vec<Arc<Verified>> {
        let table = self.table.load();
        // An entry has several hashes while its key is changed.
        let all = table.0.values();
        let all: BTreeMap<&str, &Arc<Verified>> =
            all.map(|known| (&*known.name, &known.verified)).collect();
        all.into_values().map(Arc::clone).collect()
    }

    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.table.load().0.len()
    }

    /// Returns true if the last change of the file was refused.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }

    /// The caller of a key; `None` if it is no key.
    pub(super) fn of(
        &self,
        key: &str,
        now: TokenClock,
    ) -> Option<Result<Arc<Verified>, RefusedToken>> {
        let (known, _) = self.known(key)?;
        Some(known.at(now).map_err(|reason| known.refused(reason)))
    }

    /// The same, with what it counts by.
    pub(super) fn of_for(
        &self,
        key: &str,
        now: TokenClock,
    ) -> Option<Result<(Arc<Verified>, KeyBasis), RefusedToken>> {
        let (known, table) = self.known(key)?;
        let basis = |verified| {
            let table = Arc::downgrade(&table);
            let validity = known.validity;
            (verified, KeyBasis { table, validity })
        };
        let verified = known.at(now).map(basis);
        Some(verified.map_err(|reason| known.refused(reason)))
    }

    /// True if the same keys are in force, and the time of the one has not run out.
    pub(super) fn are_in_force(&self, basis: &KeyBasis) -> bool {
        let table = self.table.load();
        // The clock is asked only where there is a time.
        std::ptr::eq(Arc::as_ptr(&table), basis.table.as_ptr())
            && (basis.validity.holds_always()
                || basis.validity.holds(TokenClock::read().wall).is_ok())
    }

    /// The caller of a key that comes with the name of its entry.
    pub(super) fn of_name(
        &self,
        name: &str,
        key: &str,
        now: TokenClock,
    ) -> Result<Arc<Verified>, RefusedToken> {
        let Some((known, _)) = self.known(key) else {
            return Err(RefusedToken::because("it is none of the static keys"));
        };
        if known.name != name {
            return Err(known.refused("it comes with another name than that of its key"));
        }
        known.at(now).map_err(|reason| known.refused(reason))
    }

    /// The caller of a key, and the keys among which it is.
    fn known(&self, key: &str) -> Option<(Arc<KnownCaller>, Arc<KeyTable>)> {
        if !could_be_key(key) {
            return None;
        }
        let hash = self.keyed.hash(&[&Sha256::digest(key)]);
        let table = self.table.load();
        let known = table.0.get(&hash)?;
        Some((Arc::clone(known), Arc::clone(&table)))
    }

    /// Reads the file again where it changes, or is to be read, for ever.
    pub(super) async fn follow(&self, loads: &Loads) {
        self.file.follow(|found| self.take(found, loads)).await;
    }

    /// Makes it look at the file now.
    pub(super) fn reread(&self) {
        self.file.reread();
    }

    /// Puts the keys of the file in force, or refuses them as a whole: then those before stay.
    fn take(&self, found: FoundTexts, loads: &Loads) -> bool {
        let digest = found.as_ref().map(|texts| digest(texts));
        let digest = digest.unwrap_or_default();
        let table = found
            .map_err(|fault| ApiKeysError::File(self.section, fault))
            .and_then(|texts| {
                KeyTable::read(&self.settings, self.section, texts.first(), &self.keyed)
            });
        self.is_refused.store(table.is_err(), Ordering::Relaxed);
        match table {
            Ok(table) => {
                let keys = table.0.len();
                self.table.store(Arc::new(table));
                loads.taken(LoadedPart::Keys, self.section, &digest);
                tracing::info!(keys, "changed static keys are in force");
                true
            }
            Err(fault) => {
                loads.refused(LoadedPart::Keys, self.section, &[fault.to_string()]);
                tracing::error!(
                    %fault,
                    "changed static keys are refused, and those before stay in force"
                );
                false
            }
        }
    }
}

// === impl KeyTable ===

impl KeyTable {
    /// Reads all keys: those of the settings, and those of the file.
    fn read(
        settings: &config::ApiKeys,
        section: &'static str,
        text: Option<&Vec<u8>>,
        keyed: &KeyedHash,
    ) -> Result<Self, ApiKeysError> {
        let file = text
            .map(|text| of_text(text))
            .transpose()
            .map_err(|fault| {
                let path = settings.file.as_deref().unwrap_or(Path::new(""));
                ApiKeysError::File(section, format!("`{}`: {fault}", path.display()))
            })?;
        let of_file = file.iter().flat_map(|file| &file.key);
        let all: Vec<&ApiKey> = settings.key.iter().chain(of_file).collect();
        check_keys(all.iter().copied()).map_err(|fault| ApiKeysError::Keys(section, fault))?;
        let mut table = Self::default();
        for key in all {
            let caller = KnownCaller::new(key, &settings.principal).map_err(|reason| {
                ApiKeysError::Keys(section, format!("`{}`: {reason}", key.name))
            })?;
            let caller = Arc::new(caller);
            for digest in key.digests().flatten() {
                table.0.insert(keyed.hash(&[&digest]), Arc::clone(&caller));
            }
        }
        Ok(table)
    }
}

/// The SHA-256 of the file, in hexadecimal digits. It tells nothing of the keys, of which the file has hashes alone.
fn digest(texts: &[Vec<u8>]) -> String {
    let text = texts.first().map_or(&[][..], Vec::as_slice);
    hex(&Sha256::digest(text), 32)
}

/// Reads the text of a file. A fault names its place and no value of it, which could be a key.
fn of_text(text: &[u8]) -> Result<ApiKeyFile, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(0, |before| before.matches('\n').count()) + 1;
        format!("line {line}: it is not TOML, or not an array `key` of entries with `name`, `hash` and `claims`")
    })
}

// === impl KnownCaller ===

impl KnownCaller {
    fn new(key: &ApiKey, principal: &[config::Principal]) -> Result<Self, InvalidReason> {
        let claims = key.claims.clone();
        Ok(Self {
            name: key.name.clone(),
            // The settings are written by the clock of this machine.
            validity: Validity::read(&claims, Duration::ZERO)?,
            verified: Arc::new(Verified {
                designation: match principal {
                    // The entry names itself.
                    [] => Designation {
                        kind: String::new(),
                        attribute: None,
                        value: key.name.clone(),
                    },
                    entries => principal::designate(&claims, entries)?,
                },
                claims,
            }),
        })
    }

    fn at(&self, now: TokenClock) -> Result<Arc<Verified>, InvalidReason> {
        self.validity.holds(now.wall)?;
        Ok(Arc::clone(&self.verified))
    }

    /// A refusal of a key of this caller.
    fn refused(&self, reason: InvalidReason) -> RefusedToken {
        RefusedToken {
            kid: Some(self.name.clone()),
            ..RefusedToken::because(reason)
        }
    }
}
