//! The keys in force, and the looks for newer ones.
//!
//! One look is made at a time, in a task of its own. A caller that needs a look while one is under
//! way waits for that one; a caller that goes away does not break it off. No lock is held
//! meanwhile.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::fetch::{KeySource, LookError, TokensError};
use super::keys::{KeySet, KeySetError};
use crate::config::{Jwks, Jwt};
use crate::loads::{LoadedPart, Loads};
use crate::telemetry::{self, Trace};
use peppol_authz_engine::Moment;
use peppol_authz_engine::text::hex;

/// The pause after the first look that fails. Each further failure doubles it.
const RETRY: Duration = Duration::from_secs(1);

/// The number of unused keys of a set that are logged one by one.
const TOLD: usize = 16;

/// The keys in force.
pub(super) struct Keyring {
    source: KeySource,
    /// The name of the source in the log.
    name: String,
    refresh: Duration,
    min_refresh: Duration,
    max_stale: Duration,
    /// True if several issuers share the keys, so that a key without an owner is nobody's.
    is_shared: bool,
    held: ArcSwapOption<HeldKeys>,
    failures: AtomicU64,
    /// The history of loads, once somebody follows the keys.
    loads: OnceLock<Arc<Loads>>,
    /// Why the last document is no set of keys, if it is none.
    refused: Mutex<Option<KeySetError>>,
    looks: Mutex<LookState>,
    /// True if the look that ended last succeeded.
    ended: watch::Sender<bool>,
}

/// Keys, and the time at which they were known to be the newest.
struct HeldKeys {
    keys: Arc<KeySet>,
    /// The beginning of the look.
    since: Moment,
    at: SystemTime,
}

#[derive(Default)]
struct LookState {
    is_under_way: bool,
    /// The beginning of the last look.
    begun: Option<Instant>,
}

/// The results of the looks at the keys, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeysHealth {
    /// The number of keys that tokens may be verified by.
    pub keys: usize,
    /// The number of keys that are not used.
    pub refused: usize,
    /// The beginning of the last look that succeeded.
    pub last_success: Option<SystemTime>,
    /// The number of looks that failed.
    pub failures: u64,
}

impl KeysHealth {
    /// Both together; the older look counts.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            keys: self.keys + other.keys,
            refused: self.refused + other.refused,
            last_success: self.last_success.min(other.last_success),
            failures: self.failures + other.failures,
        }
    }
}

impl Keyring {
    pub(super) fn new(
        jwks: &Jwks,
        ca_certificate: Option<&Path>,
        is_shared: bool,
        settings: &Jwt,
    ) -> Result<Arc<Self>, TokensError> {
        Ok(Arc::new(Self {
            source: KeySource::new(jwks, ca_certificate, settings.timeout)?,
            name: jwks.to_string(),
            is_shared,
            refresh: settings.refresh,
            min_refresh: settings.min_refresh,
            max_stale: settings.max_stale,
            held: ArcSwapOption::empty(),
            failures: AtomicU64::new(0),
            loads: OnceLock::new(),
            refused: Mutex::default(),
            looks: Mutex::default(),
            ended: watch::Sender::new(true),
        }))
    }

    /// The keys; `None` if there are none yet, or if they are too old.
    pub(super) fn good(&self, now: Moment) -> Option<Arc<KeySet>> {
        let held = self.held.load();
        let held = held.as_ref()?;
        let age = now.since(held.since);
        (age <= self.max_stale).then(|| Arc::clone(&held.keys))
    }

    pub(super) fn readiness(&self) -> Result<(), String> {
        if self.good(Moment::now()).is_some() {
            return Ok(());
        }
        Err(match self.held.load().as_ref() {
            None => "no keys of tokens were found yet".to_owned(),
            Some(held) => format!(
                "the keys of tokens could not be looked at for {} s",
                held.since.elapsed().as_secs()
            ),
        })
    }

