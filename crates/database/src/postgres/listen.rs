//! Notifications that something was written. They only wake: one that is lost costs
//! no more than the time until the next look.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::AsyncMessage;

use super::connect::Connector;

/// How long a server may take to begin with.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two tries to listen.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Listener {
    notified: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Listener {
    /// Ready with the next notification. The first call begins to listen.
    pub(super) async fn woken(&self, connector: &Connector) {
        {
            let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
            if task.is_none() {
                let (connector, notified) = (connector.clone(), Arc::clone(&self.notified));
                *task = Some(tokio::spawn(async move {
                    loop {
                        if let Err(error) = listen(&connector, &notified).await {
                            // Looks go on, and say what is wrong.
                            tracing::debug!(%error, "no notifications of the tenancy store");
                        }
                        tokio::time::sleep(RETRY).await;
                    }
                }));
            }
        }
        self.notified.notified().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.as_ref() {
            task.abort();
        }
    }
}

/// Listens until the connection ends. A replica refuses, and is polled.
async fn listen(connector: &Connector, notified: &Notify) -> Result<(), tokio_postgres::Error> {
    let connected = tokio::time::timeout(PATIENCE, connector.connect()).await;
    let Ok(connected) = connected else {
        return Ok(());
    };
    let (client, mut connection) = connected?;
    let listening = client.batch_execute("LISTEN tenancy_change");
    let messages = async {
        while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(_) = message? {
                notified.notify_one();
            }
        }
        Ok(())
    };
    let listening = async {
        listening.await?;
        // Something may have been written before it listened.
        notified.notify_one();
        std::future::pending::<Result<(), tokio_postgres::Error>>().await
    };
    tokio::select! {
        ended = messages => ended,
        failed = listening => failed,
    }
}
