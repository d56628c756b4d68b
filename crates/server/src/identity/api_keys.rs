//! Static keys of callers.
//!
//! A key that this program makes is 256 random bits, so its SHA-256 says nothing of it: there is
//! nothing to guess, and a slow hash, as passwords need, would only let callers keep the machine busy.
//! A text that a person could have chosen is never accepted, whatever its hash.

mod made;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::claims::Validity;
use super::clock::TokenClock;
use super::document::{DocumentError, of_file};
use super::principal;
use super::reason::InvalidReason;
use super::refused::RefusedToken;
use super::verified::Verified;
use crate::config::{self, ApiKey, ApiKeyFile, Reload, check_keys};
use crate::keyed_hash::{HASH_BYTES, KeyedHash};
use peppol_authz_engine::schema::{Misfit, Schema};

pub use made::{ApiKeyFormError, MadeApiKey, hash_of_api_key};
pub(super) use made::{could_be_key, is_made_here};

/// Static keys, and the file that some of them are in.
pub(super) struct ApiKeys {
    settings: config::ApiKeys,
    reload: Reload,
    keyed: KeyedHash,
    table: ArcSwap<KeyTable>,
    /// The state of the file that was judged last: its digest, or why there is none.
    judged: Mutex<FileState>,
    is_refused: AtomicBool,
    reread: Notify,
}

/// The state of a file: the digest of its text, or why it cannot be read.
type FileState = Result<[u8; 32], String>;

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

/// Why static keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeysError {
    /// A key of the settings or of the file.
    #[error("`api_keys`: {0}")]
    Keys(String),
    /// The file cannot be read.
    #[error("`api_keys.file`: `{0}`: {1}")]
    File(String, String),
    /// The system has no random numbers.
    #[error("random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

// === impl ApiKeys ===

impl ApiKeys {
    pub(super) fn new(settings: &config::ApiKeys, reload: &Reload) -> Result<Self, ApiKeysError> {
        let keyed = KeyedHash::random()?;
        let text = settings.file.as_deref().map(|path| {
            let text = of_file(path).map_err(|error| error.to_string());
            text.map_err(|fault| ApiKeysError::File(path.display().to_string(), fault))
        });
        let text = text.transpose()?;
        let table = KeyTable::read(settings, text.as_deref(), &keyed)?;
        let digest = Sha256::digest(text.unwrap_or_default());
        Ok(Self {
            settings: settings.clone(),
            reload: reload.clone(),
            keyed,
            table: ArcSwap::from_pointee(table),
            judged: Mutex::new(Ok(digest.into())),
            is_refused: AtomicBool::new(false),
            reread: Notify::new(),
        })
    }

    pub(super) fn takes_basic(&self) -> bool {
        self.settings.basic
    }

    pub(super) fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        principal::check(&self.settings.principal, schema, "api_keys.principal")
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
        let known = self.known(key)?;
        Some(known.at(now).map_err(|reason| known.refused(reason)))
    }

    /// The caller of a key that comes with the name of its entry.
    pub(super) fn of_name(
        &self,
        name: &str,
        key: &str,
        now: TokenClock,
    ) -> Result<Arc<Verified>, RefusedToken> {
        let Some(known) = self.known(key) else {
            return Err(RefusedToken::because("it is none of the static keys"));
        };
        if known.name != name {
            return Err(known.refused("it comes with another name than that of its key"));
        }
        known.at(now).map_err(|reason| known.refused(reason))
    }

    fn known(&self, key: &str) -> Option<Arc<KnownCaller>> {
        if !could_be_key(key) {
            return None;
        }
        let hash = self.keyed.hash(&[&Sha256::digest(key)]);
        self.table.load().0.get(&hash).cloned()
    }

    /// Reads the file again where it changes, or is to be read, for ever.
    pub(super) async fn follow(&self) {
        let Some(path) = self.settings.file.as_deref() else {
            return;
        };
        loop {
            if self.reload.watch {
                // A timeout is no error: it is time for the next look.
                let wait = self.reread.notified();
                let _ = tokio::time::timeout(self.reload.poll_interval, wait).await;
            } else {
                self.reread.notified().await;
            }
            let mut found = look(path).await;
            if found.state() == self.judged() {
                continue;
            }
            // Not before it has come to rest: a part of a file could be whole keys.
            loop {
                tokio::time::sleep(self.reload.settle).await;
                let again = look(path).await;
                let rests = again.state() == found.state();
                found = again;
                if rests {
                    break;
                }
            }
            if found.state() != self.judged() {
                self.take(found);
            }
        }
    }

    /// Makes it look at the file now.
    pub(super) fn reread(&self) {
        self.reread.notify_one();
    }

    fn judged(&self) -> FileState {
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.clone()
    }

    /// Puts the keys of the file in force, or refuses them as a whole: then those before stay.
    fn take(&self, found: FoundFile) {
        let state = found.state();
        let table = match found.0 {
            Ok(text) => KeyTable::read(&self.settings, Some(&text), &self.keyed)
                .map_err(|error| error.to_string()),
            Err(fault) => Err(format!("`api_keys.file`: {fault}")),
        };
        self.is_refused.store(table.is_err(), Ordering::Relaxed);
        match table {
            Ok(table) => {
                let keys = table.0.len();
                self.table.store(Arc::new(table));
                tracing::info!(keys, "took over changed static keys");
            }
            Err(fault) => tracing::error!(
                fault,
                "changed static keys are refused, and those before stay in force"
            ),
        }
        *self.judged.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// A file as it was found.
struct FoundFile(Result<Vec<u8>, String>);

impl FoundFile {
    fn state(&self) -> FileState {
        match &self.0 {
            Ok(text) => Ok(Sha256::digest(text).into()),
            Err(fault) => Err(fault.clone()),
        }
    }
}

async fn look(path: &Path) -> FoundFile {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || of_file(&path));
    FoundFile(match read.await {
        Ok(text) => text.map_err(|error: DocumentError| error.to_string()),
        Err(_) => Err("reading it was broken off".to_owned()),
    })
}

// === impl KeyTable ===

impl KeyTable {
    /// Reads all keys: those of the settings, and those of the file.
    fn read(
        settings: &config::ApiKeys,
        text: Option<&[u8]>,
        keyed: &KeyedHash,
    ) -> Result<Self, ApiKeysError> {
        let file = text.map(of_text).transpose().map_err(|fault| {
            let path = settings.file.as_deref().unwrap_or(Path::new(""));
            ApiKeysError::File(path.display().to_string(), fault)
        })?;
        let of_file = file.iter().flat_map(|file| &file.key);
        let all: Vec<&ApiKey> = settings.key.iter().chain(of_file).collect();
        check_keys(all.iter().copied()).map_err(ApiKeysError::Keys)?;
        let mut table = Self::default();
        for key in all {
            let caller = KnownCaller::new(key, &settings.principal)
                .map_err(|reason| ApiKeysError::Keys(format!("`{}`: {reason}", key.name)))?;
            let caller = Arc::new(caller);
            for digest in key.digests().flatten() {
                table.0.insert(keyed.hash(&[&digest]), Arc::clone(&caller));
            }
        }
        Ok(table)
    }
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
            // Whoever writes the settings writes by the clock of this machine.
            validity: Validity::read(&claims, Duration::ZERO)?,
            verified: Arc::new(Verified {
                designation: principal::designate(&claims, principal)?,
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
