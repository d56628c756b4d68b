//! Notices of the file system.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

/// Asks the file system for notices. Without them, polling goes on.
pub(super) fn notices<'a>(
    files: impl Iterator<Item = &'a PathBuf>,
    directories: impl Iterator<Item = &'a PathBuf>,
    wake: impl Fn() + Send + 'static,
) -> Option<RecommendedWatcher> {
    let noticed = move |event: notify::Result<notify::Event>| {
        // Reading a file is no change.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            wake();
        }
    };
    let mut watcher = match notify::recommended_watcher(noticed) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "no notices of changed files: they are read at intervals");
            return None;
        }
    };
    // Directories, as a file that is replaced by a rename is another file.
    let parent = |path: &PathBuf| {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
    };
    let directories: BTreeSet<_> = files.map(parent).chain(directories.cloned()).collect();
    for directory in directories {
        if let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive) {
            tracing::warn!(directory = %directory.display(), %error, "no notices of a directory: it is read at intervals");
        }
    }
    Some(watcher)
}
