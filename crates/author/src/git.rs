//! Policies and schema as they were at a revision of a git repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use peppol_authz_engine::policy::{PolicyDirectory, SourceFile, Sources};

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
    let names = run(revision, &["ls-tree", "--name-only", "-z"], &directory)?;
    let names = names.split('\0').filter(|name| !name.is_empty());
    let paths = names.map(|name| places.policies.join(name)).collect();
    let read = |path: &Path| file(revision, &commit, path);
    let PolicyDirectory { policies, rules } = PolicyDirectory::of(paths, read)?;
    if policies.is_empty() {
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
    let sources = Sources {
        schema: Arc::clone(schema.as_ref().unwrap_or(&Sources::shipped().schema)),
        policies,
        rules,
        routes: None,
    };
    Ok((sources, schema))
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
        text,
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
