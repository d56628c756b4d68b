//! Connections: the URL, TLS, the pool.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::PostgresOptions;
use super::password::add_password;
use crate::roots::root_certificates;
use peppol_authz_engine::store::StoreError;
use peppol_authz_engine::text::causes;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
}

type TlsStream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

impl Connector {
    /// Over a network the server needs a trusted certificate, unless the URL says
    /// `sslmode=disable`. `prefer`, the default of PostgreSQL's own clients, protects from
    /// nobody and is read as `require`.
    pub(super) fn new(url: &str, options: &PostgresOptions) -> Result<Self, StoreError> {
        let url = url.replace("sslmode=verify-full", "sslmode=require");
        let mut config: Config = url.parse().map_err(|error| unreadable(&url, &error))?;
        add_password(&mut config)?;
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(if is_local(&config) {
                SslMode::Disable
            } else {
                SslMode::Require
            });
        }
        if config.get_application_name().is_none() {
            config.application_name("peppol-authz");
        }
        config
            .connect_timeout(options.timeout)
            .tcp_user_timeout(options.timeout)
            .keepalives_idle(options.timeout.max(std::time::Duration::from_secs(1)));
        let tls = tls(options.ca_certificate.as_deref())?;
        Ok(Self { config, tls })
    }

    pub(super) fn pool(&self, options: &PostgresOptions) -> Result<Pool, StoreError> {
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), recycling);
        Pool::builder(manager)
            .max_size(options.readers)
            .runtime(Runtime::Tokio1)
            .timeouts(deadpool_postgres::Timeouts {
                wait: Some(options.timeout),
                create: Some(options.timeout),
                recycle: Some(options.timeout),
            })
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// A connection beside the pool.
    pub(super) async fn connect(
        &self,
    ) -> Result<(Client, Connection<Socket, TlsStream>), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }
}

/// Why a URL cannot be read. It may hold a password, and so may the words of the error where it is
/// not certain where the password ends.
fn unreadable(url: &str, error: &tokio_postgres::Error) -> StoreError {
    let (_, rest) = url.split_once("//").unwrap_or_default();
    let password_ends = rest
        .split_once(['/', '?', '#'])
        .is_none_or(|(_, after)| !after.contains('@'));
    let text = match password_ends {
        true => {
            let modes = match url.contains("sslmode=") {
                true => "; `sslmode` is `disable`, `require` or `verify-full`",
                false => "",
            };
            format!("the tenancy URL cannot be read: {}{modes}", causes(error))
        }
        false => "the tenancy URL cannot be read: in a user or a password `@` is written `%40`, \
                  `/` `%2F`, `?` `%3F`, `#` `%23`, `:` `%3A` and `%` `%25`"
            .to_owned(),
    };
    StoreError::Unavailable(text)
}

/// Returns true if nothing leaves the machine.
fn is_local(config: &Config) -> bool {
    let loopback =
        |name: &str| name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => loopback(name) || !config.get_hostaddrs().is_empty(),
        Host::Unix(_) => true,
    });
    hosts && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn tls(certificates: Option<&Path>) -> Result<MakeRustlsConnect, StoreError> {
    let certificates = root_certificates(certificates)
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    // All of a file's fit; the system may have some that do not.
    roots.add_parsable_certificates(certificates);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Unavailable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
