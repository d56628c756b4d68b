//! The copies in a project of SQL and documents that are inside the program: whoever changes one changes
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
    let mut files = Vec::new();
    for name in COPIES {
        add_files(&directory.join(name), &mut files);
    }
    files.sort();
    let mut faults = Vec::new();
    for path in files {
        let inside = path.strip_prefix(directory).unwrap_or(&path);
        let name = format!("schema/{}", inside.display());
        let known = shipped.iter().find(|(shipped, _)| *shipped == name);
        let text = match known {
            Some((_, contents)) if fs::read(&path).is_ok_and(|found| found == *contents) => {
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

/// The files below a path, but for those that an editor hides.
fn add_files(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    for entry in entries {
        if !entry.file_name().to_string_lossy().starts_with('.') {
            add_files(&entry.path(), files);
        }
    }
}
