//! A schema in several files: a directory of fragments, read as one text.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::directory::UnreadEntry;
use super::fault::Fault;
use super::source_file::{SourceError, SourceFile};
use crate::file::LONGEST_TEXT;

/// The ending of a fragment.
const FRAGMENT: &str = "cedarschema";

/// A schema, and the files that it is made of.
#[derive(Debug)]
pub struct SchemaText {
    /// The whole text.
    pub file: Arc<SourceFile>,
    /// The files, each with where it begins; none of a schema that is one file.
    pub fragments: Vec<Fragment>,
    /// The entries of the directory that are not read.
    pub unread: Vec<UnreadEntry>,
}

/// A file of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    start: usize,
    file: Arc<SourceFile>,
}

impl SchemaText {
    /// Reads a schema: a file, or a directory of fragments `….cedarschema`, in the order of their names.
    ///
    /// # Errors
    /// A file that cannot be read, or a directory without fragments.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        if !path.is_dir() {
            return SourceFile::read(path).map(Self::from);
        }
        let failed = |cause| SourceError {
            path: path.to_owned(),
            cause,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.sort();
        let (mut text, mut fragments, mut unread) = (String::new(), Vec::new(), Vec::new());
        for path in paths {
            let mut leave = |refused: bool, reason: &str| {
                unread.push(UnreadEntry {
                    name: path.display().to_string(),
                    reason: reason.to_owned(),
                    refused,
                });
            };
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let lower = name.to_lowercase();
            if name.starts_with('.') {
                leave(false, "its name begins with `.`");
            } else if name.ends_with(&format!(".{FRAGMENT}")) {
                let file = SourceFile::read(&path)?;
                if !text.is_empty() {
                    text.push('\n');
                }
                fragments.push(Fragment {
                    start: text.len(),
                    file: Arc::clone(&file),
                });
                text += &file.text;
                if text.len() as u64 > LONGEST_TEXT.bytes {
                    let most = LONGEST_TEXT.bytes;
                    let text = format!("with it the schema has more than {most} bytes");
                    let cause = std::io::Error::other(text);
                    return Err(SourceError { path, cause });
                }
            } else if lower.contains(FRAGMENT) || lower.ends_with(".json") {
                let text = "fragments of a schema are files `….cedarschema`, in Cedar's own syntax";
                leave(true, text);
            } else {
                leave(false, "it is no `….cedarschema`");
            }
        }
        if fragments.is_empty() {
            let text = "there is no file `….cedarschema` in this directory";
            return Err(failed(std::io::Error::other(text)));
        }
        let file = Arc::new(SourceFile {
            name: path.display().to_string(),
            path: Some(path.to_owned()),
            text,
        });
        Ok(Self {
            file,
            fragments,
            unread,
        })
    }
}

impl From<Arc<SourceFile>> for SchemaText {
    fn from(file: Arc<SourceFile>) -> Self {
        Self {
            file,
            fragments: Vec::new(),
            unread: Vec::new(),
        }
    }
}

/// The same fault, in the fragment that it is in.
pub(super) fn placed(mut fault: Fault, schema: &Arc<SourceFile>, fragments: &[Fragment]) -> Fault {
    if !Arc::ptr_eq(&fault.file, schema) {
        return fault;
    }
    let (start, _) = fault.span();
    let before = fragments.iter().rev();
    let found = before.clone().find(|fragment| fragment.start <= start);
    if let Some(fragment) = found.filter(|_| !fault.labels.is_empty()) {
        let moved = fault.labels.drain(..).map(|label| {
            let text = label.label().map(str::to_owned);
            let start = label.offset().saturating_sub(fragment.start);
            miette::LabeledSpan::new(text, start, label.len())
        });
        fault.labels = moved.collect();
        fault.file = Arc::clone(&fragment.file);
    }
    fault
}
