//! Changed files, noticed while the program runs: policies, schema, routes, and entities that are
//! held in memory.
//!
//! Only the contents of the files count; they are read again and again. Notices of the file system
//! only make that happen sooner. So it does not matter how a file is changed: in place, by rename,
//! or by the swap of a symlink as Kubernetes does it. All files are one set: it is taken whole or
//! not at all, and not before it has come to rest.

mod change;
mod entities;
mod notices;
mod state;
mod taken;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use peppol_authz_engine::behind_questions;
use peppol_authz_engine::policy::{MaxLevel, SourceError, Sources, Stamp, Warnings};

use entities::EntitiesReader;
use notices::notices;
use state::FileState;

pub use change::{Change, TakenParts};
pub use entities::WatchedEntities;
pub use state::report_left_out;
pub use taken::TakenFiles;

/// How long files may go on changing before that is reported, beside the time to settle.
const UNREST: Duration = Duration::from_secs(10);

/// Longer than any program runs.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The files that are watched, and how.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The policy directory; without one, the shipped policies, which do not change.
    pub policies: Option<PathBuf>,
    /// The schema file; without one, the shipped schema.
    pub schema: Option<PathBuf>,
    /// The route table; without one, the shipped table if it fits.
    pub routes: Option<PathBuf>,
    /// The file of entities, where the tenancy is one.
    pub entities: Option<WatchedEntities>,
    /// True if policies of a directory need a manifest.
    pub require_manifest: bool,
    /// The fate of a set if Cedar warns of a policy.
    pub warnings: Warnings,
    /// The most references that policies may follow.
    pub max_level: MaxLevel,
    /// The directory of suites that policies have to pass. It changes nothing by itself, but what
    /// was refused is tried again.
    pub suites: Option<PathBuf>,
    /// True if changes are noticed; otherwise the files are read when [`Waker::wake`] says so.
    pub notices: bool,
    /// The interval between reads of the files without a notice.
    pub poll_interval: Duration,
    /// How long the files must be unchanged before they are loaded, as an editor may write a file
    /// in several steps, and a copy of a directory file by file.
    pub settle: Duration,
}

/// Wakes the watch. The watch ends when this is dropped.
#[derive(Debug)]
pub struct Waker(Sender<Wake>);

/// The reason to wake the watch.
#[derive(Clone, Copy, Debug)]
enum Wake {
    Look,
    End,
}

impl Waker {
    /// Makes the watch read the files now.
    pub fn wake(&self) {
        // A watch that has ended reads nothing.
        let _ = self.0.send(Wake::Look);
    }
}

impl Drop for Waker {
    // The notices hold a sender too.
    fn drop(&mut self) {
        let _ = self.0.send(Wake::End);
    }
}

/// Policies, schema and routes that cannot be read at the start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or directory that cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Files that are written without end.
    #[error("{0}")]
    Restless(String),
}

