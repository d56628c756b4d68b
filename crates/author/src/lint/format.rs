//! The formatter's layout of policy files.

use std::borrow::Cow;
use std::sync::Arc;

use peppol_authz_engine::file::read_text;
use peppol_authz_engine::policy::{
    Fault, Severity, SourceError, SourceFile, Sources, on_large_stack,
};

/// The length of the parts that a file is formatted in, in bytes. The formatter takes time that grows
/// with the square of the length of its text.
const PART: usize = 16 << 10;

/// The length of the longest policy that is formatted, in bytes.
const LONGEST: usize = 64 << 10;

/// Writes every file as the formatter does. Returns the names of those that
/// changed.
///
/// # Errors
/// A file that cannot be written.
pub fn fix_format(sources: &Sources) -> Result<Vec<String>, SourceError> {
    let mut written = Vec::new();
    for file in &sources.policies {
        let formatted = on_large_stack(|| formatted(file)).flatten();
        let formatted = formatted.filter(|text| *text != lines(&file.text));
        if let (Some(path), Some(text)) = (&file.path, formatted) {
            let failed = |cause| SourceError {
                path: path.clone(),
                cause,
            };
            // The ends of its lines are not what it is formatted for.
            let written_before = read_text(path).map_err(failed)?;
            let text = match written_before.contains("\r\n") {
                true => text.replace('\n', "\r\n"),
                false => text,
            };
            std::fs::write(path, text).map_err(failed)?;
            written.push(file.name.clone());
        }
    }
    Ok(written)
}

/// The formatter's text of a file; `None` where it cannot read it.
fn formatted(file: &SourceFile) -> Option<String> {
    // The formatter drops a comment that stands without a policy, and knows no JSON.
    if !file.holds_policies() {
        return None;
    }
    let config = cedar_policy_formatter::Config {
        line_width: 80,
        indent_width: 2,
    };
    let mut text = String::with_capacity(file.text.len());
    for part in file.parts(PART) {
        if part.len() > LONGEST {
            return None;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text += &cedar_policy_formatter::policies_str_to_pretty(&lines(part), &config).ok()?;
    }
    Some(text)
}

/// A text with lines that end as the formatter writes them.
fn lines(text: &str) -> Cow<'_, str> {
    match text.contains("\r\n") {
        true => Cow::Owned(text.replace("\r\n", "\n")),
        false => Cow::Borrowed(text),
    }
}

/// The note on a file with a policy that is too long to be formatted.
fn too_long(file: &Arc<SourceFile>) -> Option<Fault> {
    if !file.holds_policies() {
        return None;
    }
    let mut parts = file.parts(PART).into_iter();
    parts.find(|part| part.len() > LONGEST)?;
    let text = format!("it is not formatted: a policy in it has more than {LONGEST} bytes");
    Some(Fault::new(file, Severity::Note, text))
}

/// A fault at the first line that the formatter would write otherwise.
pub(super) fn unformatted(file: &Arc<SourceFile>) -> Option<Fault> {
    let Some(formatted) = formatted(file) else {
        return too_long(file);
    };
    if formatted == lines(&file.text) {
        return None;
    }
    let same = file
        .text
        .lines()
        .zip(formatted.lines())
        .take_while(|(a, b)| a == b)
        .count();
    let start: usize = file
        .text
        .split_inclusive('\n')
        .take(same)
        .map(str::len)
        .sum();
    let len = file
        .text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .map_or(0, str::len);
    Some(
        Fault::new(
            file,
            Severity::Format,
            "the formatter writes this otherwise",
        )
        .at(start.min(file.text.len()), len)
        .advise("`check --fix` formats the file"),
    )
}
