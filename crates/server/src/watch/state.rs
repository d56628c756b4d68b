//! A state of the files that are watched.

use std::collections::BTreeSet;
use std::path::Path;

use peppol_authz_engine::policy::{Bundle, Fault, Sources, Stamp, UnreadEntry, load};

use super::change::{Change, FAILED, TakenParts, describe};
use super::entities::{EntitiesReader, EntitiesState};
use super::taken::TakenFiles;

/// A state of the files: the texts, or why they cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    sources: Result<Sources, String>,
    entities: EntitiesState,
    suites: Stamp,
    /// The stamp before and after the reading; `None` where there were two.
    stamp: Option<Stamp>,
}

impl FileState {
    pub(super) fn new(
        sources: Result<Sources, String>,
        entities: EntitiesState,
        suites: Stamp,
        stamp: Option<Stamp>,
    ) -> Self {
        Self {
            sources,
            entities,
            suites,
            stamp,
        }
    }

    pub(super) fn of_taken(taken: &TakenFiles, suites: Stamp) -> Self {
        let entities = taken.entities.clone().map(Ok);
        Self::new(Ok(taken.sources.clone()), entities, suites, None)
    }

    /// The same, as files that never come to rest. Entities that are the same as in the state
    /// before are at rest, whatever is written beside them.
    pub(super) fn restless(self, before: &Self, fault: String) -> Self {
        let entities = match self.entities == before.entities {
            true => self.entities,
            false => self.entities.map(|_| Err(fault.clone())),
        };
        Self {
            sources: Err(fault),
            entities,
            ..self
        }
    }

    /// The same, with policies at which the program fails.
    pub(super) fn failed(&self) -> Self {
        Self {
            sources: Err(FAILED.to_owned()),
            ..self.clone()
        }
    }

    /// Returns true if nothing was written while it was read.
    pub(super) fn is_whole(&self) -> bool {
        self.stamp.is_some()
    }

    /// Returns true if the files have the same contents. Suites count only for a set that was
    /// refused.
    pub(super) fn is_like(&self, other: &Self, with_suites: bool) -> bool {
        self.sources == other.sources
            && self.entities == other.entities
            && (!with_suites || self.suites == other.suites)
    }

    /// Returns true if the two differ only in entries that are left out.
    pub(super) fn decides_like(&self, other: &Self, with_suites: bool) -> bool {
        let (Ok(own), Ok(others)) = (&self.sources, &other.sources) else {
            return false;
        };
        let refused = |sources: &Sources| -> Vec<UnreadEntry> {
            let refused = sources.unread.iter().filter(|entry| entry.refused);
            refused.cloned().collect()
        };
        let without = |sources: &Sources| Sources {
            unread: refused(sources),
            ..sources.clone()
        };
        let (sources, entities) = (Ok(without(own)), self.entities.clone());
        let (suites, stamp) = (self.suites.clone(), None);
        Self::new(sources, entities, suites, stamp).is_like(
            &Self {
                sources: Ok(without(others)),
                ..other.clone()
            },
            with_suites,
        )
    }

    /// Names the entries that are left out now and were not left out before.
    pub(super) fn report_left_out(&self, before: &Self) {
        let left_out = |state: &Self| -> BTreeSet<String> {
            let sources = state.sources.iter();
            let notes = sources.flat_map(Sources::left_out);
            notes.map(|note| note.file.name.clone()).collect()
        };
        let before = left_out(before);
        if let Ok(sources) = &self.sources {
            let new = sources.left_out();
            report(new.filter(|note| !before.contains(&note.file.name)));
        }
    }

    /// The change that leads from what is in force to this state.
    pub(super) fn change(&self, taken: &TakenFiles, reader: &EntitiesReader) -> Change {
        let are_same = match &self.entities {
            None => true,
            Some(Ok(digest)) => taken.entities.as_ref() == Some(digest),
            Some(Err(_)) => false,
        };
        let entities = self.entities.as_ref().filter(|_| !are_same);
        let entities = entities.map(|read| {
            let digest = read.as_ref().map_err(String::clone)?;
            reader.parsed(digest)
        });
        Change {
            policies: self.policies(taken, are_same),
            entities,
        }
    }

    fn policies(&self, taken: &TakenFiles, always: bool) -> Option<Result<Bundle, Vec<String>>> {
        let sources = match &self.sources {
            Ok(sources) => sources,
            Err(fault) => return Some(Err(vec![fault.clone()])),
        };
        if !always && *sources == taken.sources {
            return None;
        }
        let loaded = load(sources).map_err(|faults| faults.iter().map(describe).collect());
        let lost = sources.lacks(&taken.sources);
        Some(loaded.and_then(|bundle| match lost.is_empty() {
            true => Ok(bundle),
            false => Err(lost),
        }))
    }

    /// Notes the parts of this state that are in force now.
    pub(super) fn is_taken(&self, taken: &mut TakenFiles, parts: TakenParts) {
        if let Ok(sources) = &self.sources
            && parts.policies
        {
            taken.sources = sources.clone();
        }
        if let Some(Ok(digest)) = &self.entities
            && parts.entities
        {
            taken.entities = Some(digest.clone());
        }
    }
}

/// Names the entries of the policy directory that are left out, in the log.
pub fn report_left_out(sources: &Sources) {
    report(sources.left_out());
}

fn report(notes: impl Iterator<Item = Fault>) {
    for note in notes {
        let entry = &*note.file.name;
        let name = Path::new(entry).file_name().unwrap_or_default();
        // Files that Kubernetes or an editor keeps beside the others are no wonder.
        if name.as_encoded_bytes().starts_with(b".") {
            tracing::info!(entry, "not read: {note}");
        } else {
            tracing::warn!(entry, "not read: {note}");
        }
    }
}
