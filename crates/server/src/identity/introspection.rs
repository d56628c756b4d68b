//! Opaque tokens: an endpoint says whose they are (RFC 7662), and its answers are remembered for a
//! while.
//!
//! One request is made for a token at a time, in a task of its own: further callers with the token
//! wait for it, and one that goes away does not break it off.

mod endpoint;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, watch};

use super::claims::{self, NeededClaims, Validity};
use super::clock::TokenClock;
use super::principal;
use super::reason::InvalidReason;
use super::refused::RefusedToken;
use super::verified::{TokenError, Unverified, Verified, weight};
use crate::config::{self, Jwt};
use crate::telemetry::{self, Trace};
use endpoint::{Endpoint, EndpointError, Introspected};
use peppol_authz_engine::Moment;
use peppol_authz_engine::schema::{Misfit, Schema};

pub use endpoint::IntrospectionError;

/// The memory for answers, in bytes.
const KEPT: u64 = 16 << 20;

/// The longest time that the answer `"active": false` is remembered: a token may be so new that not
/// every server of its issuer knows it yet.
const INACTIVE: Duration = Duration::from_secs(5);

/// The most tokens that may wait for the endpoint.
const WAITING: usize = 1024;

/// The least interval between two lines of the log that tell of a failure.
const APART: Duration = Duration::from_secs(10);

const UNAVAILABLE: &str = "the introspection endpoint does not answer as it should";

/// Verifies opaque tokens.
pub(super) struct Introspection {
    endpoint: Endpoint,
    needed: NeededClaims,
    principal: Vec<config::Principal>,
    leeway: Duration,
    /// The longest token that is read, in bytes.
    max_bytes: usize,
    max_age: Duration,
    /// How long a request may wait for its turn.
    patience: Duration,
    turns: Semaphore,
    connections: usize,
    /// By the SHA-256 of the token. Bounded by bytes, as clients may choose a part of an answer.
    kept: moka::sync::Cache<[u8; 32], KeptAnswer, foldhash::quality::RandomState>,
    under_way: Mutex<HashMap<[u8; 32], watch::Receiver<Option<Answered>>>>,
    counts: IntrospectionCounts,
    /// When a failure was told last.
    told: Mutex<Option<Instant>>,
}

/// The number of requests to the endpoint.
#[derive(Debug, Default)]
pub(super) struct IntrospectionCounts {
    pub(super) asked: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// The knowledge of a token.
type Judged = Result<(Arc<Verified>, Validity), InvalidReason>;

/// The knowledge of a token; `Err` where there is none.
type Answered = Result<Judged, &'static str>;

/// An answer that is remembered.
#[derive(Clone)]
struct KeptAnswer {
    judged: Judged,
    until: Moment,
    /// The memory that it takes, about, in bytes.
    bytes: u32,
}

// === impl Introspection ===

impl Introspection {
    /// Makes a verifier. The endpoint is not asked yet.
    pub(super) fn new(
        settings: &config::Introspection,
        jwt: &Jwt,
    ) -> Result<Self, IntrospectionError> {
        Ok(Self {
            endpoint: Endpoint::new(settings)?,
            needed: NeededClaims {
                audience: settings.audience.clone(),
                audience_claim: settings.audience_claim.clone(),
                require: settings.require.clone(),
                // RFC 7662 2.2: `exp` is optional, as the endpoint is asked again and again.
                expires: false,
            },
            principal: settings.principal.clone(),
            leeway: jwt.leeway,
            max_bytes: jwt.max_bytes,
            max_age: settings.max_age,
            patience: settings.timeout,
            turns: Semaphore::new(settings.connections),
            connections: settings.connections,
            kept: moka::sync::Cache::builder()
                .max_capacity(KEPT)
                .weigher(|_, kept: &KeptAnswer| kept.bytes)
                .build_with_hasher(foldhash::quality::RandomState::default()),
            under_way: Mutex::default(),
            counts: IntrospectionCounts::default(),
            told: Mutex::default(),
        })
    }

    pub(super) fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        principal::check(&self.principal, schema, "introspection.principal")
    }

    pub(super) fn counts(&self) -> &IntrospectionCounts {
        &self.counts
    }

    /// How many requests there are now, and how many there may be.
    pub(super) fn used(&self) -> (usize, usize) {
        let free = self.turns.available_permits();
        (self.connections.saturating_sub(free), self.connections)
    }

    /// Verifies a token, on a Tokio runtime.
    pub(super) async fn verify(
        self: &Arc<Self>,
        text: &str,
        now: TokenClock,
    ) -> Result<Arc<Verified>, TokenError> {
        let found = self.look_at(text, now).await;
        found.map_err(|cause| cause.of(RefusedToken::because("")))
    }

