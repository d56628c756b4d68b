//! Reading a directory of additions.
//!
//! INVARIANT: nothing in it is passed over in silence. An entry is read, or it is known to be
//! something else, or it is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use peppol_authz_engine::file::read_text;
use peppol_authz_engine::policy::{Fault, Severity, SourceFile};

use super::dialect::{AddedMigration, DialectAdditions, digest};
use super::view::views;
use super::{Additions, AdditionsError};
use crate::sql::{SqlDialect, control, statements};

impl Additions {
    /// Reads a directory.
    ///
    /// # Errors
    /// Everything in it that cannot be used.
    pub fn read(directory: &Path) -> Result<Self, AdditionsError> {
        let mut reader = AdditionsReader::default();
        let mut found = Self {
            documents: None,
            sqlite: DialectAdditions::default(),
            postgres: DialectAdditions::default(),
        };
        for (path, name) in reader.entries(directory) {
            match name.as_str() {
                "documents.cedarschema" => found.documents = reader.text(&path),
                "sqlite" => found.sqlite = reader.part(&path, SqlDialect::Sqlite),
                "postgres" => found.postgres = reader.part(&path, SqlDialect::Postgres),
                _ => reader.refuse(
                    &path,
                    "it is no part of additions, which are `documents.cedarschema`, `sqlite` and `postgres`",
                ),
            }
        }
        match reader.faults.is_empty() {
            true => Ok(found),
            false => Err(AdditionsError(reader.faults)),
        }
    }
}

#[derive(Default)]
struct AdditionsReader {
    faults: Vec<Fault>,
}

impl AdditionsReader {
    fn part(&mut self, directory: &Path, dialect: SqlDialect) -> DialectAdditions {
        let mut part = DialectAdditions::default();
        for (path, name) in self.entries(directory) {
            match name.as_str() {
                "migrations" => part.migrations = self.migrations(&path, dialect),
                "views.sql" => {
                    part.views_file = self.text(&path);
                    match part.views_file.as_ref().map(|file| views(file, dialect)) {
                        None => {}
                        Some(Ok(views)) => part.views = views,
                        Some(Err(faults)) => self.faults.extend(faults),
                    }
                }
                "import.sql" => {
                    part.import = self.text(&path);
                    if let Some(file) = &part.import {
                        self.look_for_control(file, dialect);
                    }
                }
                "export.sql" => part.export = self.text(&path),
                "template.sql" | "links.sql" => {}
                _ => self.refuse(
                    &path,
                    "it is no part of additions, which are `migrations`, `views.sql`, `import.sql` and `export.sql`",
                ),
            }
        }
        part
    }

    fn migrations(&mut self, directory: &Path, dialect: SqlDialect) -> Vec<AddedMigration> {
        let mut migrations = Vec::new();
        for (path, name) in self.entries(directory) {
            let stem = name.strip_suffix(".sql");
            let number = stem.and_then(|stem| stem.split_once('-'));
            let number = number.filter(|(number, _)| !number.starts_with(['0', '+']));
            let version = number.and_then(|(number, _)| number.parse().ok());
            let (Some(stem), Some(version)) = (stem, version) else {
                self.refuse(
                    &path,
                    "a migration is called `NUMBER-NAME.sql`, as `1-suspended.sql`",
                );
                continue;
            };
            let Some(file) = self.text(&path) else {
                continue;
            };
            self.look_for_control(&file, dialect);
            migrations.push(AddedMigration {
                version,
                name: stem.to_owned(),
                digest: digest(&file.text),
                file,
            });
        }
        migrations.sort_by_key(|migration| migration.version);
        for (migration, version) in migrations.iter().zip(1..) {
            if migration.version != version {
                let text = format!("migrations are numbered 1, 2, 3 …: {version} is wanted here");
                let fault = Fault::new(&migration.file, Severity::Invalid, text);
                self.faults.push(fault.at(0, 0));
                break;
            }
        }
        migrations
    }

    /// All of it is one transaction.
    fn look_for_control(&mut self, file: &Arc<SourceFile>, dialect: SqlDialect) {
        for statement in statements(&file.text, dialect) {
            if let Some(word) = control(&statement) {
                let text = format!(
                    "`{}` cannot be here: all of it is one transaction, which the program begins and ends",
                    word.text
                );
                let fault = Fault::new(file, Severity::Invalid, text);
                self.faults.push(fault.at(word.at, word.text.len()));
            }
        }
    }

    /// The entries of a directory with their names, without what an editor, a version control or a reader
    /// keeps there.
    fn entries(&mut self, directory: &Path) -> Vec<(PathBuf, String)> {
        let entries = fs::read_dir(directory)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut entries: Vec<PathBuf> = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.refuse(directory, &error.to_string());
                Vec::new()
            }
        };
        entries.sort();
        let named = entries.into_iter().map(|path| {
            let name = path.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            (path, name)
        });
        named
            .filter(|(_, name)| !name.starts_with('.') && !name.ends_with(".md"))
            .collect()
    }

    fn text(&mut self, path: &Path) -> Option<Arc<SourceFile>> {
        match read_text(path) {
            Ok(text) => Some(Arc::new(SourceFile {
                name: path.display().to_string(),
                path: Some(path.to_owned()),
                text,
            })),
            Err(error) => {
                self.refuse(path, &error.to_string());
                None
            }
        }
    }

    fn refuse(&mut self, path: &Path, problem: &str) {
        let file = Arc::new(SourceFile {
            name: path.display().to_string(),
            path: None,
            text: String::new(),
        });
        let problem = format!("`{}`: {problem}", file.name);
        self.faults
            .push(Fault::new(&file, Severity::Invalid, problem));
    }
}
