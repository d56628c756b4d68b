//! The state of the store, for probes and metrics.

use super::app::App;
use peppol_authz_engine::store::StoreError;

/// The state of the store as a probe is told of it.
pub(super) enum StoreState {
    /// It can be read.
    Read,
    /// It cannot be read, and the state in memory is not too old yet.
    FromMemory,
    /// It cannot be read, and nothing is answered; the cause, as far as everybody may know it.
    Gone(String),
}

/// The state of the store: as the follower of the store knows it or, without a follower, by a look
/// now. A store that shows by itself that something has changed, or is gone, is looked at as well:
/// questions do the same.
pub(super) async fn store_state(app: &App) -> StoreState {
    let engine = &app.engine;
    let freshness = engine.freshness();
    if !freshness.followed || engine.is_overtaken() {
        // The engine's health tells how it went.
        let _ = engine.look().await;
    }
    let state = match engine.health().failing() {
        None => StoreState::Read,
        Some(failing) => {
            let known = engine.timeline().now().filter(|known| {
                freshness.followed
                    && !engine.is_overtaken()
                    && known.looked.elapsed() <= freshness.max_stale
            });
            match known {
                Some(_) => StoreState::FromMemory,
                None => StoreState::Gone(why(&failing.error)),
            }
        }
    };
    app.metrics.store.is_up(matches!(state, StoreState::Read));
    state
}

/// The cause, as far as everybody may know it. The address of the server is left out.
fn why(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(_) | StoreError::Moved(_) => {
            "the tenancy store cannot be read".to_owned()
        }
        StoreError::Misfit(_) | StoreError::Version(_) => error.to_string(),
    }
}
