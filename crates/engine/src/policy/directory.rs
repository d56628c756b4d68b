//! The files of a policy directory.
//!
//! INVARIANT: nothing in the directory is passed over in silence. An entry is read, or it is known
//! to be something else, or it is refused, or it is named as left out.

mod entry;
mod json;
mod name;

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::source_file::{SourceError, SourceFile};
use crate::file::LONGEST_TEXT;
use name::{CALLERS, INVARIANTS, NameKind};

use json::JsonKind;

pub use entry::{Entry, EntryKind};
pub(super) use json::{MAX_NESTED, is_json};
pub(super) use name::{MANIFEST, RULES};

/// True if an entry of that name can change the set, or make it be refused.
pub(super) fn counts(path: &Path) -> bool {
    NameKind::of(path).counts()
}

static SHIPPED_POLICIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../policies");

/// The files of a policy directory. Invariants are not among them: see [`invariant_files`].
#[derive(Debug, Default)]
pub struct PolicyDirectory {
    /// The policy files, in the order of their names.
    pub policies: Vec<Arc<SourceFile>>,
    /// The list of rules, if there is one.
    pub rules: Option<Arc<SourceFile>>,
    /// The links of templates, if there are any.
    pub links: Option<Arc<SourceFile>>,
    /// The digests of the files, if they are there.
    pub manifest: Option<Arc<SourceFile>>,
    /// The entries that are not read and not known to be something else.
    pub unread: Vec<UnreadEntry>,
    /// The length of all texts, in bytes.
    read: u64,
}

/// An entry of a policy directory that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadEntry {
    /// The path.
    pub name: String,
    /// The reason.
    pub reason: String,
    /// True if the directory is refused for it: it may be a policy. False if it is left out.
    pub refused: bool,
}

impl PolicyDirectory {
    /// Sorts the entries of a directory, and reads those that belong to the policies. `read` is
    /// called for no other ones. A file that cannot be read is refused.
    pub fn of<E: Display>(
        mut entries: Vec<Entry>,
        read: impl Fn(&Path) -> Result<Arc<SourceFile>, E>,
    ) -> Self {
        entries.sort();
        let mut directory = Self::default();
        for entry in &entries {
            directory.add(entry, &read);
        }
        directory
    }

    fn add<E: Display>(
        &mut self,
        Entry { path, kind }: &Entry,
        read: &impl Fn(&Path) -> Result<Arc<SourceFile>, E>,
    ) {
        let mut unread = |refused: bool, reason: String| {
            self.unread.push(UnreadEntry {
                name: path.display().to_string(),
                reason,
                refused,
            });
        };
        let name = NameKind::of(path);
        match (&name, kind) {
            // An editor's lock or backup, or what Kubernetes keeps beside the files.
            (NameKind::Hidden, _) => unread(false, "its name begins with `.`".to_owned()),
            (NameKind::Misspelt(meant), _) => unread(
                true,
                format!(
                    "is `{meant}` meant? such a name is not read, and a policy in it would not count"
                ),
            ),
            (_, EntryKind::Unusable(reason)) => unread(true, reason.clone()),
            (
                NameKind::Policy
                | NameKind::Json
                | NameKind::Rules
                | NameKind::Links
                | NameKind::Manifest,
                EntryKind::File,
            ) => {
                // No more is read, so that no more is held.
                let fits = self.read <= LONGEST_TEXT.bytes;
                let text = fits.then(|| read(path));
                let length = text.iter().flatten().map(|file| file.text.len() as u64);
                self.read += length.sum::<u64>();
                let Some(text) = text.filter(|_| self.read <= LONGEST_TEXT.bytes) else {
                    let most = LONGEST_TEXT.bytes;
                    let text = format!("with it the directory has more than {most} bytes");
                    return unread(true, text);
                };
                match (text, &name) {
                    (Ok(file), NameKind::Json) => match json::kind_of(&file.text) {
                        Ok(JsonKind::Policies) => self.policies.push(file),
                        Ok(JsonKind::Other) => {
                            self.read -= file.text.len() as u64;
                            unread(false, "it holds no policies in Cedar's JSON".to_owned());
                        }
                        Err(problem) => unread(true, problem),
                    },
                    (Ok(file), NameKind::Policy) => self.policies.push(file),
                    (Ok(file), NameKind::Rules) => self.rules = Some(file),
                    (Ok(file), NameKind::Links) => self.links = Some(file),
                    (Ok(file), _) => self.manifest = Some(file),
                    (Err(error), _) => unread(true, error.to_string()),
                }
            }
            (
                NameKind::Policy | NameKind::Rules | NameKind::Links | NameKind::Manifest,
                EntryKind::Directory(_),
            ) => {
                unread(true, "it is a directory, and no file".to_owned());
            }
            (NameKind::Beside, EntryKind::Directory(_)) => {}
            (_, EntryKind::Directory(Some(policy))) => unread(
                true,
                format!(
                    "it holds `{policy}`; policies are read from the directory itself, and not from those inside it"
                ),
            ),
            (_, EntryKind::Directory(None)) => unread(false, "it is a directory".to_owned()),
            (_, EntryKind::File) => unread(false, "it is no `….cedar`".to_owned()),
        }
    }

    /// Reads a directory, or a single policy file.
    pub(super) fn read(path: &Path) -> Result<Self, SourceError> {
        if path.is_file() {
            return Ok(Self {
                policies: vec![SourceFile::read(path)?],
                ..Self::default()
            });
        }
        let failed = |cause| SourceError {
            path: path.to_owned(),
            cause,
        };
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            entries.push(Entry::at(entry.map_err(failed)?.path(), path));
        }
        Ok(Self::of(entries, |path| {
            SourceFile::read(path).map_err(|error| error.cause)
        }))
    }

    /// The directory inside the binary.
    pub(super) fn shipped() -> Self {
        Self::shipped_in(&SHIPPED_POLICIES)
    }

    /// The policies of callers inside the binary.
    pub(super) fn shipped_of_callers() -> Self {
        let shipped = SHIPPED_POLICIES.get_dir(CALLERS);
        shipped.map(Self::shipped_in).unwrap_or_default()
    }

    fn shipped_in(directory: &Dir<'_>) -> Self {
        let files = directory.files().map(|file| Entry {
            path: file.path().to_owned(),
            kind: EntryKind::File,
        });
        let read = |path: &Path| {
            let file = directory.get_file(path);
            let text = file.and_then(|file| file.contents_utf8());
            let name = format!("policies/{}", path.display());
            let file = SourceFile::shipped(name, text.unwrap_or_default());
            Ok::<_, std::convert::Infallible>(file)
        };
        Self::of(files.collect(), read)
    }
}

/// The invariants that lie beside the policies of a directory, or the shipped ones, in the
/// order of their names. None if the directory has none.
///
/// # Errors
/// A file or directory that cannot be read, or a directory whose policies could not all be read.
pub fn invariant_files(policies: Option<&Path>) -> Result<Vec<Arc<SourceFile>>, SourceError> {
    let Some(policies) = policies else {
        let shipped = SHIPPED_POLICIES.get_dir(INVARIANTS);
        let shipped = shipped.map(PolicyDirectory::shipped_in);
        return Ok(shipped.unwrap_or_default().policies);
    };
    let path = policies.join(INVARIANTS);
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let read = PolicyDirectory::read(&path)?;
    match read.unread.into_iter().find(|entry| entry.refused) {
        Some(entry) => Err(SourceError {
            path: entry.name.into(),
            cause: std::io::Error::other(entry.reason),
        }),
        None => Ok(read.policies),
    }
}
