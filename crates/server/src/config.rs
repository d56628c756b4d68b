//! Every setting of `serve`: its meaning, default and range.
//!
//! Flags win over `PEPPOL_AUTHZ_…` variables, variables over the TOML file, the file over the
//! defaults. All of it is read and checked whole, by [`Config::load`], before anything starts: what
//! follows never meets a value it cannot use. `config.default.toml` is the documentation for
//! operators; the tests below hold it to [`Config::default`].

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod address;
mod base_url;
mod decision_log;
mod duration;
mod gateway;
mod jwt;
mod load;
mod paths;
mod range;
mod texts;

pub use address::{AddressError, Listen, Source, Url};
pub use base_url::{BaseUrl, BaseUrlError, is_host};
pub use decision_log::{DecisionLog, LogTarget, LogTargetError, Personal, WhenFull};
pub use gateway::{
    CertificateName, CertificateNameError, DenialBody, DenialError, Gateway, GatewayCertificate,
    GatewayEndpoint, GatewayHeader, Network, NetworkError, Piece, Placeholder, Shape,
};
pub use jwt::{Algorithm, AlgorithmError, Constant, Jwks, JwksError, Jwt, Principal};
pub use load::{ConfigError, Fault, Flags};

/// The smallest stack of a thread that evaluates policies: Cedar's recursion limit depends on it.
pub const MIN_WORKER_STACK_BYTES: usize = peppol_authz_engine::WORKER_STACK_BYTES;

/// The settings of `serve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where questions are answered.
    pub listen: Listen,
    /// Where entities are loaded from.
    pub tenancy: Source,
    /// A directory of policies, in place of the shipped ones.
    pub policies: Option<PathBuf>,
    /// A Cedar schema, in place of the shipped one.
    pub schema: Option<PathBuf>,
    /// A route table for gateways, in place of the shipped one, which is there with the shipped
    /// schema alone.
    pub routes: Option<PathBuf>,
    /// Tenancy documents to read into the store before it is ready.
    #[serde(deserialize_with = "paths::deserialize")]
    pub import: Vec<PathBuf>,
    /// Threads, connections and timeouts of the HTTP server.
    pub server: Server,
    /// What one request may ask for.
    pub limits: Limits,
    /// Searches.
    pub search: Search,
    /// Who may have decisions explained.
    pub explain: Explain,
    /// The AuthZEN surface.
    pub authzen: Authzen,
    /// The gateways' endpoints.
    pub gateway: Gateway,
    /// Bearer tokens.
    pub jwt: Jwt,
    /// Memory for entities that were loaded before.
    pub cache: Cache,
    /// The tenancy store.
    pub store: Store,
    /// How new the state has to be that a question is answered from.
    pub freshness: Freshness,
    /// How changed policies are noticed.
    pub reload: Reload,
    /// A second set of policies that looks on.
    pub shadow: Shadow,
    /// What is logged, and how.
    pub log: Log,
    /// The decision log.
    pub decision_log: DecisionLog,
}

/// Threads, connections and timeouts of the HTTP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Threads that answer questions; 0 is one for each core.
    pub workers: usize,
    /// Stack of each of them, in bytes. Cedar's recursion limit depends on it, so it has a floor of
    /// 8 MiB.
    pub worker_stack_bytes: usize,
    /// Connections that are open at once; more wait in the kernel's queue.
    pub connections: usize,
    /// From the first byte of a request's head (or from connecting) to its last.
    #[serde(with = "duration")]
    pub header_read_timeout: Duration,
    /// From the end of the head to the last byte of the body.
    #[serde(with = "duration")]
    pub body_read_timeout: Duration,
    /// From the end of the head to the answer.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// How long a connection may stay open without a request.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// How long requests may take to finish after the signal to stop; 0 cuts them at once.
    #[serde(with = "duration")]
    pub drain_timeout: Duration,
}

/// What one request may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Length of a request's body, in bytes.
    pub body_bytes: usize,
    /// Questions in one batch.
    pub batch: usize,
    /// Nesting of the JSON of a request.
    pub json_depth: usize,
    /// Entities that the caller may describe in one question.
    pub entities: usize,
    /// Entities in one page of a search.
    pub page: usize,
    /// Candidates that are decided for one page of a search.
    pub candidates: usize,
}

/// Searches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// A file whose contents are the key of the tokens that lead from page to page.
    pub token_key_file: Option<PathBuf>,
}

/// Who may have decisions explained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Explain {
    /// Who they are.
    pub allow: Explainers,
    /// A file whose contents are the key of those who have one.
    pub key_file: Option<PathBuf>,
}

