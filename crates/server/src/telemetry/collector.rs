//! The collector: a connection to it, and messages over it.

mod answer;
mod error;
mod signal;
mod target;

use std::fmt;
use std::sync::Arc;

use crate::config::{OtlpProtocol, OtlpSettings};
use answer::{answered, answered_by_grpc};
use target::{CollectorTarget, Connection};

pub use error::CollectorError;
pub use signal::Signal;

/// A collector that takes messages.
pub struct Collector {
    target: Arc<CollectorTarget>,
    connection: Option<Connection>,
}

impl Collector {
    /// The collector of the settings; `None` where they name none. It is not connected to yet.
    ///
    /// # Errors
    /// Certificates or headers that cannot be used.
    pub fn new(settings: &OtlpSettings) -> Result<Option<Self>, CollectorError> {
        let target = CollectorTarget::new(settings)?;
        Ok(target.map(|target| Self {
            target: Arc::new(target),
            connection: None,
        }))
    }

    /// The same collector, over a connection of its own.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            target: Arc::clone(&self.target),
            connection: None,
        }
    }

    /// Sends a message, and returns how many parts of it the collector has rejected.
    ///
    /// # Errors
    /// A collector that does not take it.
    pub async fn send(&mut self, signal: Signal, message: &[u8]) -> Result<u64, CollectorError> {
        let was_open = self.connection.is_some();
        match self.send_once(signal, message).await {
            // The collector may have closed it meanwhile.
            Err(CollectorError::Connection(_)) if was_open => self.send_once(signal, message).await,
            sent => sent,
        }
    }

    async fn send_once(&mut self, signal: Signal, message: &[u8]) -> Result<u64, CollectorError> {
        let timeout = self.target.timeout;
        let sent = tokio::time::timeout(timeout, self.exchange(signal, message)).await;
        let sent = sent.unwrap_or(Err(CollectorError::Late));
        if sent.is_err() {
            // Nobody knows what is left in it.
            self.connection = None;
        }
        sent
    }

    async fn exchange(&mut self, signal: Signal, message: &[u8]) -> Result<u64, CollectorError> {
        let request = self.target.request(signal, message)?;
        let failed = |error: hyper::Error| CollectorError::Connection(error.to_string());
        let mut connection = match self.connection.take().filter(|known| !known.is_closed()) {
            Some(known) => known,
            None => self.target.connect().await?,
        };
        let answer = match &mut connection {
            Connection::Http(sender) => {
                sender.ready().await.map_err(failed)?;
                sender.send_request(request).await.map_err(failed)?
            }
            Connection::Grpc(sender) => {
                sender.ready().await.map_err(failed)?;
                sender.send_request(request).await.map_err(failed)?
            }
        };
        self.connection = Some(connection);
        match self.target.protocol {
            OtlpProtocol::Http => answered(answer).await,
            OtlpProtocol::Grpc => answered_by_grpc(answer).await,
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.target.authority;
        f.debug_tuple("Collector").field(authority).finish()
    }
}
