//! One file's text.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::directory::is_json;
use super::scan::{Language, scan};
use crate::file::read_text;
use crate::text::with_plain_lines;

/// One file's text.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The name for messages: the path as given, or the name inside the binary.
    pub name: String,
    /// The file that it was read from; `None` for a text that is inside the binary.
    pub path: Option<PathBuf>,
    /// The contents, without a byte order mark. Where all lines end as on Windows, they end as on Unix here.
    pub text: String,
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

    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(path: &Path) -> Result<Arc<Self>, SourceError> {
        let text = read_text(path).map_err(|cause| SourceError {
            path: path.to_owned(),
            cause,
        })?;
        Ok(Arc::new(Self {
            name: path.display().to_string(),
            path: Some(path.to_owned()),
            text: with_plain_lines(text),
        }))
    }

    /// The place of a file that was not read.
    pub(super) fn unread(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            path: None,
            text: String::new(),
        })
    }

    /// A text inside the binary.
    pub(super) fn shipped(name: String, text: &str) -> Arc<Self> {
        Arc::new(Self {
            name,
            path: None,
            text: text.to_owned(),
        })
    }

    /// The text in parts of whole policies: each ends with the line on which its last policy ends,
    /// and is hardly longer than `length` bytes, unless a policy is.
    #[must_use]
    pub fn parts(&self, length: usize) -> Vec<&str> {
        let statements = scan(&self.text, Language::Policy).statements;
        let (mut parts, mut start) = (Vec::new(), 0);
        let ends = statements.iter().map(|statement| statement.end);
        let last = statements.last().map(|statement| statement.end);
        for end in ends.filter(|end| Some(*end) != last) {
            let rest = self.text.get(end..).unwrap_or_default();
            let line = rest.find('\n').map_or(rest.len(), |at| at + 1);
            let is_bare = rest.get(..line).is_some_and(|line| line.trim().is_empty());
            if is_bare && end - start >= length {
                parts.extend(self.text.get(start..end + line));
                start = end + line;
            }
        }
        parts.extend(self.text.get(start..));
        parts
    }

    /// Returns true if the text can be given to Cedar's parser of policies: it holds at least
    /// one statement and is not nested too deep. A deeper text would end the process.
    #[must_use]
    pub fn holds_policies(&self) -> bool {
        let scanned = scan(&self.text, Language::Policy);
        !is_json(&self.text) && scanned.too_deep.is_none() && !scanned.statements.is_empty()
    }
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