    pub(super) fn health(&self) -> KeysHealth {
        let held = self.held.load();
        let held = held.as_ref();
        KeysHealth {
            keys: held.map_or(0, |held| held.keys.len()),
            refused: held.map_or(0, |held| held.keys.refused().len()),
            last_success: held.map(|held| held.at),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    /// Looks again and again, for ever.
    pub(super) async fn follow(self: &Arc<Self>, loads: &Arc<Loads>) {
        self.loads.get_or_init(|| Arc::clone(loads));
        let mut retry = RETRY;
        loop {
            let pause = if self.look(None).await == Some(true) {
                retry = RETRY;
                self.refresh
            } else {
                let pause = retry.min(self.min_refresh.max(RETRY)).min(self.refresh);
                retry = retry.saturating_mul(2);
                pause
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Looks because a token names an unknown key, unless the last look was a moment ago.
    pub(super) async fn look_for_token(self: &Arc<Self>) {
        self.look(Some(self.min_refresh)).await;
    }

    /// Looks, or waits for the look that is under way. Returns true if it succeeded; `None` if the
    /// last look began less than `apart` ago.
    async fn look(self: &Arc<Self>, apart: Option<Duration>) -> Option<bool> {
        let mut ended = {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            if !looks.is_under_way {
                let is_recent = |begun: Instant| apart.is_some_and(|apart| begun.elapsed() < apart);
                if looks.begun.is_some_and(is_recent) {
                    return None;
                }
                looks.is_under_way = true;
                looks.begun = Some(Instant::now());
                tokio::spawn(Arc::clone(self).look_now(telemetry::current()));
            }
            // INVARIANT: under the lock, so that the next to end is the one that is waited for.
            self.ended.subscribe()
        };
        // It cannot fail, as the sender is in `self`.
        let _ = ended.changed().await;
        Some(*ended.borrow())
    }

    async fn look_now(self: Arc<Self>, trace: Option<Trace>) {
        let (since, at) = (Moment::now(), SystemTime::now());
        let this = Arc::clone(&self);
        let read = move || Ok(KeySet::read(&this.source.read(trace.as_ref())?)?);
        let found = tokio::task::spawn_blocking(read)
            .await
            .unwrap_or(Err(LookError::BrokenOff));
        let is_good = self.take(found, since, at);
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.is_under_way = false;
        self.ended.send_replace(is_good);
    }

    /// Logs new keys, and those of them that are not used.
    fn tell(&self, found: &KeySet) {
        let (keys, unused) = (found.len(), found.refused().len());
        let jwks = &self.name;
        tracing::info!(keys, unused, jwks, "new keys of tokens");
        for refused in found.refused().iter().take(TOLD) {
            let kid = refused.kid.as_deref().unwrap_or_default();
            let kid: String = kid.chars().take(128).collect();
            tracing::info!(
                ?kid,
                jwks,
                reason = refused.reason,
                "a key of tokens is not used"
            );
        }
        let unowned = found.unowned();
        if self.is_shared && unowned > 0 {
            tracing::warn!(
                unowned,
                jwks,
                "keys without an `issuer` verify nothing, as `jwt.issuer` names several: write each \
                 with its keys as `[[jwt.issuers]]`"
            );
        }
    }

    /// Adds new keys to the history.
    fn note_new(&self, found: &KeySet, is_first: bool) {
        let Some(loads) = self.loads.get() else {
            return;
        };
        let (part, revision) = (LoadedPart::TokenKeys, hex(found.digest(), 32));
        match is_first {
            true => loads.begun(part, &self.name, &revision),
            false => loads.taken(part, &self.name, &revision),
        }
    }

    /// Adds a document that is no set of keys to the history, once.
    fn note_refused(&self, fault: KeySetError) {
        let before = {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            refused.replace(fault.clone())
        };
        if let Some(loads) = self.loads.get().filter(|_| before.as_ref() != Some(&fault)) {
            loads.refused(LoadedPart::TokenKeys, &self.name, &[fault.to_string()]);
        }
    }

    /// Puts keys in force. If the look failed, the keys before stay.
    fn take(&self, found: Result<KeySet, LookError>, since: Moment, at: SystemTime) -> bool {
        let found = match found {
            Ok(found) => found,
            Err(cause) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%cause, jwks = self.name, "the keys of tokens cannot be looked at");
                // A server that is away has refused nothing.
                if let LookError::Keys(fault) = cause {
                    self.note_refused(fault);
                }
                return false;
            }
        };
        let before = self.held.load();
        let keys = match before.as_ref() {
            Some(before) if before.keys.digest() == found.digest() => Arc::clone(&before.keys),
            before => {
                self.tell(&found);
                self.note_new(&found, before.is_none());
                Arc::new(found)
            }
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.held
            .store(Some(Arc::new(HeldKeys { keys, since, at })));
        true
    }
}
