//! Files that somebody changes without an end.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::over::Over;

/// Points a name to another directory at once, as Kubernetes does for a ConfigMap.
pub(super) fn swap(link: &Path, to: &Path) {
    let next = link.with_extension("next");
    let _ = std::fs::remove_file(&next);
    symlink(to, &next).unwrap();
    std::fs::rename(&next, link).unwrap();
}

/// Points a name to one directory and then to the other, until it is over.
pub(super) fn swap_on(over: &Over, link: &Path, directories: &[PathBuf; 2], pause: Duration) {
    for directory in directories.iter().cycle() {
        if over.is() {
            return;
        }
        swap(link, directory);
        std::thread::sleep(pause);
    }
}
