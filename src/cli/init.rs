//! `init`: writes what is inside the program out, as a project to edit.

mod settings;

use std::fs::{self, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

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

/// A path as a shell takes it for one word, and no option.
fn for_a_shell(path: &str) -> String {
    let path = match path.starts_with('-') {
        true => format!("./{path}"),
        false => path.to_owned(),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match !path.is_empty() && path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

/// Writes all files into a directory that is new or empty, or none. Returns how many.
fn write_all(directory: &Path) -> Result<usize> {
    if let (Ok(target), false) = (fs::read_link(directory), directory.exists()) {
        let target = target.display();
        let text = format!("it is a link to `{target}`, which is not there");
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    let mut written = Written::default();
    let result = written.all_into(directory);
    if result.is_err() {
        written.take_back();
    }
    result
}

/// The files and directories that were made so far.
#[derive(Default)]
struct Written {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Written {
    fn all_into(&mut self, directory: &Path) -> Result<usize> {
        self.make_directory(directory)?;
        if fs::read_dir(directory)?.next().is_some() {
            let text = "it is not empty; a project is written into a new or empty directory";
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        let mut files = shipped_below("");
        let settings = settings::of_project();
        files.push((SETTINGS.to_owned(), settings.as_bytes()));
        for (name, contents) in &files {
            self.write(&directory.join(name), contents)
                .map_err(|error| Error::new(error.kind(), format!("`{name}`: {error}")))?;
        }
        for name in EMPTY {
            self.make_directory(&directory.join(name))?;
        }
        Ok(files.len())
    }

    /// Makes a directory, and those above it.
    fn make_directory(&mut self, path: &Path) -> Result<()> {
        let above = path.ancestors();
        let missing = above.take_while(|it| !it.as_os_str().is_empty() && !it.exists());
        let missing: Vec<&Path> = missing.collect();
        for directory in missing.into_iter().rev() {
            match fs::create_dir(directory) {
                Ok(()) => self.directories.push(directory.to_owned()),
                // Of a path that leads back, as `new/..`.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && directory.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes a file that is not there yet.
    fn write(&mut self, path: &Path, contents: &[u8]) -> Result<()> {
        if let Some(parent) = path.parent() {
            self.make_directory(parent)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).open(path)?;
        self.files.push(path.to_owned());
        file.write_all(contents)
    }

    /// Removes all of it. A directory in which somebody else has put something stays.
    fn take_back(self) {
        for file in self.files {
            let _ = fs::remove_file(file);
        }
        for directory in self.directories.into_iter().rev() {
            let _ = fs::remove_dir(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::for_a_shell;

    #[test]
    fn a_shell_takes_a_path_for_one_word() {
        for (path, quoted) in [
            ("mine/of-acme_1.0", "mine/of-acme_1.0"),
            ("-x", "./-x"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$HOME;`x`", "'$HOME;`x`'"),
            ("~", "'~'"),
        ] {
            assert_eq!(for_a_shell(path), quoted);
        }
    }
}
