//! Reads the schema of a Bundle.

use std::borrow::Cow;
use std::sync::Arc;

use miette::Diagnostic;

use super::warned::may_be_taken;
use crate::policy::fault::{Fault, Severity};
use crate::policy::scan::{Language, scan};
use crate::policy::source_file::SourceFile;
use crate::policy::warnings::{WarningKind, Warnings};
use crate::schema::{Schema, SchemaError, cedar_text};

/// Reads a schema; `None` for one with faults.
pub(super) fn read_schema(
    file: &Arc<SourceFile>,
    warnings: Warnings,
    faults: &mut Vec<Fault>,
) -> Option<Schema> {
    let is_json = file.name.ends_with(".json");
    let language = match is_json {
        true => Language::SchemaJson,
        false => Language::Schema,
    };
    if let Some((place, what)) = scan(&file.text, language).too_deep {
        faults.push(Fault::new(file, Severity::Invalid, format!("too many {what}")).at(place, 1));
        return None;
    }
    let text = match is_json {
        true => cedar_text(&file.text).map(Cow::Owned),
        false => Ok(Cow::Borrowed(&*file.text)),
    };
    if let (true, Ok(text)) = (is_json, &text)
        && let Some((_, what)) = scan(text, Language::Schema).too_deep
    {
        let text = format!("`{}`: too many {what}", file.name);
        faults.push(Fault::new(file, Severity::Invalid, text));
        return None;
    }
    let found = |diagnostic: &dyn Diagnostic| {
        let mut fault = Fault::from_diagnostic(file, diagnostic);
        // Of JSON places are not known.
        if is_json {
            fault.labels.clear();
        }
        fault
    };
    match text.and_then(|text| Schema::parse_warned(&text)) {
        Ok((schema, warned)) => {
            for warning in warned {
                let instead = "call it something else";
                let kind = WarningKind::ShadowedName;
                faults.push(may_be_taken(found(&warning), kind, warnings, instead));
            }
            Some(schema)
        }
        Err(SchemaError::Cedar(error)) => {
            faults.push(found(&*error));
            let related = error.related().into_iter().flatten();
            faults.extend(related.map(found));
            None
        }
        Err(other) => {
            let text = format!("`{}`: {other}", file.name);
            faults.push(Fault::new(file, Severity::Invalid, text));
            None
        }
    }
}
