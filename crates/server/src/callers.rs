//! Callers: who asks, whether it is let in at all, and what it may ask by the policies of callers.
//!
//! A caller is known by its connection (a Unix socket's user, a certificate), by a key, or by a token. What it
//! may ask is decided by Cedar policies of their own, with their own schema, on the same engine as every other
//! question; each answer is kept until the policies change. Any failure is a refusal.

mod aside;
mod asked;
mod caller;
mod connected;
mod last_permit;
mod limits;
mod permit_key;
mod policies;
mod roles;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::config::{CallerAdmission, Config, Reload};
use crate::identity::{
    Accepted, CallerCredentials, CredentialsError, RefusedToken, ShownBy, TokenError,
};
use crate::loads::{LoadedPart, Loads};
use limits::CallerLimits;
use peppol_authz_engine::policy::{Bundle, Fault, SourceError, Sources, Warnings, load};
use peppol_authz_engine::store::StoreError;
use peppol_authz_engine::text::did_you_mean;

pub use asked::{Asked, CallerAction, SeenOfAsked};
pub use caller::{Caller, ListenerName, Proof, Transport};
pub use connected::Connected;
pub use limits::{CallerLimitsUsed, ReachedLimit, Running};
pub use policies::CallerPolicies;

/// All that knows callers, and decides what they may ask.
pub struct Callers {
    admission: CallerAdmission,
    roles_claim: String,
    credentials: CallerCredentials,
    limits: CallerLimits,
    policies: ArcSwap<CallerPolicies>,
    files: PolicyFiles,
    is_refused: AtomicBool,
}

/// Where the policies of callers are read again.
struct PolicyFiles {
    directory: Option<PathBuf>,
    warnings: Warnings,
    needs_manifest: bool,
    reload: Reload,
    reread: Notify,
}

/// The texts of policies, or why they cannot be read.
type FoundPolicies = Result<Sources, String>;

/// Why callers cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum CallersError {
    /// Keys or tokens.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The engine takes the policies not.
    #[error("`callers.policies`: {0}")]
    Policies(#[from] StoreError),
}

/// A caller that a request tells of, and what was wrong with its credential.
pub struct Identified {
    /// The caller.
    pub caller: Arc<Caller>,
    /// Why a credential that came with it does not count.
    pub refused: Option<RefusedToken>,
    /// True if a credential that came with it cannot be verified now.
    pub is_unverifiable: bool,
}

// === impl Callers ===

