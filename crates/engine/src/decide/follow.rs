//! Following the store, so that questions need not look.

use std::time::Duration;

use super::core::Engine;
use crate::slice::Look;
use crate::store::StoreError;

/// How long is waited after a failed look, at first and at most.
const RETRY: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

impl Engine {
    /// Looks at the store whenever it may have changed, and every `poll_interval`
    /// anyway: a hint that is lost costs no more than that. Never ends.
    pub async fn follow(&self, poll_interval: Duration) {
        let mut retry = RETRY[0];
        loop {
            if self.look().await.is_err() {
                tokio::time::sleep(retry).await;
                retry = RETRY[1].min(retry * 2);
            } else {
                retry = RETRY[0];
                let store = self.store();
                let _ = tokio::time::timeout(poll_interval, store.woken()).await;
            }
        }
    }

    /// One look at the store.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn look(&self) -> Result<(), StoreError> {
        let looked = self.try_look().await;
        self.health().looked(&looked);
        looked
    }

    /// True if the store shows, without a query, that what is known of it is not of its newest state:
    /// no question is answered from that without a look.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        let state = self.state();
        let known = state.tenancy.timeline.now();
        let mark = known.and_then(|known| known.mark);
        mark.is_some() && mark != state.tenancy.store.mark()
    }

    async fn try_look(&self) -> Result<(), StoreError> {
        let state = self.state();
        let (store, timeline) = (&*state.tenancy.store, &state.tenancy.timeline);
        let since = timeline.now();
        // Of a store that does not tell what changes, each look would empty the
        // memory; its questions look when what is known is too old for them.
        let fresh = since.is_none();
        let known = since.as_ref().map(|known| &known.revision);
        let (look, snapshot) = Look::at(store, &state.bundle.schema, known).await?;
        timeline.advance(since.as_ref(), &*snapshot, look, fresh);
        if fresh {
            state.tell_unread_links();
        }
        Ok(())
    }
}
