//! Policies and schema as they were at a revision of a git repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use peppol_authz_engine::policy::{Entry, EntryKind, PolicyDirectory, SourceFile, Sources};
use peppol_authz_engine::text::{MARK, with_plain_lines};

/// The places of policies and schema, in the working directory and in its repository.
#[derive(Clone, Debug)]
pub struct SourcePlaces<'a> {
    /// The directory of policies.
    pub policies: &'a Path,
    /// The schema.
    pub schema: &'a Path,
}

/// The errors of reading sources from git.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git, or it cannot be run.
    #[error("`git` cannot be run: {0}")]
    NotRun(#[from] std::io::Error),
    /// Git refuses the revision.
    #[error("`{revision}` is no directory, and git says: {text}")]
    Refused {
        /// The revision as it was named.
        revision: String,
        /// Git's own message.
        text: String,
    },
    /// A file is not text.
    #[error("`{0}` is not UTF-8")]
    NotText(String),
    /// The revision has no policies there.
    #[error("`{}` has no policies in revision `{revision}`", path.display())]
    Empty {
        /// The revision as it was named.
        revision: String,
        /// The directory that was read.
        path: PathBuf,
    },
}

/// Reads policies and schema of a revision, which git resolves: a branch, a tag, `HEAD~1`.
/// `None` stands for a schema that the revision does not have.
///
/// # Errors
/// See [`GitError`].
pub fn sources_at(
    revision: &str,
    places: &SourcePlaces<'_>,
) -> Result<(Sources, Option<Arc<SourceFile>>), GitError> {
    // So git never takes the revision for an option.
    let commit = run(
        revision,
        &["rev-parse", "--verify", "--end-of-options"],
        &format!("{revision}^{{commit}}"),
    )?;
    let commit = commit.trim().to_owned();
    let directory = format!("{commit}:./{}", places.policies.display());
    let listed = run(revision, &["ls-tree", "-r", "-z"], &directory)?;
    let entries = entries(&listed, places.policies);
    let read = |path: &Path| file(revision, &commit, path);
    let directory = PolicyDirectory::of(entries, read);
    if directory.policies.is_empty() && directory.unread.iter().all(|entry| !entry.refused) {
        return Err(GitError::Empty {
            revision: revision.to_owned(),
            path: places.policies.to_owned(),
        });
    }
    // A revision without a schema is no error; a schema that cannot be read is one.
    let listed = ["ls-tree", "--name-only", "-z", &commit, "--"];
    let listed = run(revision, &listed, &format!("./{}", places.schema.display()))?;
    let schema = match listed.is_empty() {
        true => None,
        false => Some(file(revision, &commit, places.schema)?),
    };
    let used = Arc::clone(schema.as_ref().unwrap_or(&Sources::shipped().schema));
    Ok((Sources::of_directory(used, directory), schema))
}

/// The entries of a policy directory, out of all files in it and in those inside it, as
/// `ls-tree -r -z` lists them: mode, kind and digest, a tab, the path.
fn entries(listed: &str, policies: &Path) -> Vec<Entry> {
    let mut entries: BTreeMap<&str, EntryKind> = BTreeMap::new();
    for line in listed.split('\0') {
        let Some((attributes, path)) = line.split_once('\t') else {
            continue;
        };
        match path.split_once('/') {
            Some((directory, inside)) => {
                let name = inside.rsplit('/').next().unwrap_or(inside);
                let hidden = inside.split('/').any(|part| part.starts_with('.'));
                let is_policy = name.to_lowercase().ends_with(".cedar") && !hidden;
                let found = is_policy.then(|| name.to_owned());
                let entry = entries.entry(directory);
                let kind = entry.or_insert(EntryKind::Directory(None));
                if let (EntryKind::Directory(None), Some(_)) = (&kind, &found) {
                    *kind = EntryKind::Directory(found);
                }
            }
            None if attributes.starts_with("100") => {
                entries.insert(path, EntryKind::File);
            }
            None => {
                let reason = "it is a link or a module, and no file".to_owned();
                entries.insert(path, EntryKind::Unusable(reason));
            }
        }
    }
    let entry = |(name, kind)| Entry {
        path: policies.join(name),
        kind,
    };
    entries.into_iter().map(entry).collect()
}

fn file(revision: &str, commit: &str, path: &Path) -> Result<Arc<SourceFile>, GitError> {
    let text = run(
        revision,
        &["cat-file", "blob"],
        &format!("{commit}:./{}", path.display()),
    )?;
    Ok(Arc::new(SourceFile {
        name: format!("{revision}:{}", path.display()),
        path: None,
        text: with_plain_lines(text.strip_prefix(MARK).unwrap_or(&text).to_owned()),
    }))
}

fn run(revision: &str, command: &[&str], object: &str) -> Result<String, GitError> {
    let output = Command::new("git")
        .args(command)
        .arg(object)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Err(GitError::Refused {
            revision: revision.to_owned(),
            text: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    String::from_utf8(output.stdout).map_err(|_| GitError::NotText(object.to_owned()))
}
