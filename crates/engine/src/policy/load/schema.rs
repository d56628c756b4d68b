//! Reads the schema of a Bundle.

use std::sync::Arc;

use miette::Diagnostic;

use crate::policy::fault::{Fault, Severity};
use crate::policy::scan::{Language, scan};
use crate::policy::source_file::SourceFile;
use crate::schema::{Schema, SchemaError};

/// Reads a schema; `None` for one with faults.
pub(super) fn read_schema(file: &Arc<SourceFile>, faults: &mut Vec<Fault>) -> Option<Schema> {
    if let Some((place, what)) = scan(&file.text, Language::Schema).too_deep {
        faults.push(Fault::new(file, Severity::Invalid, format!("too many {what}")).at(place, 1));
        return None;
    }
    let parse = if file.name.ends_with(".json") {
        Schema::parse_json
    } else {
        Schema::parse
    };
    match parse(&file.text) {
        Ok(schema) => Some(schema),
        Err(SchemaError::Cedar(error)) => {
            let diagnostics: Vec<&dyn Diagnostic> = match error.related() {
                Some(related) => related.collect(),
                None => Vec::new(),
            };
            faults.push(Fault::from_diagnostic(file, &*error));
            faults.extend(
                diagnostics
                    .into_iter()
                    .map(|d| Fault::from_diagnostic(file, d)),
            );
            None
        }
        Err(SchemaError::Warning(warning)) => {
            faults.push(Fault::from_diagnostic(file, &*warning));
            None
        }
        Err(other) => {
            let text = format!("`{}`: {other}", file.name);
            faults.push(Fault::new(file, Severity::Invalid, text));
            None
        }
    }
}
