//! The settings of `serve`, each with its meaning and its range.
//!
//! Flags win over `PEPPOL_AUTHZ_…` variables, variables over the TOML file, the file over the
//! defaults. The defaults are the values in `config.default.toml`, which is a part of the program
//! and the documentation for operators; they stand nowhere else. [`Config::load`] reads and checks
//! all settings before anything starts, so that the rest of the program never meets a value that it
//! cannot use.
//!
//! Each section is a file below this one: its struct, and the check of its ranges.

use std::path::PathBuf;

use peppol_authz_engine::policy::{MaxLevel, Warnings};
use serde::{Deserialize, Serialize};

mod address;
mod admin;
mod api_keys;
mod base_url;
mod callers;
mod collector_url;
mod console;
mod decision_log;
mod duration;
mod exposure;
mod fault;
mod flags;
mod gateway;
mod in_force;
mod introspection;
mod jwt;
mod limits;
mod list;
mod load;
mod log;
mod otlp;
mod policies;
mod range;
mod resource;
mod server;
mod server_url;
mod share;
mod store;
mod surfaces;
mod syslog;
mod tls;

pub use address::{AddressError, Listen, Source, Url};
pub use admin::Admin;
pub use api_keys::{ApiKey, ApiKeyFile, ApiKeys, KeyDigest, check_keys, written_digest};
pub use base_url::{BaseUrl, BaseUrlError, is_host};
pub use callers::{CallerAdmission, CallersSettings};
pub use collector_url::CollectorUrl;
pub use console::ConsoleSettings;
pub use decision_log::{DecisionLogSettings, LogTarget, LogTargetError, Personal, WhenFull};
pub use fault::{ConfigError, Fault};
pub use flags::Flags;
pub use gateway::{
    CertificateName, CertificateNameError, DenialBody, DenialError, GatewayCertificate,
    GatewayEndpoint, GatewayFamily, GatewayHeader, GatewaySettings, Network, NetworkError, Piece,
    Placeholder, Shape, TargetForm,
};
pub use in_force::SettingInForce;
pub use introspection::Introspection;
pub use jwt::{Algorithm, AlgorithmError, Constant, Jwks, JwksError, Jwt, JwtIssuer, Principal};
pub use limits::LimitsSettings;
pub use log::{Log, LogDecisions, LogFormat, LogRequests};
pub use otlp::{OtlpProtocol, OtlpSettings};
pub use policies::{Reload, ShadowSettings};
pub use resource::{ResourceAttributes, ResourceError, pairs};
pub use server::{MIN_WORKER_STACK_BYTES, Server};
pub use server_url::{ServerUrl, ServerUrlError};
pub use share::{Share, ShareError};
pub use store::{CacheSettings, EntitiesSettings, FreshnessSettings, StoreSettings};
pub use surfaces::{
    AuthzenSettings, CerbosSettings, Explain, ExplainersSettings, PlanDialect, PlanSettings,
    Reveal, Search,
};
pub use syslog::{SyslogFacility, SyslogServer, host_of};
pub use tls::{ClientCertificateUse, Tls};

/// The settings of `serve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address that questions are answered on.
    pub listen: Listen,
    /// The source of the entities.
    pub tenancy: Source,
    /// A directory of policies, in place of the shipped ones.
    pub policies: Option<PathBuf>,
    /// A Cedar schema, in place of the shipped one.
    pub schema: Option<PathBuf>,
    /// The fate of a set of policies that Cedar warns of.
    pub policy_warnings: Warnings,
    /// The most references that a policy may follow from the entities of a question.
    pub policy_level: MaxLevel,
    /// A route table for gateways, in place of the shipped one. The shipped table is used with the
    /// shipped schema only.
    pub routes: Option<PathBuf>,
    /// A directory of migrations, views and documents of the store beside the shipped ones.
    pub additions: Option<PathBuf>,
    /// Tenancy documents that are read into the store before the program is ready.
    #[serde(deserialize_with = "list::deserialize")]
    pub import: Vec<PathBuf>,
    /// TLS of the listeners.
    pub tls: Tls,
    /// The callers that are let in.
    pub callers: CallersSettings,
    /// The listener of administration.
    pub admin: Admin,
    /// The console.
    pub console: ConsoleSettings,
    /// Threads, connections and timeouts of the HTTP server.
    pub server: Server,
    /// The limits of one request.
    pub limits: LimitsSettings,
    /// Searches.
    pub search: Search,
    /// Plans for the databases of services.
    pub plan: PlanSettings,
    /// The callers that may have decisions explained.
    pub explain: Explain,
    /// The AuthZEN surface.
    pub authzen: AuthzenSettings,
    /// Plans for Cerbos's clients.
    pub cerbos: CerbosSettings,
    /// The gateways' endpoints.
    pub gateway: GatewaySettings,
    /// Bearer tokens.
    pub jwt: Jwt,
    /// Opaque tokens.
    pub introspection: Introspection,
    /// Static keys of callers.
    pub api_keys: ApiKeys,
    /// Memory for entities that were loaded before.
    pub cache: CacheSettings,
    /// A file of entities that is the tenancy store.
    pub entities: EntitiesSettings,
    /// The tenancy store.
    pub store: StoreSettings,
    /// The age that a state of the store may have.
    pub freshness: FreshnessSettings,
    /// How changed policies are noticed.
    pub reload: Reload,
    /// A second set of policies that decides everything once more.
    pub shadow: ShadowSettings,
    /// The log of the program.
    pub log: Log,
    /// The settings of telemetry for an OpenTelemetry collector.
    pub otlp: OtlpSettings,
    /// The decision log.
    pub decision_log: DecisionLogSettings,
}

#[cfg(test)]
mod tests;
