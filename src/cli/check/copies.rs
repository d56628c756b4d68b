//! The copies in a project of SQL and documents that are inside the program: a change of one changes
//! nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::init::shipped_below;
use peppol_authz_engine::policy::{Fault, Severity, SourceFile};

/// The files and directories that are inside the program, in that of the schema.
const COPIES: [&str; 4] = [
    "callers.cedarschema",
    "documents.cedarschema",
    "postgres",
    "sqlite",
];

/// A warning for each file that differs from that inside the program, or is not in it. `directory` is that of
/// the schema.
pub(super) fn left_unread(directory: &Path) -> Vec<Fault> {
    let shipped = shipped_below("schema");
    let mut found = Vec::new();
    for name in COPIES {
        add_entries(&directory.join(name), &mut found);
    }
    found.sort();
    let mut faults = Vec::new();
    for path in found {
        let inside = path.strip_prefix(directory).unwrap_or(&path);
        let name = format!("schema/{}", inside.display());
        let known = shipped.iter().find(|(shipped, _)| *shipped == name);
        let text = match known {
            _ if path.is_dir() => "it is a link to a directory, and nothing in it is read",
            Some((_, contents))
                if path.is_file() && fs::read(&path).is_ok_and(|found| found == *contents) =>
            {
                continue;
            }
            Some(_) => "the program has another one inside, and this file is not read",
            None => "the program has no such file inside, and this one is not read",
        };
        let file = Arc::new(SourceFile {
            name: path.display().to_string(),
            path: Some(path.clone()),
            text: String::new(),
        });
        let text = format!("`{}`: {text}", file.name);
        let fault = Fault::new(&file, Severity::Warning, text);
        faults.push(fault.advise("additions go into `schema/additions`: see its `README.md`"));
    }
    faults
}

/// Returns true if a directory has copies of what is inside the program, as that of a project's schema has.
pub(super) fn has_copies(directory: &Path) -> bool {
    let migrations = ["postgres", "sqlite"].map(|name| directory.join(name).join("migrations"));
    migrations.iter().all(|path| path.is_dir())
}

/// The entries below a path, but for those that an editor hides. A link to a directory is one entry: it may lead back.
fn add_entries(path: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else {
        found.extend(path.exists().then(|| path.to_owned()));
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => add_entries(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}
