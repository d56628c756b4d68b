//! The formatter's layout of policy files.

use std::borrow::Cow;
use std::sync::Arc;

use peppol_authz_engine::policy::{
    Fault, Severity, SourceError, SourceFile, Sources, on_large_stack,
};

/// Writes every file as the formatter does. Returns the names of those that
/// changed.
///
/// # Errors
/// A file that cannot be written.
pub fn fix_format(sources: &Sources) -> Result<Vec<String>, SourceError> {
    let mut written = Vec::new();
    for file in &sources.policies {
        let formatted = on_large_stack(|| formatted(file)).flatten();
        let formatted = formatted.filter(|text| *text != lines(file));
        if let (Some(path), Some(text)) = (&file.path, formatted) {
            // The ends of its lines are not what it is formatted for.
            let text = match file.text.contains("\r\n") {
                true => text.replace('\n', "\r\n"),
                false => text,
            };
            std::fs::write(path, text).map_err(|cause| SourceError {
                path: path.clone(),
                cause,
            })?;
            written.push(file.name.clone());
        }
    }
    Ok(written)
}

/// The formatter's text of a file; `None` where it cannot read it.
fn formatted(file: &SourceFile) -> Option<String> {
    // The formatter drops a comment that stands without a policy.
    if !file.holds_policies() {
        return None;
    }
    let config = cedar_policy_formatter::Config {
        line_width: 80,
        indent_width: 2,
    };
    cedar_policy_formatter::policies_str_to_pretty(&lines(file), &config).ok()
}

/// The text with lines that end as the formatter writes them.
fn lines(file: &SourceFile) -> Cow<'_, str> {
    match file.text.contains("\r\n") {
        true => Cow::Owned(file.text.replace("\r\n", "\n")),
        false => Cow::Borrowed(&file.text),
    }
}

/// A fault at the first line that the formatter would write otherwise.
pub(super) fn unformatted(file: &Arc<SourceFile>) -> Option<Fault> {
    let formatted = formatted(file)?;
    if formatted == lines(file) {
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
