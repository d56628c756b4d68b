//! The keys in force, and looking for newer ones.
//!
//! Looks are made one at a time, each in a task of its own: whoever wants one while one is under way
//! waits for that, and nobody who goes away breaks it off. No lock is held meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::fetch::{KeySource, LookError, TokensError};
use super::keys::KeySet;
use crate::config::Jwt;

/// How long is waited after the first look that fails; then twice that, and so on.
const RETRY: Duration = Duration::from_secs(1);

/// The keys in force.
pub(super) struct Keyring {
    source: KeySource,
    /// What the log calls it.
    name: String,
    refresh: Duration,
    min_refresh: Duration,
    max_stale: Duration,
    held: ArcSwapOption<HeldKeys>,
    failures: AtomicU64,
    looks: Mutex<LookState>,
    /// Whether the look that ended last went well.
    ended: watch::Sender<bool>,
}

/// Keys, and when they were known to be the newest.
struct HeldKeys {
    keys: Arc<KeySet>,
    /// The look began then.
    since: Instant,
    at: SystemTime,
}

#[derive(Default)]
struct LookState {
    is_under_way: bool,
    /// When the last one began.
    begun: Option<Instant>,
}

/// How the looks at the keys went, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeysHealth {
    /// How many keys there are that tokens may be verified by.
    pub keys: usize,
    /// When the last look that went well began.
    pub last_success: Option<SystemTime>,
    /// How many looks failed.
    pub failures: u64,
}

impl Keyring {
    pub(super) fn new(settings: &Jwt) -> Result<Arc<Self>, TokensError> {
        Ok(Arc::new(Self {
            source: KeySource::new(settings)?,
            name: settings
                .jwks
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            refresh: settings.refresh,
            min_refresh: settings.min_refresh,
            max_stale: settings.max_stale,
            held: ArcSwapOption::empty(),
            failures: AtomicU64::new(0),
            looks: Mutex::default(),
            ended: watch::Sender::new(true),
        }))
    }

    /// The keys, where they are not too old.
    pub(super) fn good(&self, now: Instant) -> Option<Arc<KeySet>> {
        let held = self.held.load();
        let held = held.as_ref()?;
        let age = now.saturating_duration_since(held.since);
        (age <= self.max_stale).then(|| Arc::clone(&held.keys))
    }

    pub(super) fn readiness(&self) -> Result<(), String> {
        if self.good(Instant::now()).is_some() {
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
            last_success: held.map(|held| held.at),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    /// Looks again and again, for ever.
    pub(super) async fn follow(self: &Arc<Self>) {
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

    /// Looks because a token wants a key that is not there, unless that was done a moment ago.
    pub(super) async fn look_for_token(self: &Arc<Self>) {
        self.look(Some(self.min_refresh)).await;
    }

    /// Looks, or waits for the look that is under way; whether it went well. `None` where the last
    /// one began less than `apart` ago.
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
                tokio::spawn(Arc::clone(self).look_now());
            }
            // INVARIANT: under the lock, so that the next to end is the one that is waited for.
            self.ended.subscribe()
        };
        // It cannot fail, as the sender is in `self`.
        let _ = ended.changed().await;
        Some(*ended.borrow())
    }

    async fn look_now(self: Arc<Self>) {
        let (since, at) = (Instant::now(), SystemTime::now());
        let this = Arc::clone(&self);
        let read = move || Ok(KeySet::read(&this.source.read()?)?);
        let found = tokio::task::spawn_blocking(read)
            .await
            .unwrap_or(Err(LookError::BrokenOff));
        let is_good = self.take(found, since, at);
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.is_under_way = false;
        self.ended.send_replace(is_good);
    }

    /// Puts keys in force; where there are none, those before stay.
    fn take(&self, found: Result<KeySet, LookError>, since: Instant, at: SystemTime) -> bool {
        let found = match found {
            Ok(found) => found,
            Err(cause) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%cause, jwks = self.name, "the keys of tokens cannot be looked at");
                return false;
            }
        };
        let before = self.held.load();
        let keys = match before.as_ref() {
            Some(before) if before.keys.digest() == found.digest() => Arc::clone(&before.keys),
            _ => {
                tracing::info!(keys = found.len(), jwks = self.name, "new keys of tokens");
                Arc::new(found)
            }
        };
        self.held
            .store(Some(Arc::new(HeldKeys { keys, since, at })));
        true
    }
}