impl Callers {
    /// The policies of the settings, with their schema.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn sources(config: &Config) -> Result<Sources, SourceError> {
        PolicyFiles::of(config).read()
    }

    /// Knows callers by the settings, with policies that are valid.
    ///
    /// # Errors
    /// Keys or tokens that cannot be used.
    pub fn new(config: &Config, bundle: Arc<Bundle>) -> Result<Self, CallersError> {
        let settings = &config.callers;
        Ok(Self {
            admission: settings.admit,
            roles_claim: settings.roles_claim.clone(),
            credentials: CallerCredentials::new(config)?,
            limits: CallerLimits::new(settings.rate, settings.concurrency),
            policies: ArcSwap::from_pointee(CallerPolicies::new(bundle)?),
            files: PolicyFiles::of(config),
            is_refused: AtomicBool::new(false),
        })
    }

    /// Finds out who asks: by what it shows, or else by its connection.
    pub async fn identify(&self, connected: &Connected, shown: Option<&str>) -> Identified {
        let has_expired = connected.caller.has_expired();
        let caller = match has_expired {
            true => Arc::new(connected.caller.without_certificate()),
            false => Arc::clone(&connected.caller),
        };
        let mut found = Identified {
            caller,
            refused: None,
            is_unverifiable: false,
        };
        let Some(shown) = shown.filter(|_| self.credentials.are_set()) else {
            return found;
        };
        // One that is remembered was shown beside the certificate.
        let recalled = || connected.recall(shown, &self.credentials);
        if let Some(caller) = (!has_expired).then(recalled).flatten() {
            found.caller = caller;
            return found;
        }
        match self.credentials.verify(shown).await {
            Ok(Accepted {
                by,
                verified,
                basis,
            }) => {
                let roles =
                    |claim: &str| caller::roles(crate::identity::claim(&verified.claims, claim));
                let name = verified.designation.value.as_str();
                let known = match by {
                    ShownBy::Key => found.caller.with_key(name, roles("roles")),
                    ShownBy::Token => {
                        let issuer = caller::name_in(&verified.claims, "iss").unwrap_or_default();
                        found
                            .caller
                            .with_token(issuer, name, roles(&self.roles_claim))
                    }
                };
                found.caller = Arc::new(known);
                if !has_expired {
                    connected.remember(shown, basis, &found.caller);
                }
            }
            Err(TokenError::Invalid(refused)) => found.refused = Some(refused),
            Err(TokenError::Unavailable(_) | TokenError::NotIntrospected(_)) => {
                found.is_unverifiable = true;
            }
        }
        found
    }

    /// True if a caller is let in at all.
    #[must_use]
    pub fn admits(&self, caller: &Caller) -> bool {
        caller.is_local
            || caller.proof != Proof::Nothing
            || self.admission == CallerAdmission::Anyone
    }

    /// Lets a request of a caller in, within its limits.
    ///
    /// # Errors
    /// The limit that it has reached.
    pub fn enter(&self, caller: &Caller) -> Result<Running, ReachedLimit> {
        self.limits.enter(&caller.id)
    }

    /// The use of the limits of callers.
    #[must_use]
    pub fn limits_used(&self) -> CallerLimitsUsed {
        self.limits.used()
    }

    /// True if the policies of callers permit it.
    #[must_use]
    pub fn permit(&self, caller: &Arc<Caller>, action: CallerAction, asked: Asked) -> bool {
        self.policies.load().permit(caller, action, |_| asked)
    }

    /// The roles of keys that no policy names, each with what is to be said of it. None are told where a policy
    /// does more with roles than to compare them with literals.
    #[must_use]
    pub fn unnamed_roles(&self) -> Vec<String> {
        let Some(named) = roles::named_roles(&self.policies.load().bundle()) else {
            return Vec::new();
        };
        let mut told = Vec::new();
        for key in self.credentials.of_keys() {
            let roles = caller::roles(crate::identity::claim(&key.claims, "roles"));
            for role in roles.iter().filter(|role| !named.contains(*role)) {
                let near = did_you_mean(role, named.iter().map(String::as_str));
                told.push(format!(
                    "no policy of callers names the role `{role}`, which the key `{}` has{near}",
                    key.designation.value
                ));
            }
        }
        told
    }

    /// The policies in force. A request is permitted by one state of them.
    #[must_use]
    pub fn policies(&self) -> Arc<CallerPolicies> {
        self.policies.load_full()
    }

    /// True if the last change of the policies or of the keys was refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed) || self.credentials.is_refused()
    }

    /// Keeps policies and keys fresh, for ever.
    pub async fn follow(&self, loads: &Arc<Loads>) {
        tokio::join!(self.credentials.follow(loads), self.follow_policies(loads));
    }

    /// Has all files read now.
    pub fn reread(&self) {
        self.credentials.reread();
        self.files.reread.notify_one();
    }

    async fn follow_policies(&self, loads: &Loads) {
        if self.files.directory.is_none() {
            return;
        }
        // Those in force were read before.
        let in_force = self.policies.load().revision();
        let mut judged = None;
        let is_judged = |judged: &Option<FoundPolicies>, found: &FoundPolicies| match judged {
            Some(judged) => judged == found,
            None => found
                .as_ref()
                .is_ok_and(|found| *found.digest() == *in_force),
        };
        loop {
            self.files.wait().await;
            let mut found = self.files.look().await;
            if is_judged(&judged, &found) {
                continue;
            }
            // Not before they have come to rest: half of a copy could be whole policies.
            loop {
                tokio::time::sleep(self.files.reload.settle).await;
                let again = self.files.look().await;
                let rests = again == found;
                found = again;
                if rests {
                    break;
                }
            }
            if !is_judged(&judged, &found) {
                self.take(found.clone(), loads).await;
                judged = Some(found);
            }
        }
    }

    /// Puts policies in force, or refuses them as a whole: then those before stay.
    async fn take(&self, found: FoundPolicies, loads: &Loads) {
        let made = tokio::task::spawn_blocking(move || {
            let bundle = load(&found?).map_err(|faults| told(&faults))?;
            CallerPolicies::new(Arc::new(bundle)).map_err(|error| error.to_string())
        });
        let made = made.await.unwrap_or_else(|error| Err(error.to_string()));
        self.is_refused.store(made.is_err(), Ordering::Relaxed);
        match made {
            Ok(policies) => {
                let revision = policies.revision();
                self.policies.store(Arc::new(policies));
                loads.taken(LoadedPart::CallerPolicies, "", &revision);
                tracing::info!(
                    policies = &*revision,
                    "changed policies of callers are in force"
                );
            }
            Err(fault) => {
                let faults = std::slice::from_ref(&fault);
                loads.refused(LoadedPart::CallerPolicies, "", faults);
                tracing::error!(
                    fault,
                    "changed policies of callers are refused; those before stay in force"
                );
            }
        }
    }
}

fn told(faults: &[Fault]) -> String {
    let faults = faults.iter().map(ToString::to_string);
    faults.collect::<Vec<_>>().join("; ")
}

// === impl PolicyFiles ===

impl PolicyFiles {
    fn of(config: &Config) -> Self {
        Self {
            directory: config.callers.policies.clone(),
            warnings: config.policy_warnings,
            needs_manifest: config.reload.require_manifest,
            reload: config.reload.clone(),
            reread: Notify::new(),
        }
    }

    fn read(&self) -> Result<Sources, SourceError> {
        read(
            self.directory.as_deref(),
            self.warnings,
            self.needs_manifest,
        )
    }

    async fn look(&self) -> FoundPolicies {
        let (directory, warnings) = (self.directory.clone(), self.warnings);
        let needs_manifest = self.needs_manifest;
        let read = tokio::task::spawn_blocking(move || {
            let found = read(directory.as_deref(), warnings, needs_manifest);
            found.map_err(|error| error.to_string())
        });
        read.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Waits until it is time for a look.
    async fn wait(&self) {
        let wait = self.reread.notified();
        if self.reload.watch {
            // A timeout is no error: it is time for the next look.
            let _ = tokio::time::timeout(self.reload.poll_interval, wait).await;
        } else {
            wait.await;
        }
    }
}

fn read(
    directory: Option<&Path>,
    warnings: Warnings,
    needs_manifest: bool,
) -> Result<Sources, SourceError> {
    let sources = Sources::of_callers(directory)?.with_warnings(warnings);
    Ok(sources.with_manifest_needed(needs_manifest))
}
