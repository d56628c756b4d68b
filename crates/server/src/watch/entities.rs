//! Reading a file of entities, which may be large, no more often than it may have changed.

use std::path::PathBuf;

use peppol_authz_engine::file::SeenFile;
use peppol_authz_engine::store::{EntitiesFile, EntitiesLimits, EntitiesText};

/// The digest of the entities, or why they cannot be read; `None` where there is no such file.
pub(super) type EntitiesState = Option<Result<String, String>>;

/// A file of entities that is watched.
#[derive(Clone, Debug)]
pub struct WatchedEntities {
    /// The file.
    pub path: PathBuf,
    /// Its limits.
    pub limits: EntitiesLimits,
}

#[derive(Debug)]
pub(super) struct EntitiesReader {
    watched: Option<WatchedEntities>,
    /// The file as it was last read, and its digest.
    last: Option<(SeenFile, String)>,
    /// The text of it, while it may be wanted.
    text: Option<Vec<u8>>,
}

impl EntitiesReader {
    pub(super) fn new(watched: Option<WatchedEntities>) -> Self {
        Self {
            watched,
            last: None,
            text: None,
        }
    }

    pub(super) fn read(&mut self) -> EntitiesState {
        let WatchedEntities { path, limits } = self.watched.as_ref()?;
        if let Some((seen, digest)) = &self.last
            && seen.is_unchanged(path)
        {
            return Some(Ok(digest.clone()));
        }
        match EntitiesText::read(path, limits) {
            Ok(read) => {
                let digest = read.digest();
                self.last = Some((read.seen, digest.clone()));
                self.text = Some(read.text);
                Some(Ok(digest))
            }
            Err(error) => {
                self.last = None;
                Some(Err(format!("`{}`: {error}", path.display())))
            }
        }
    }

    /// The entities of that digest, which was read last.
    pub(super) fn parsed(&self, digest: &str) -> Result<EntitiesFile, String> {
        let Some(WatchedEntities { path, limits }) = &self.watched else {
            return Err("there is no file of entities".to_owned());
        };
        let opened = match (&self.text, &self.last) {
            (Some(text), Some((seen, _))) => {
                let read = EntitiesText {
                    text: text.clone(),
                    seen: seen.clone(),
                };
                EntitiesFile::read(path, read, *limits)
            }
            _ => EntitiesFile::open(path, *limits),
        };
        let opened = opened.map_err(|error| error.to_string())?;
        match opened.digest() == digest {
            true => Ok(opened),
            false => Err(format!("`{}`: it is being written", path.display())),
        }
    }

    /// Reads the file the next time, whatever its stamp is.
    pub(super) fn doubt(&mut self) {
        self.last = None;
    }

    /// Gives up the text. It is read again where it is wanted again.
    pub(super) fn forget(&mut self) {
        self.text = None;
    }
}
