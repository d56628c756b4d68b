//! The file that entities were read from: is it still as it was read?

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;

use crate::file::{FileStamp, Length, SeenFile};
use crate::moment::Moment;
use crate::store::StoreError;

/// A file, and the text that was read from it.
#[derive(Debug)]
pub(super) struct Origin {
    path: PathBuf,
    longest: Length,
    /// The text that is in force.
    text: Arc<[u8]>,
    state: Mutex<OriginState>,
    /// Held while the file is read. Of those who wait, the next reads for all.
    turn: Turn<()>,
}

#[derive(Debug)]
struct OriginState {
    /// The file as it was when it last had the text.
    seen: SeenFile,
    /// When it is known to have had the text.
    at: Moment,
    /// The last reading: when it began, and if the text was the same.
    read: Option<(Moment, Result<bool, StoreError>)>,
}

impl Origin {
    pub(super) fn new(path: PathBuf, longest: Length, text: Arc<[u8]>, seen: SeenFile) -> Self {
        let at = seen.read_at();
        Self {
            path,
            longest,
            text,
            state: Mutex::new(OriginState {
                seen,
                at,
                read: None,
            }),
            turn: Turn::default(),
        }
    }

    /// How long ago the file is known to have had the text, without reading it.
    pub(super) fn age(&self) -> Duration {
        let now = Moment::now();
        let mut state = self.state();
        if state.seen.is_unchanged(&self.path) {
            state.at = now;
        }
        now.since(state.at)
    }

    /// Reads the file: true if it has the text.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) async fn has_its_text(self: &Arc<Self>) -> Result<bool, StoreError> {
        let asked = Moment::now();
        let _turn = self.turn.lock().await;
        let read = self.state().read.clone();
        if let Some((_, result)) = read.filter(|(begun, _)| !asked.is_after(*begun)) {
            return result;
        }
        let own = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || own.read());
        read.await
            .map_err(|_| StoreError::Unavailable("the reading was broken off".to_owned()))?
    }

    fn read(&self) -> Result<bool, StoreError> {
        let begun = Moment::now();
        let result = self.compared();
        self.state().read = Some((begun, result.clone()));
        result
    }

    fn compared(&self) -> Result<bool, StoreError> {
        let length = self.text.len() as u64;
        if FileStamp::at(&self.path).is_some_and(|found| found.length() != length) {
            return Ok(false);
        }
        let (text, seen) = SeenFile::read(&self.path, self.longest).map_err(|error| {
            StoreError::Unavailable(format!("`{}`: {error}", self.path.display()))
        })?;
        let is_same = *text == *self.text;
        if is_same {
            let mut state = self.state();
            state.at = seen.read_at();
            state.seen = seen;
        }
        Ok(is_same)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, OriginState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
