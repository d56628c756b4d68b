//! The files of a policy directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::source_file::{SourceError, SourceFile};

static SHIPPED_POLICIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../policies");

/// The file in a policy directory that lists rules and codes.
const RULES: &str = "rules.toml";

/// The directory in a policy directory that holds invariants. They decide nothing and are no
/// part of a revision.
const INVARIANTS: &str = "invariants";

/// The files of a policy directory. Invariants are not among them: see [`invariant_files`].
#[derive(Debug, Default)]
pub struct PolicyDirectory {
    /// The policy files, in the order of their names.
    pub policies: Vec<Arc<SourceFile>>,
    /// The list of rules, if there is one.
    pub rules: Option<Arc<SourceFile>>,
}

impl PolicyDirectory {
    /// Reads those of some files that belong to a policy directory. `read` is called for no
    /// other ones.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn of<E>(
        mut paths: Vec<PathBuf>,
        read: impl Fn(&Path) -> Result<Arc<SourceFile>, E>,
    ) -> Result<Self, E> {
        paths.sort();
        let mut directory = Self::default();
        for path in &paths {
            if path.extension().is_some_and(|ending| ending == "cedar") {
                directory.policies.push(read(path)?);
            } else if path.file_name().is_some_and(|name| name == RULES) {
                directory.rules = Some(read(path)?);
            }
        }
        Ok(directory)
    }

    /// Reads a directory, or a single policy file.
    pub(super) fn read(path: &Path) -> Result<Self, SourceError> {
        if path.is_file() {
            return Ok(Self {
                policies: vec![SourceFile::read(path)?],
                rules: None,
            });
        }
        let failed = |cause| SourceError {
            path: path.to_owned(),
            cause,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // An editor's lock or backup, or what Kubernetes keeps beside the files.
            let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
            if !path.file_name().is_none_or(hidden) {
                paths.push(path);
            }
        }
        Self::of(paths, SourceFile::read)
    }

    /// The directory inside the binary.
    pub(super) fn shipped() -> Self {
        Self::shipped_in(&SHIPPED_POLICIES)
    }

    fn shipped_in(directory: &Dir<'_>) -> Self {
        let files = directory.files().map(|file| file.path().to_owned());
        let read = |path: &Path| {
            let file = directory.get_file(path);
            let text = file.and_then(|file| file.contents_utf8());
            let name = format!("policies/{}", path.display());
            let file = SourceFile::shipped(name, text.unwrap_or_default());
            Ok::<_, std::convert::Infallible>(file)
        };
        let Ok(found) = Self::of(files.collect(), read);
        found
    }
}

/// The invariants that lie beside the policies of a directory, or the shipped ones, in the
/// order of their names. None if the directory has none.
///
/// # Errors
/// A file or directory that cannot be read.
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
    Ok(PolicyDirectory::read(&path)?.policies)
}