/// Who may have decisions explained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Explainers {
    /// Nobody.
    #[default]
    Nobody,
    /// Whoever may ask.
    All,
    /// Who has the key.
    Key,
}

/// The AuthZEN surface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authzen {
    /// The URL under which callers reach this program; without one, the request's own host.
    pub base_url: Option<BaseUrl>,
    /// How much an answer says beside the decision.
    pub reveal: Reveal,
}

/// How much an AuthZEN answer says beside the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reveal {
    /// The decision alone.
    Nothing,
    /// What the user may be told, codes and obligations.
    User,
    /// Policies, rules and errors too.
    #[default]
    Admin,
}

/// Memory for entities that were loaded before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Whether loaded entities are kept.
    pub enabled: bool,
    /// Memory for them, in bytes.
    pub bytes: u64,
}

/// The tenancy store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Connections that read at once.
    pub readers: usize,
    /// How long a locked database is waited for.
    #[serde(with = "duration")]
    pub busy_timeout: Duration,
    /// How long connecting to a PostgreSQL server, and one query, may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Certificates that vouch for the server, in place of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// Whether `serve` brings the tables of an empty or older database up to date.
    pub migrate: bool,
}

/// How new the state has to be that a question is answered from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Freshness {
    /// How often the store is looked at without a hint; 0 is with every question.
    #[serde(with = "duration")]
    pub poll_interval: Duration,
    /// How old a state may be that is answered from while the store cannot be read.
    #[serde(with = "duration")]
    pub max_stale: Duration,
    /// The same for a store that does not tell what changes, read or not.
    #[serde(with = "duration")]
    pub untold_max_age: Duration,
    /// How long a state that a question demands is waited for.
    #[serde(with = "duration")]
    pub wait: Duration,
}

/// How changed policies are noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reload {
    /// Whether policies and schema are reloaded when their files change.
    pub watch: bool,
    /// How often the files are looked at where the kernel reports no changes.
    #[serde(with = "duration")]
    pub poll_interval: Duration,
    /// How long the files must be quiet before they are read.
    #[serde(with = "duration")]
    pub settle: Duration,
    /// Whether a change that is refused makes the program unready until one succeeds; if not, readiness only shows it.
    pub refused_is_unready: bool,
}

/// A second set of policies, which decides what was decided once more and answers nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shadow {
    /// The directory of its policies; without one nothing looks on.
    pub policies: Option<PathBuf>,
    /// The Cedar schema of these, where it is not that of the first.
    pub schema: Option<PathBuf>,
    /// Decisions that wait to be looked at; what comes when there are as many is dropped.
    pub capacity: usize,
    /// Disagreements of each kind that are logged in full, in a minute.
    pub sample: usize,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Levels by module, in the syntax of `tracing`'s `EnvFilter`.
    pub filter: String,
    /// How a record is written.
    pub format: LogFormat,
}

/// How a record of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen::Tcp(([127, 0, 0, 1], 8180).into()),
            tenancy: Source::Sqlite("tenancy.db".into()),
            policies: None,
            schema: None,
            routes: None,
            import: Vec::new(),
            server: Server::default(),
            limits: Limits::default(),
            search: Search::default(),
            explain: Explain::default(),
            authzen: Authzen::default(),
            gateway: Gateway::default(),
            jwt: Jwt::default(),
            cache: Cache::default(),
            store: Store::default(),
            freshness: Freshness::default(),
            reload: Reload::default(),
            shadow: Shadow::default(),
            log: Log::default(),
            decision_log: DecisionLog::default(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            workers: 0,
            worker_stack_bytes: MIN_WORKER_STACK_BYTES,
            connections: 1024,
            header_read_timeout: Duration::from_secs(5),
            body_read_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            // More than the 60 s after which gateways commonly close a connection themselves: who
            // closes second loses no request.
            idle_timeout: Duration::from_secs(75),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            batch: 1000,
            json_depth: 32,
            entities: 100,
            page: 1000,
            candidates: 10_000,
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            enabled: true,
            bytes: 64 << 20,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            readers: 16,
            busy_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            ca_certificate: None,
            migrate: true,
        }
    }
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(1),
            max_stale: Duration::from_secs(10),
            untold_max_age: Duration::from_secs(1),
            wait: Duration::from_secs(1),
        }
    }
}

impl Default for Reload {
    fn default() -> Self {
        Self {
            watch: true,
            poll_interval: Duration::from_secs(2),
            settle: Duration::from_millis(200),
            refused_is_unready: true,
        }
    }
}

impl Default for Shadow {
    fn default() -> Self {
        Self {
            policies: None,
            schema: None,
            capacity: 1024,
            sample: 1,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

#[cfg(test)]
mod tests;
