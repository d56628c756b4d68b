//! The documents that a start imports.

use std::fs::{self, File};
use std::io::BufReader;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::report::Check;
use crate::cli::output::AnyError;
use crate::cli::source::import_of;
use peppol_authz_database::Import;
use peppol_authz_engine::text::counted;
use peppol_authz_server::config::{Config, Source};

const IMPORT: &str = "import";

pub(super) fn checks(config: &Config) -> Vec<Check> {
    if config.import.is_empty() {
        return Vec::new();
    }
    if matches!(config.tenancy, Source::Entities(_)) {
        let text = format!("it needs a database, and `{}` is none", config.tenancy);
        return vec![Check::wrong(IMPORT, text)];
    }
    let import = import_of(config.schema.as_deref(), config.additions.as_deref());
    let import = match import {
        Ok(import) => import,
        Err(error) => return vec![Check::wrong(IMPORT, error)],
    };
    let checked = config.import.iter().map(|path| check(&import, path));
    checked.collect()
}

/// Each document is read; what it refers to is known to the store alone.
fn check(import: &Import, path: &Path) -> Check {
    let name = path.display().to_string();
    // A source that can be read once alone is left to the start.
    if name == "-" || fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
        return Check::ok(
            IMPORT,
            format!("`{name}` can be read once, and is not looked at"),
        );
    }
    let read = || -> Result<u64, AnyError> {
        let file = File::open(path).map_err(|error| format!("`{name}`: {error}"))?;
        Ok(import.check(&name, BufReader::new(file))?)
    };
    match read() {
        Ok(documents) => {
            let documents = counted(documents, "document", "documents");
            Check::ok(IMPORT, format!("`{name}`: {documents}"))
        }
        Err(error) => Check::wrong(IMPORT, error),
    }
}
