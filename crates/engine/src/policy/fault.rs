//! A fault in a policy, a schema or the list of rules, with its place.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, SourceCode};

use super::source_file::SourceFile;
use crate::text::{causes, counted};

/// Faults that are told of one set; more of them say no more.
const MOST: usize = 100;

/// The length of a message, in bytes. Cedar names whole types and lists.
const LONGEST_MESSAGE: usize = 4096;

/// The length of a place, in bytes. All of its lines are shown.
const LONGEST_PLACE: usize = 1024;

/// The length of the lines that are shown of a place, in bytes.
const LONGEST_LINES: usize = 16 << 10;

/// The severity of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is wrong; a reader should know.
    Note,
    /// Something is of no use, and may be a slip. No set is refused for it.
    Warning,
    /// The text differs from how the formatter writes it.
    Format,
    /// A convention of the policies is broken.
    Lint,
    /// It cannot be used.
    Invalid,
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The file that it is in.
    pub file: Arc<SourceFile>,
    /// Byte offsets into the file, each with a text for that place.
    pub labels: Vec<LabeledSpan>,
    /// Its severity.
    pub severity: Severity,
    /// The problem.
    pub message: String,
    /// Advice.
    pub help: Option<String>,
}

impl Fault {
    /// A fault of a whole file.
    pub fn new(file: &Arc<SourceFile>, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            file: Arc::clone(file),
            labels: Vec::new(),
            severity,
            message: shortened(message.into()),
            help: None,
        }
    }

    /// The same, at a place in the file.
    #[must_use]
    pub fn at(mut self, start: usize, len: usize) -> Self {
        let len = len.min(LONGEST_PLACE);
        self.labels.push(LabeledSpan::new(None, start, len));
        self
    }

    /// The same, with advice.
    #[must_use]
    pub fn advise(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A diagnostic of Cedar's, which brings its own place and advice.
    pub fn from_diagnostic(file: &Arc<SourceFile>, diagnostic: &dyn Diagnostic) -> Self {
        Self {
            file: Arc::clone(file),
            labels: diagnostic.labels().into_iter().flatten().collect(),
            severity: Severity::Invalid,
            message: shortened(causes(diagnostic)),
            help: diagnostic.help().map(|help| shortened(help.to_string())),
        }
    }

    /// A fault of a text that is no TOML of the form that is wanted.
    pub(super) fn of_toml(file: &Arc<SourceFile>, error: &toml::de::Error) -> Self {
        let fault = Self::new(file, Severity::Invalid, error.message());
        match error.span() {
            Some(span) => fault.at(span.start, span.len()),
            None => fault,
        }
    }

    /// Puts faults into the order in which a reader of the files meets them.
    pub fn sort(faults: &mut [Self]) {
        faults.sort_by_cached_key(|fault| {
            (
                fault.file.name.clone(),
                fault.labels.first().map_or(0, LabeledSpan::offset),
                fault.message.clone(),
            )
        });
    }

    /// Sorts the faults of a set, and of very many keeps the first. To show all would take longer
    /// than to find them.
    #[must_use]
    pub fn first_of(mut faults: Vec<Self>) -> Vec<Self> {
        Self::sort(&mut faults);
        let rest = faults.get(MOST..).unwrap_or_default();
        let severity = rest.iter().map(|fault| fault.severity).max();
        let file = rest.first().map(|first| Arc::clone(&first.file));
        if let (Some(severity), Some(file)) = (severity, file) {
            let text = format!("and {}", counted(rest.len(), "more fault", "more faults"));
            faults.truncate(MOST);
            faults.push(Self::new(&file, severity, text));
        }
        faults
    }

    /// Where it is, in bytes.
    pub(super) fn span(&self) -> (usize, usize) {
        let first = self.labels.first();
        first.map_or((0, 0), |label| (label.offset(), label.len()))
    }

    /// True if the lines that it is in are too long to be shown.
    #[must_use]
    pub fn has_long_lines(&self) -> bool {
        let (start, len) = self.span();
        let text = &self.file.text;
        let before = text.get(..start).unwrap_or_default();
        let after = text.get(start + len..).unwrap_or_default();
        // Miette shows a line more at either end.
        let before: usize = before.rsplit('\n').take(2).map(str::len).sum();
        let after: usize = after.split('\n').take(2).map(str::len).sum();
        before + len + after > LONGEST_LINES
    }

    /// Line and column, from 1, where it starts; the first line for a fault of
    /// the whole file.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        self.file
            .place(self.labels.first().map_or(0, LabeledSpan::offset))
    }

    /// Line and column, from 1, behind its end.
    #[must_use]
    pub fn end_place(&self) -> (usize, usize) {
        self.file.place(
            self.labels
                .first()
                .map_or(0, |label| label.offset() + label.len()),
        )
    }
}

/// The beginning of a text that is too long.
fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_MESSAGE {
        text.truncate(text.floor_char_boundary(LONGEST_MESSAGE));
        text.push('…');
    }
    text
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Invalid | Severity::Lint => miette::Severity::Error,
            Severity::Format | Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.file)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
