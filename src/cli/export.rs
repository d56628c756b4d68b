//! `export`: writes what the store holds, as documents or as Cedar's entities.

use std::io::Write;
use std::sync::Arc;

use super::args::ExportArgs;
use super::exit::{Ended, Exit};
use super::output::{AnyError, failed, misused, remark};
use super::source::{FileUse, import_of, open, open_database, patient, read_schema, settings};
use super::whole_file::WholeFile;
use super::worker::in_worker;
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::export_entities;
use peppol_authz_engine::text::counted;
use peppol_authz_server::config::Config;

/// How much was written, of which state.
struct Done {
    what: String,
    revision: String,
}

pub(super) fn run(args: &ExportArgs) -> Ended {
    let mut config = patient(settings(&args.source.flags())?);
    config.schema = args.schema.clone().or(config.schema);
    let shown = args.file.display().to_string();
    let target = WholeFile::create(&args.file);
    let mut target = target.map_err(|error| failed(format!("`{shown}`: {error}")))?;
    let done = if args.cedar {
        let (exported, written) = entities(config, target).map_err(failed)?;
        target = written;
        exported
    } else {
        documents(&config, &mut target)?
    };
    target
        .keep()
        .map_err(|error| failed(format!("`{shown}`: {error}")))?;
    remark(format_args!("exported {}", done.what));
    remark(format_args!("tenancyRevision {}", done.revision));
    Ok(Exit::Done)
}

fn documents(config: &Config, to: &mut dyn Write) -> Result<Done, Exit> {
    let database = open_database(config, FileUse::ReadOnce).map_err(failed)?;
    let database = database.ok_or_else(|| {
        misused(format!(
            "documents are exported from a database, and `{}` is none; `--cedar` writes such a file",
            config.tenancy
        ))
    })?;
    let import = import_of(config.schema.as_deref(), config.additions.as_deref());
    let import = import.map_err(failed)?;
    let exported = database.export(&import, to).map_err(failed)?;
    Ok(Done {
        what: counted(exported.documents, "document", "documents"),
        revision: exported.revision.to_string(),
    })
}

/// Writes on a worker, as stores are read there, and gives the target back.
fn entities(config: Config, mut to: WholeFile) -> Result<(Done, WholeFile), AnyError> {
    let schema = read_schema(config.schema.as_deref())?;
    let schema = Arc::new(Schema::parse(&schema.text)?);
    let (store, _) = open(&config, FileUse::ReadOnce)?;
    in_worker(async move {
        store.check(&schema)?;
        let mut snapshot = store.snapshot(&schema, None).await?;
        let written = export_entities(&*store, &mut *snapshot, &schema, &mut to).await?;
        let done = Done {
            what: counted(written, "entity", "entities"),
            revision: snapshot.revision().to_string(),
        };
        Ok((done, to))
    })
}
