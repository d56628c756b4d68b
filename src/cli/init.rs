//! `init`: writes what is inside the program out, as a project to edit, or makes one of a set that is there.

mod brought;
mod files;
mod settings;
mod shell;

use std::io::Error;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::args::{InitArgs, SETTINGS};
use super::exit::{Ended, Exit};
use super::output::{failed, say};
use files::written;
use shell::for_a_shell;

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
    if let Some(from) = &args.from {
        return brought::run(args, from);
    }
    let written = write_all(directory).map_err(|error| failed(format!("`{shown}`: {error}")))?;
    say(format_args!(
        "wrote {written} files into `{shown}`: policies, schema, suites, SQL and settings\n\n\
         next:\n\
         \x20 cd {}\n\
         \x20 peppol-authz check\n\
         \x20 peppol-authz test --coverage\n\
         \x20 peppol-authz prove\n\
         \x20 peppol-authz serve --config {SETTINGS}\n\n\
         `schema/additions/README.md` says how attributes, actions and types are added",
        for_a_shell(&shown.to_string())
    ));
    Ok(Exit::Done)
}

/// Writes all files. Returns how many.
fn write_all(directory: &Path) -> Result<usize, Error> {
    written(directory, |files| {
        for (name, contents) in shipped_below("") {
            files.write(directory, &name, contents)?;
        }
        files.write(directory, SETTINGS, settings::of_project().as_bytes())?;
        for name in EMPTY {
            files.make_directory(&directory.join(name))?;
        }
        Ok(files.count())
    })
}
