//! Files that are read again when they change, and taken whole or not at all.
//!
//! Only contents count, so it does not matter how a file is changed: in place, by rename, or by the swap
//! of a symlink as Kubernetes does it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::config::Reload;
use peppol_authz_engine::file::{Length, read_file};
use peppol_authz_engine::text::without_mark;

/// The longest file that is accepted.
const LONGEST: Length = Length {
    bytes: 1 << 20,
    setting: None,
};

/// The state of files: the digest of their texts, or why they cannot be read.
type FilesState = Result<[u8; 32], String>;

/// The texts of files, in their order, or why they cannot be read.
pub(crate) type FoundTexts = Result<Vec<Vec<u8>>, String>;

/// Files that are read again when they change.
pub(crate) struct FollowedFiles {
    paths: Vec<PathBuf>,
    reload: Reload,
    /// The state that was judged last.
    judged: Mutex<FilesState>,
    reread: Notify,
}

// === impl FollowedFiles ===

impl FollowedFiles {
    /// Reads files for the first time; blocks.
    pub(crate) fn read(paths: Vec<PathBuf>, reload: &Reload) -> (Self, FoundTexts) {
        let texts = texts(&paths);
        let files = Self {
            paths,
            reload: reload.clone(),
            judged: Mutex::new(state(&texts)),
            reread: Notify::new(),
        };
        (files, texts)
    }

    /// Calls `take` with each later state that has come to rest, for ever. It returns true if that is in force
    /// then. One that is refused is judged again when it is told to look: the time may have come for it.
    pub(crate) async fn follow(&self, take: impl Fn(FoundTexts) -> bool) {
        if self.paths.is_empty() {
            return;
        }
        let mut is_refused = false;
        loop {
            let wait = self.reread.notified();
            let is_told = if self.reload.watch {
                // A timeout is no error: it is time for the next look.
                let told = tokio::time::timeout(self.reload.poll_interval, wait).await;
                told.is_ok()
            } else {
                wait.await;
                true
            };
            let again = is_told && is_refused;
            let mut found = self.look().await;
            if state(&found) == self.judged() && !again {
                continue;
            }
            // Not before they have come to rest: a part of one could look like a whole.
            loop {
                tokio::time::sleep(self.reload.settle).await;
                let later = self.look().await;
                let rests = state(&later) == state(&found);
                found = later;
                if rests {
                    break;
                }
            }
            let state = state(&found);
            if state != self.judged() || again {
                is_refused = !take(found);
                *self.judged.lock().unwrap_or_else(PoisonError::into_inner) = state;
            }
        }
    }

    /// Makes it look at the files now.
    pub(crate) fn reread(&self) {
        self.reread.notify_one();
    }

    fn judged(&self) -> FilesState {
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.clone()
    }

    async fn look(&self) -> FoundTexts {
        let paths = self.paths.clone();
        let read = tokio::task::spawn_blocking(move || texts(&paths));
        read.await
            .unwrap_or_else(|_| Err("reading it was broken off".to_owned()))
    }
}

fn texts(paths: &[PathBuf]) -> FoundTexts {
    let text = |path: &PathBuf| {
        let read = read_file(path, LONGEST);
        read.map(|text| without_mark(&text).to_vec())
            .map_err(|error| format!("`{}`: {error}", path.display()))
    };
    paths.iter().map(text).collect()
}

fn state(found: &FoundTexts) -> FilesState {
    let texts = found.as_ref().map_err(Clone::clone)?;
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    Ok(hash.finalize().into())
}
