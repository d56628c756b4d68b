//! Reading a file of entities, which may be large, no more often than it may have changed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use peppol_authz_engine::file::read_file;
use peppol_authz_engine::policy::Stamp;
use peppol_authz_engine::store::EntitiesFile;

/// Two writes within the resolution of a file system's clock leave one stamp. So a stamp is
/// believed only once it is older than that.
const CLOCK_RESOLUTION: Duration = Duration::from_secs(2);

/// How long a stamp is believed: a write through a map of the file into memory may leave it as it is.
const BELIEVED: Duration = Duration::from_secs(60);

/// The digest of the entities, or why they cannot be read; `None` where there is no such file.
pub(super) type EntitiesState = Option<Result<String, String>>;

#[derive(Debug)]
pub(super) struct EntitiesReader {
    path: Option<PathBuf>,
    /// The digest of the last reading, with the stamp of the file if it can be believed.
    last: Option<(Option<Stamp>, String)>,
    /// When that was.
    read: Instant,
    /// The text of it, while it may be wanted.
    text: Option<Vec<u8>>,
}

impl EntitiesReader {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            last: None,
            read: Instant::now(),
            text: None,
        }
    }

    pub(super) fn read(&mut self) -> EntitiesState {
        let path = self.path.as_ref()?;
        let mut stamp = Stamp::default();
        stamp.add_file(path);
        if let Some((Some(before), digest)) = &self.last
            && *before == stamp
            && self.read.elapsed() < BELIEVED
        {
            return Some(Ok(digest.clone()));
        }
        let rests = stamp.rests_for(CLOCK_RESOLUTION);
        match read_file(path, u64::MAX) {
            Ok(text) => {
                let digest = EntitiesFile::digest_of(&text);
                self.read = Instant::now();
                self.last = Some((rests.then_some(stamp), digest.clone()));
                self.text = Some(text);
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
        let path = self.path.as_deref().unwrap_or(Path::new(""));
        let opened = match &self.text {
            Some(text) => EntitiesFile::read(path, text),
            None => EntitiesFile::open(path),
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