impl Watch {
    /// Reads policies, schema and routes for the first time, once they have come to rest. Files
    /// that were not changed of late are read without a wait.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn read_settled(&self) -> Result<Sources, StartError> {
        let started = Instant::now();
        let mut before: Option<(Stamp, Sources)> = None;
        loop {
            let stamp = self.stamp();
            let sources = self.read()?;
            let is_whole = stamp == self.stamp();
            let now = (stamp, sources);
            if is_whole && (now.0.rests_for(self.settle) || before.as_ref() == Some(&now)) {
                return Ok(now.1);
            }
            if started.elapsed() > UNREST + self.settle {
                return Err(StartError::Restless(self.restless()));
            }
            before = Some(now);
            std::thread::sleep(self.settle);
        }
    }

    /// Starts to watch, on a thread of its own. `taken` is in force now; `changed` is called with
    /// each later state of the files, and tells what of it was taken.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        self,
        taken: TakenFiles,
        changed: impl FnMut(Change) -> TakenParts + Send + 'static,
    ) -> std::io::Result<Waker> {
        let (sender, receiver) = channel();
        let waker = Waker(sender.clone());
        std::thread::Builder::new()
            .name("policy-watch".to_owned())
            .spawn(move || {
                behind_questions();
                let fragments = self.schema.iter().filter(|path| path.is_dir());
                let directories = self.policies.iter().chain(&self.suites).chain(fragments);
                let wake = move || {
                    let _ = sender.send(Wake::Look);
                };
                let _notices = self
                    .notices
                    .then(|| notices(self.files(), directories, wake));
                self.run(&receiver, taken, changed);
            })?;
        Ok(waker)
    }

    fn run(
        &self,
        wakes: &Receiver<Wake>,
        mut taken: TakenFiles,
        mut changed: impl FnMut(Change) -> TakenParts,
    ) {
        let mut reader = EntitiesReader::new(self.entities.clone());
        let mut seen = FileState::of_taken(&taken, self.suites_stamp());
        let mut is_refused = false;
        // Of what was written before the notices began, none will come.
        let mut wait = match self.notices {
            true => Duration::ZERO,
            false => NEVER,
        };
        loop {
            reader.forget();
            match wakes.recv_timeout(wait) {
                Ok(Wake::Look) => reader.doubt(),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.notices {
                wait = self.poll_interval;
            }
            if self.look(&mut reader).is_like(&seen, is_refused) {
                continue;
            }
            let Some(state) = self.settled(wakes, &mut reader) else {
                return;
            };
            if state.is_like(&seen, is_refused) {
                continue;
            }
            state.report_left_out(&seen);
            if !state.decides_like(&seen, is_refused) {
                // The watch goes on, whatever a text does to the program.
                let mut judged = |state: &FileState| {
                    let judge = || changed(state.change(&taken, &reader));
                    catch_unwind(AssertUnwindSafe(judge)).ok()
                };
                let parts = judged(&state).or_else(|| judged(&state.failed()));
                let parts = parts.unwrap_or_else(|| changed(Change::failed()));
                is_refused = !parts.is_all();
                state.is_taken(&mut taken, parts);
            }
            seen = state;
        }
    }

    /// The state of the files once it does not change any more; `None` if the watch is to end.
    fn settled(&self, wakes: &Receiver<Wake>, reader: &mut EntitiesReader) -> Option<FileState> {
        let started = Instant::now();
        let mut before = self.look(reader);
        loop {
            self.pause(wakes)?;
            let now = self.look(reader);
            if now.is_whole() && now == before {
                return Some(now);
            }
            if started.elapsed() > UNREST + self.settle {
                return Some(now.restless(&before, self.restless()));
            }
            before = now;
        }
    }

    /// Waits for the time to settle; `None` if the watch is to end.
    fn pause(&self, wakes: &Receiver<Wake>) -> Option<()> {
        let end = Instant::now() + self.settle;
        loop {
            match wakes.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Wake::Look) => {}
                Err(RecvTimeoutError::Timeout) => return Some(()),
                Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn look(&self, reader: &mut EntitiesReader) -> FileState {
        let stamp = self.stamp();
        let sources = self.read();
        let entities = reader.read();
        let is_whole = stamp == self.stamp();
        FileState::new(
            sources.map_err(|error| error.to_string()),
            entities,
            self.suites_stamp(),
            is_whole.then_some(stamp),
        )
    }

    fn read(&self) -> Result<Sources, SourceError> {
        let sources = Sources::read(
            self.policies.as_deref(),
            self.schema.as_deref(),
            self.routes.as_deref(),
        )?;
        let sources = sources.with_warnings(self.warnings);
        let sources = sources.with_max_level(self.max_level);
        Ok(sources.with_manifest_needed(self.require_manifest))
    }

    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let entities = self.entities.iter().map(|watched| &watched.path);
        self.schema.iter().chain(&self.routes).chain(entities)
    }

    fn stamp(&self) -> Stamp {
        let mut stamp = Stamp::default();
        if let Some(policies) = &self.policies {
            stamp.add_policies(policies);
        }
        // A schema may be a directory of fragments.
        self.files().for_each(|file| stamp.add_tree(file));
        stamp
    }

    fn suites_stamp(&self) -> Stamp {
        let mut stamp = Stamp::default();
        if let Some(suites) = &self.suites {
            stamp.add_tree(suites);
        }
        stamp
    }

    fn restless(&self) -> String {
        let files = self.policies.iter().chain(self.files());
        let files: Vec<_> = files.map(|path| format!("`{}`", path.display())).collect();
        format!(
            "{}: the files are being written without end",
            files.join(", ")
        )
    }
}
