//! The texts that a Bundle is made of: read whole, so that what is checked is
//! what is used.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use sha2::{Digest, Sha256};

use crate::text::hex;

static SHIPPED_POLICIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../policies");
static SHIPPED_SCHEMA: &str = include_str!("../../../../schema/peppol.cedarschema");
static SHIPPED_ROUTES: &str = include_str!("../../../../schema/routes.toml");

/// The file in a policy directory that lists rules and codes.
const RULES: &str = "rules.toml";

/// One file's text.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As it is shown: the path as given, or the name inside the binary.
    pub name: String,
    /// Where to write it back; `None` for a text that is inside the binary.
    pub path: Option<PathBuf>,
    /// The contents.
    pub text: String,
}

/// Everything that a Bundle is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The schema.
    pub schema: Arc<SourceFile>,
    /// The policy files, in the order of their names.
    pub policies: Vec<Arc<SourceFile>>,
    /// The list of rules, where the policy directory has one.
    pub rules: Option<Arc<SourceFile>>,
    /// The route table, where there is one.
    pub routes: Option<Arc<SourceFile>>,
}

/// A source that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {cause}", path.display())]
pub struct SourceError {
    /// The file or directory.
    pub path: PathBuf,
    /// Why.
    pub cause: io::Error,
}

impl SourceFile {
    /// Line and column, from 1, of a byte offset.
    #[must_use]
    pub fn place(&self, offset: usize) -> (usize, usize) {
        let before = self
            .text
            .get(..offset.min(self.text.len()))
            .unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |last| last.chars().count())
            + 1;
        (line, column)
    }

    /// The name without directory and ending, which starts its policies' ids.
    #[must_use]
    pub fn stem(&self) -> &str {
        Path::new(&self.name)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
    }

    fn read(path: &Path) -> Result<Arc<Self>, SourceError> {
        let text = fs::read_to_string(path).map_err(|cause| SourceError {
            path: path.to_owned(),
            cause,
        })?;
        Ok(Arc::new(Self {
            name: path.display().to_string(),
            path: Some(path.to_owned()),
            text,
        }))
    }
}

impl Sources {
    /// Reads a policy directory (or a single policy file), a schema file and a route table; what is
    /// not named is the shipped one, inside the binary. The shipped table is for the shipped schema:
    /// where another is named there is none.
    ///
    /// # Errors
    /// A file or directory that cannot be read.
    pub fn read(
        policies: Option<&Path>,
        schema: Option<&Path>,
        routes: Option<&Path>,
    ) -> Result<Self, SourceError> {
        let shipped = Self::shipped();
        let routes = match (routes, schema) {
            (Some(path), _) => Some(SourceFile::read(path)?),
            (None, Some(_)) => None,
            (None, None) => shipped.routes,
        };
        let schema = match schema {
            Some(path) => SourceFile::read(path)?,
            None => shipped.schema,
        };
        let (policies, rules) = match policies {
            Some(path) => read_directory(path)?,
            None => (shipped.policies, shipped.rules),
        };
        Ok(Self {
            schema,
            policies,
            rules,
            routes,
        })
    }

    /// What is inside the binary.
    #[must_use]
    pub fn shipped() -> Self {
        let file = |name: String, text: &str| {
            Arc::new(SourceFile {
                name,
                path: None,
                text: text.to_owned(),
            })
        };
        let mut policies = Vec::new();
        let mut rules = None;
        for found in SHIPPED_POLICIES.files() {
            let name = format!("policies/{}", found.path().display());
            let text = found.contents_utf8().unwrap_or_default();
            if name.ends_with(".cedar") {
                policies.push(file(name, text));
            } else if name.ends_with(RULES) {
                rules = Some(file(name, text));
            }
        }
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            schema: file("schema/peppol.cedarschema".to_owned(), SHIPPED_SCHEMA),
            policies,
            rules,
            routes: Some(file("schema/routes.toml".to_owned(), SHIPPED_ROUTES)),
        }
    }

    /// A digest over names and contents: two Sources with one digest decide
    /// every question alike.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut put = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        for file in std::iter::once(&self.schema)
            .chain(&self.policies)
            .chain(&self.rules)
        {
            // File names count, since they name policies; directories do not,
            // so that the same set has the same revision wherever it lies.
            let name = Path::new(&file.name).file_name().unwrap_or_default();
            put(name.as_encoded_bytes());
            put(file.text.as_bytes());
        }
        if let Some(file) = &self.routes {
            // Whatever its file is called, it is no other file's name.
            put(b"/routes");
            put(file.text.as_bytes());
        }
        hex(&hash.finalize(), 16)
    }
}

/// The directory of a policy directory that holds invariants. They are no policies that
/// decide anything, and no part of a revision.
const INVARIANTS: &str = "invariants";

/// The invariants that lie beside the policies of a directory, or the shipped ones, in the
/// order of their names. None where the directory has none.
///
/// # Errors
/// A file or directory that cannot be read.
pub fn invariant_files(policies: Option<&Path>) -> Result<Vec<Arc<SourceFile>>, SourceError> {
    let Some(policies) = policies else {
        let shipped = SHIPPED_POLICIES.get_dir(INVARIANTS);
        let files = shipped.into_iter().flat_map(Dir::files);
        let mut files: Vec<_> = files.map(|file| shipped_file(file.path(), file)).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        return Ok(files);
    };
    let path = policies.join(INVARIANTS);
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    Ok(read_directory(&path)?.0)
}

fn shipped_file(path: &Path, file: &include_dir::File<'_>) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        name: format!("policies/{}", path.display()),
        path: None,
        text: file.contents_utf8().unwrap_or_default().to_owned(),
    })
}

type Directory = (Vec<Arc<SourceFile>>, Option<Arc<SourceFile>>);

fn read_directory(path: &Path) -> Result<Directory, SourceError> {
    if path.is_file() {
        return Ok((vec![SourceFile::read(path)?], None));
    }
    let failed = |cause| SourceError {
        path: path.to_owned(),
        cause,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        names.push(entry.map_err(failed)?.path());
    }
    names.sort();
    let mut policies = Vec::new();
    let mut rules = None;
    for name in names {
        // An editor's lock or backup, or what Kubernetes keeps beside the files.
        let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        if name.file_name().is_none_or(hidden) {
            continue;
        }
        if is_policy(&name) {
            policies.push(SourceFile::read(&name)?);
        } else if is_rules(&name) {
            rules = Some(SourceFile::read(&name)?);
        }
    }
    Ok((policies, rules))
}

/// Whether a file of a policy directory holds policies.
pub fn is_policy(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "cedar")
}

/// Whether it is the list of rules.
pub fn is_rules(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == RULES)
}

impl SourceCode for SourceFile {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.text.read_span(span, before, after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            inner.data(),
            *inner.span(),
            inner.line(),
            inner.column(),
            inner.line_count(),
        )))
    }
}
