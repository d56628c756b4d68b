//! `import`: reads tenancy documents into the store.

mod entities;
mod ignored;
mod progress;

use std::fs::File;
use std::io::{BufReader, Read, stdin};
use std::path::PathBuf;

use super::args::ImportArgs;
use super::exit::{Ended, Exit};
use super::output::{failed, remark, say};
use super::source::{FileUse, import_of, open_database, settings};
use peppol_authz_database::{Database, Import, ImportError, Imported};
use peppol_authz_engine::text::counted;
use progress::Progress;

pub(super) use ignored::lines as ignored_lines;

pub(super) fn run(args: &ImportArgs) -> Ended {
    let config = settings(&args.source.flags())?;
    if args.cedar {
        return entities::run(args, config);
    }
    // Before a database is made for them.
    let documents = Documents::open(&args.files).map_err(failed)?;
    let database = open_database(&config, FileUse::Written).map_err(failed)?;
    let database = database.ok_or_else(|| entities::no_database(&config))?;
    let import = import_of(config.schema.as_deref(), config.additions.as_deref());
    let import = import.map_err(failed)?.strict(args.strict);
    let imported = import_all(&database, &import, documents, |line| remark(line));
    let imported = imported.map_err(failed)?;
    ignored_lines(&imported.ignored).iter().for_each(remark);
    let documents = counted(imported.documents, "document", "documents");
    say(format_args!("imported {documents}"));
    say(format_args!("tenancyRevision {}", imported.revision));
    Ok(Exit::Done)
}

/// Files of documents that are open.
struct Documents {
    inputs: Vec<(String, BufReader<Box<dyn Read>>)>,
    /// The bytes of all of them, if that is known.
    total: Option<u64>,
}

impl Documents {
    /// Opens files, `-` being standard input.
    fn open(files: &[PathBuf]) -> Result<Self, ImportError> {
        let mut inputs: Vec<(String, BufReader<Box<dyn Read>>)> = Vec::new();
        let mut total = Some(0);
        for file in files {
            let name = file.display().to_string();
            let input: Box<dyn Read> = if name == "-" {
                total = None;
                Box::new(stdin())
            } else {
                let failed = |cause| ImportError::Read {
                    file: name.clone(),
                    cause,
                };
                let opened = File::open(file).map_err(failed)?;
                let found = opened.metadata().map_err(failed)?;
                // A pipe has no length.
                total = total.filter(|_| found.is_file());
                total = total.map(|total| total + found.len());
                Box::new(opened)
            };
            inputs.push((name, BufReader::with_capacity(1 << 20, input)));
        }
        Ok(Self { inputs, total })
    }
}

/// Imports files, `-` being standard input, and shows the progress; without a terminal `tell` writes a
/// line of it.
pub(super) fn import_files(
    database: &Database,
    import: &Import,
    files: &[PathBuf],
    tell: fn(&str),
) -> Result<Imported, ImportError> {
    import_all(database, import, Documents::open(files)?, tell)
}

fn import_all(
    database: &Database,
    import: &Import,
    Documents { inputs, total }: Documents,
    tell: fn(&str),
) -> Result<Imported, ImportError> {
    let progress = Progress::new(total, tell);
    let imported = database.import(import, inputs, &mut |read| progress.is_at(read));
    progress.end();
    imported
}
