//! `import`: reads tenancy documents into the store.

use std::fs::File;
use std::io::{BufReader, Read, stdin};
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::ImportArgs;
use super::exit::{Ended, Exit};
use super::output::{failed, misused, say};
use super::source::{MissingFile, open_database, settings};
use peppol_authz_database::{Database, Import, ImportError, Imported};
use peppol_authz_engine::store::StoreError;

pub(super) fn run(args: &ImportArgs) -> Ended {
    let config = settings(&args.source.flags())?;
    let database = open_database(&config, MissingFile::Made).map_err(failed)?;
    let database = database.ok_or_else(|| {
        misused(format!(
            "`import` writes into a database, and `{}` is none",
            config.tenancy
        ))
    })?;
    let imported = import_files(&database, &args.files).map_err(failed)?;
    say(format_args!("imported {} documents", imported.documents));
    say(format_args!("tenancyRevision {}", imported.revision));
    Ok(Exit::Done)
}

/// Imports files, `-` being standard input, with a progress bar on a terminal.
pub(super) fn import_files(
    database: &Database,
    files: &[PathBuf],
) -> Result<Imported, ImportError> {
    let import = Import::new().map_err(|error| StoreError::Misfit(error.to_string()))?;
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
            let length = opened.metadata().map_err(failed)?.len();
            total = total.map(|total| total + length);
            Box::new(opened)
        };
        inputs.push((name, BufReader::with_capacity(1 << 20, input)));
    }
    // Hidden by itself where standard error is no terminal.
    let bar = match total {
        Some(total) => {
            ProgressBar::new(total).with_style(style("{bar:40} {bytes}/{total_bytes} {eta}"))
        }
        None => ProgressBar::new_spinner().with_style(style("{spinner} {bytes} {elapsed}")),
    };
    let imported = database.import(&import, inputs, &mut |read| {
        bar.set_position(read);
        if total == Some(read) {
            bar.set_message("storing");
        }
    });
    bar.finish_and_clear();
    imported
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(&format!("{template} {{msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
