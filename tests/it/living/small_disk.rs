//! A disk of a few megabytes, that can be full.
//!
//! A test runs once more by itself, where a small file system is mounted that nobody else sees. Root may
//! mount; elsewhere a namespace of its own is asked for, or `sudo` that wants no password.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the directory to the test that runs on it.
const DISK: &str = "LIVING_DISK";

/// In megabytes.
const SIZE: usize = 24;

const APART: [&[&str]; 3] = [
    &["unshare", "--mount"],
    &["unshare", "--map-root-user", "--mount"],
    &["sudo", "-n", "--preserve-env", "unshare", "--mount"],
];

/// A directory with a file system of its own.
pub(super) struct SmallDisk {
    directory: PathBuf,
}

impl SmallDisk {
    /// Runs the test of that name on a small disk. It is this one, which comes here once more.
    pub(super) fn run(test: &str, body: impl FnOnce(&Self)) {
        if let Some(directory) = std::env::var_os(DISK) {
            return body(&Self {
                directory: directory.into(),
            });
        }
        let place = tempfile::tempdir().unwrap();
        let command = |apart: &[&str], rest: &str| {
            let mounted = format!("mount -t tmpfs -o size={SIZE}m small \"${DISK}\" && {rest}");
            let mut command = Command::new(apart[0]);
            command
                .args(&apart[1..])
                .args(["sh", "-c", &mounted, "sh"])
                .env(DISK, place.path());
            command
        };
        let can = |apart: &&&[&str]| {
            let tried = command(apart, "true").output();
            tried.is_ok_and(|output| output.status.success())
        };
        let apart = APART.iter().find(can);
        let apart = apart.expect("this user may mount nothing, not even in a namespace of its own");
        let output = command(apart, "exec \"$@\"")
            .arg(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{test} is no test: {said}");
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes until there is room for nothing.
    pub(super) fn fill(&self) {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true);
        let mut file = file.open(self.path("ballast")).unwrap();
        let mut piece = 1 << 16;
        while piece > 0 {
            match file.write(&vec![0; piece]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => piece /= 2,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Makes room again.
    pub(super) fn clear(&self) {
        std::fs::remove_file(self.path("ballast")).unwrap();
    }
}
