//! TLS of the listeners, by rustls and ring: versions 1.2 and 1.3, no renegotiation, no early data.
//!
//! Certificate, key and the authorities of clients are files that are followed. A connection keeps what it
//! began with; the next one begins with what is in force then.

mod certificate;
mod material;
mod protocol;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::{Reload, Tls};
use crate::followed::{FollowedFiles, FoundTexts};
use crate::loads::{LoadedPart, Loads};
use material::TlsMaterial;

pub use certificate::ClientCertificate;
pub(crate) use protocol::{HTTP2, TlsProtocol};

/// A stream after the handshake.
pub(crate) type SecureStream<S> = TlsStream<S>;

/// TLS of one or more listeners, by files that are read again when they change.
pub struct ServerTls {
    settings: Tls,
    material: ArcSwap<TlsMaterial>,
    files: FollowedFiles,
    is_refused: AtomicBool,
    handshakes: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
}

/// Files that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`tls`: {0}")]
pub struct TlsError(String);

/// The state of TLS, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct TlsHealth {
    /// The time until the certificate expires, in seconds; less than 0 if it has.
    pub expires_in: i64,
    /// True if the last change of the files was refused.
    pub is_refused: bool,
    /// The number of handshakes that succeeded.
    pub handshakes: u64,
    /// The number of those that failed.
    pub failed: u64,
    /// The number of those that took too long.
    pub late: u64,
}

// === impl ServerTls ===

impl ServerTls {
    /// Reads the files; `None` where the settings name no certificate.
    ///
    /// # Errors
    /// A file that cannot be read or used.
    pub fn new(settings: &Tls, reload: &Reload) -> Result<Option<Self>, TlsError> {
        let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else {
            return Ok(None);
        };
        let paths: Vec<PathBuf> = [certificate, key]
            .into_iter()
            .chain(&settings.client_ca)
            .chain(&settings.client_crl)
            .cloned()
            .collect();
        let (files, texts) = FollowedFiles::read(paths, reload);
        let material = read(settings, texts)?;
        Ok(Some(Self {
            settings: settings.clone(),
            material: ArcSwap::from_pointee(material),
            files,
            is_refused: AtomicBool::new(false),
            handshakes: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            late: AtomicU64::new(0),
        }))
    }

    /// Reads the files again where they change, for ever, and notes what came of that.
    pub async fn follow(&self, loads: &Loads) {
        self.files.follow(|found| self.take(found, loads)).await;
    }

    /// The file of its certificate.
    fn named(&self) -> String {
        let path = self.settings.certificate.as_ref();
        path.map_or_else(String::new, |path| path.display().to_string())
    }

    /// Makes it look at the files now.
    pub fn reread(&self) {
        self.files.reread();
    }

    /// The state now.
    #[must_use]
    pub fn health(&self) -> TlsHealth {
        let until = self.material.load().until;
        TlsHealth {
            expires_in: until.saturating_sub(now()),
            is_refused: self.is_refused.load(Ordering::Relaxed),
            handshakes: self.handshakes.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
        }
    }

    /// Shakes hands, within `patience`. Returns the client's certificate too, if it has shown one.
    ///
    /// # Errors
    /// A handshake that fails or takes too long.
    pub(crate) async fn accept<S>(
        &self,
        stream: S,
        protocol: TlsProtocol,
        patience: Duration,
    ) -> io::Result<(SecureStream<S>, Option<ClientCertificate>)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.material.load().of(protocol));
        let Ok(shaken) = tokio::time::timeout(patience, acceptor.accept(stream)).await else {
            self.late.fetch_add(1, Ordering::Relaxed);
            return Err(io::ErrorKind::TimedOut.into());
        };
        let known = shaken.and_then(|stream| {
            let shown = stream.get_ref().1.peer_certificates();
            let shown = shown.and_then(<[_]>::first).map(ClientCertificate::read);
            let certificate = shown.transpose().map_err(io::Error::other)?;
            Ok((stream, certificate))
        });
        let count = match &known {
            Ok(_) => &self.handshakes,
            Err(_) => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        known
    }

    /// Puts changed files in force, or refuses them together.
    fn take(&self, found: FoundTexts, loads: &Loads) -> bool {
        let material = read(&self.settings, found);
        self.is_refused.store(material.is_err(), Ordering::Relaxed);
        match material {
            Ok(material) => {
                let expires_in = material.until.saturating_sub(now());
                let fingerprint = material.fingerprint.clone();
                self.material.store(Arc::new(material));
                loads.taken(LoadedPart::Certificate, &self.named(), &fingerprint);
                tracing::info!(expires_in, "a changed certificate is in force");
                true
            }
            Err(fault) => {
                loads.refused(LoadedPart::Certificate, &self.named(), &[fault.to_string()]);
                tracing::error!(
                    %fault,
                    "a changed certificate is refused, and the one before stays in force"
                );
                false
            }
        }
    }
}

fn read(settings: &Tls, texts: FoundTexts) -> Result<TlsMaterial, TlsError> {
    texts
        .and_then(|texts| TlsMaterial::read(settings, &texts, now()))
        .map_err(TlsError)
}

/// The time by the clock, in seconds of the Unix epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// Without the key.
impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}
