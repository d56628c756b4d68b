//! `init`: writes what is inside the program out, as a project to edit.

mod settings;

use std::fs::{self, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::args::InitArgs;
use super::exit::{Ended, Exit};
use super::output::{failed, say};

/// Each directory as it is called in a project.
static SHIPPED: [(&str, Dir<'_>); 4] = [
    ("policies", include_dir!("$CARGO_MANIFEST_DIR/policies")),
    ("schema", include_dir!("$CARGO_MANIFEST_DIR/schema")),
    (
        "tests/policies",
        include_dir!("$CARGO_MANIFEST_DIR/tests/policies"),
    ),
    (
        "tests/callers",
        include_dir!("$CARGO_MANIFEST_DIR/tests/callers"),
    ),
];

/// Directories that are empty at first.
const EMPTY: [&str; 2] = [
    "schema/additions/sqlite/migrations",
    "schema/additions/postgres/migrations",
];

/// The settings of a project.
const SETTINGS: &str = "peppol-authz.toml";

/// Each shipped file below a directory of a project, with its path in the project.
pub(super) fn shipped_below(directory: &str) -> Vec<(String, &'static [u8])> {
    let mut found = Vec::new();
    for (name, shipped) in &SHIPPED {
        add_files(name, shipped, &mut found);
    }
    found.retain(|(name, _)| Path::new(name).starts_with(directory));
    found
}

fn add_files(name: &str, directory: &'static Dir<'_>, found: &mut Vec<(String, &'static [u8])>) {
    let files = directory.files();
    found.extend(files.map(|file| (format!("{name}/{}", file.path().display()), file.contents())));
    for inner in directory.dirs() {
        add_files(name, inner, found);
    }
}

pub(super) fn run(args: &InitArgs) -> Ended {
    let directory = &args.directory;
    let shown = directory.display();
    let written = write_all(directory).map_err(|error| failed(format!("`{shown}`: {error}")))?;
    say(format_args!(
        "wrote {written} files into `{shown}`: policies, schema, suites, SQL and settings\n\n\
         next:\n\
         \x20 cd {shown}\n\
         \x20 peppol-authz check\n\
         \x20 peppol-authz test --coverage\n\
         \x20 peppol-authz prove\n\
         \x20 peppol-authz serve --config {SETTINGS}\n\n\
         `schema/additions/README.md` says how attributes, actions and types are added"
    ));
    Ok(Exit::Done)
}

/// Writes all files into a directory that is new or empty. Returns how many.
fn write_all(directory: &Path) -> Result<usize> {
    fs::create_dir_all(directory)?;
    if fs::read_dir(directory)?.next().is_some() {
        let text = "it is not empty; a project is written into a new or empty directory";
        return Err(Error::new(ErrorKind::AlreadyExists, text));
    }
    let mut files = shipped_below("");
    let settings = settings::of_project();
    files.push((SETTINGS.to_owned(), settings.as_bytes()));
    for (name, contents) in &files {
        write(&directory.join(name), contents)
            .map_err(|error| Error::new(error.kind(), format!("`{name}`: {error}")))?;
    }
    for name in EMPTY {
        fs::create_dir_all(directory.join(name))?;
    }
    Ok(files.len())
}

/// Writes a file that is not there yet.
fn write(path: &Path, contents: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options.open(path)?.write_all(contents)
}
