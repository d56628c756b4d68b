//! Changed policies, noticed while the program runs.
//!
//! Only the contents of the files count; they are read again and again. Notices of the file system
//! only make that happen sooner. So it does not matter how a file is changed: in place, by rename,
//! or by the swap of a symlink as Kubernetes does it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};

use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::policy::Fault;
use peppol_authz_engine::policy::Sources;
use peppol_authz_engine::policy::load;

/// The files that are watched, and how.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The policy directory; without one, the shipped policies, which do not change.
    pub policies: Option<PathBuf>,
    /// The schema file; without one, the shipped schema.
    pub schema: Option<PathBuf>,
    /// The route table; without one, the shipped table if it fits.
    pub routes: Option<PathBuf>,
    /// The interval between reads of the files without a notice.
    pub poll_interval: Duration,
    /// How long the files must be unchanged before they are loaded, as an editor may write a file
    /// in several steps.
    pub settle: Duration,
}

/// The result of a change: valid policies, or faults.
pub type Change = Result<Bundle, Vec<String>>;

/// The state of the files: the digest of their contents, or why they cannot be read; and the texts.
type FileState = (Result<String, String>, Option<Sources>);

/// Wakes the watch. The watch ends when this is dropped.
#[derive(Clone, Debug)]
pub struct Waker(Sender<()>);

impl Waker {
    /// Makes the watch read the files now.
    pub fn wake(&self) {
        // A watch that has ended reads nothing.
        let _ = self.0.send(());
    }
}

impl Watch {
    /// Starts to watch, on a thread of its own. `taken` is in force now; `changed` is called with
    /// the result of each later state of the files.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        self,
        taken: &Sources,
        changed: impl FnMut(Change) + Send + 'static,
    ) -> std::io::Result<Waker> {
        let (sender, receiver) = channel();
        let waker = Waker(sender.clone());
        let seen = Ok(taken.digest());
        std::thread::Builder::new()
            .name("policy-watch".to_owned())
            .spawn(move || {
                let _notices = self.notices(sender);
                self.run(&receiver, seen, changed);
            })?;
        Ok(waker)
    }

    /// Asks the file system for notices. Without them, polling goes on.
    fn notices(&self, sender: Sender<()>) -> Option<notify::RecommendedWatcher> {
        let wake = move |event: notify::Result<notify::Event>| {
            // Reading a file is no change.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = sender.send(());
            }
        };
        let mut watcher = match notify::recommended_watcher(wake) {
            Ok(watcher) => watcher,
            Err(error) => {
                tracing::warn!(%error, "no notices of changed files; they are polled");
                return None;
            }
        };
        // Directories, as a file that is replaced by a rename is another file.
        let parent = |path: &PathBuf| {
            let parent = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            parent.map_or_else(|| PathBuf::from("."), std::path::Path::to_path_buf)
        };
        let files = self.schema.iter().chain(&self.routes).map(parent);
        let directories: BTreeSet<_> = files.chain(self.policies.clone()).collect();
        for directory in directories {
            if let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive) {
                tracing::warn!(directory = %directory.display(), %error, "no notices; it is polled");
            }
        }
        Some(watcher)
    }

    fn run(
        &self,
        wakes: &Receiver<()>,
        mut seen: Result<String, String>,
        mut changed: impl FnMut(Change),
    ) {
        loop {
            match wakes.recv_timeout(self.poll_interval) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.look().0 == seen {
                continue;
            }
            let (state, sources) = self.settled(wakes);
            if state == seen {
                continue;
            }
            changed(match &sources {
                Some(sources) => {
                    load(sources).map_err(|faults| faults.iter().map(describe).collect())
                }
                None => Err(state.clone().err().into_iter().collect()),
            });
            seen = state;
        }
    }

    /// The state of the files once it does not change any more.
    fn settled(&self, wakes: &Receiver<()>) -> FileState {
        let mut before = self.look();
        loop {
            std::thread::sleep(self.settle);
            while wakes.try_recv().is_ok() {}
            let now = self.look();
            if now.0 == before.0 {
                return now;
            }
            before = now;
        }
    }

    fn look(&self) -> FileState {
        let sources = Sources::read(
            self.policies.as_deref(),
            self.schema.as_deref(),
            self.routes.as_deref(),
        );
        match sources {
            Ok(sources) => (Ok(sources.digest()), Some(sources)),
            Err(error) => (Err(error.to_string()), None),
        }
    }
}

/// A fault in one line, for a log.
fn describe(fault: &Fault) -> String {
    let (line, column) = fault.place();
    format!("{}:{line}:{column}: {fault}", fault.file.name)
}