    async fn look_at(
        self: &Arc<Self>,
        text: &str,
        now: TokenClock,
    ) -> Result<Arc<Verified>, Unverified> {
        if text.len() > self.max_bytes {
            return Err("it is too long".into());
        }
        let digest: [u8; 32] = Sha256::digest(text).into();
        let kept = self.kept.get(&digest);
        let judged = match kept.filter(|kept| !kept.until.left_at(now.moment).is_zero()) {
            Some(kept) => kept.judged,
            None => self
                .answered(text, digest)
                .await
                .map_err(Unverified::NotIntrospected)?,
        };
        let (verified, validity) = judged?;
        validity.holds(now.wall)?;
        Ok(verified)
    }

    /// The answer of the endpoint: to a request of this call, or to one that is under way.
    async fn answered(self: &Arc<Self>, text: &str, digest: [u8; 32]) -> Answered {
        let mut answered = {
            let mut under_way = self.under_way();
            let are_many = under_way.len() >= WAITING;
            match under_way.entry(digest) {
                Entry::Occupied(entry) => entry.get().clone(),
                Entry::Vacant(_) if are_many => {
                    return Err("too many tokens wait for the introspection endpoint");
                }
                Entry::Vacant(entry) => {
                    let (sender, receiver) = watch::channel(None);
                    entry.insert(receiver.clone());
                    let (this, text) = (Arc::clone(self), text.to_owned());
                    let trace = telemetry::current();
                    tokio::spawn(async move {
                        let answered = this.look(text, digest, trace).await;
                        this.under_way().remove(&digest);
                        sender.send_replace(Some(answered));
                    });
                    receiver
                }
            }
        };
        let answered = answered.wait_for(Option::is_some).await;
        match answered.as_deref() {
            Ok(Some(answered)) => answered.clone(),
            // The task has ended early.
            Ok(None) | Err(_) => {
                self.under_way().remove(&digest);
                Err(UNAVAILABLE)
            }
        }
    }

    /// Asks the endpoint, and remembers its answer.
    async fn look(
        self: &Arc<Self>,
        text: String,
        digest: [u8; 32],
        trace: Option<Trace>,
    ) -> Answered {
        let turn = tokio::time::timeout(self.patience, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err("the introspection endpoint is too slow for so many tokens");
        };
        let asked = TokenClock::read();
        self.counts.asked.fetch_add(1, Ordering::Relaxed);
        let this = Arc::clone(self);
        let asks = move || this.endpoint.ask(&text, trace.as_ref());
        let answer = tokio::task::spawn_blocking(asks)
            .await
            .unwrap_or(Err(EndpointError::BrokenOff));
        let (judged, bytes, age) = match answer {
            Ok(Introspected::Active(claims)) => {
                let age = self.max_age.min(remaining(&claims, asked));
                let bytes = weight(&claims);
                (self.judge(claims), bytes, age)
            }
            Ok(Introspected::Inactive) => {
                let reason = "the introspection endpoint says that it is not active";
                (Err(reason), weight(&Map::new()), self.max_age.min(INACTIVE))
            }
            Err(cause) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                self.tell(&cause);
                return Err(UNAVAILABLE);
            }
        };
        // From before the request: an answer may have been long on its way.
        if !age.is_zero() {
            let kept = KeptAnswer {
                judged: judged.clone(),
                until: asked.moment.plus(age),
                bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            };
            self.kept.insert(digest, kept);
        }
        Ok(judged)
    }

    /// Judges the members of an answer that a token is active.
    fn judge(&self, claims: Map<String, Value>) -> Judged {
        check_use(&claims)?;
        let validity = claims::check(&claims, &self.needed, self.leeway)?;
        let designation = principal::designate(&claims, &self.principal)?;
        let verified = Verified {
            claims,
            designation,
        };
        Ok((Arc::new(verified), validity))
    }

    /// Logs a failure, if none was logged a moment ago.
    fn tell(&self, cause: &EndpointError) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|told| told.elapsed() < APART) {
            return;
        }
        *told = Some(Instant::now());
        let endpoint = self.endpoint.url();
        tracing::warn!(%cause, endpoint, "the introspection endpoint cannot be asked");
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<[u8; 32], watch::Receiver<Option<Answered>>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks that the token is one that a bearer may use. Endpoints say of refresh tokens too that they
/// are active.
fn check_use(claims: &Map<String, Value>) -> Result<(), InvalidReason> {
    let text = |name| claims.get(name).map(|found| found.as_str());
    let is_access = |kind: &str| matches!(&*kind.to_ascii_lowercase(), "bearer" | "access_token");
    if !text("token_type").is_none_or(|kind| kind.is_some_and(is_access)) {
        return Err("its `token_type` is none of a bearer's");
    }
    if text("token_use") == Some(Some("refresh_token")) {
        return Err("it is a refresh token");
    }
    Ok(())
}

/// The time until the token expires; for ever, if it does not say.
fn remaining(claims: &Map<String, Value>, now: TokenClock) -> Duration {
    let expires = claims.get("exp").and_then(Value::as_f64);
    let left = expires.map(|expires| (expires - now.wall).max(0.0));
    left.map_or(Duration::MAX, |left| {
        Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX)
    })
}
