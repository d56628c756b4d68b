//! The two sides of a comparison, out of directories and revisions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::args::DiffArgs;
use crate::cli::exit::Exit;
use crate::cli::output::{complain_of, failed, invalid};
use peppol_authz_author::proof::ComparedSets;
use peppol_authz_author::{SourcePlaces, sources_at};
use peppol_authz_engine::policy::{Bundle, Sources, Warnings, load};

/// The places of policies and schema in a project.
const POLICIES: &str = "policies";
const SCHEMA: &str = "schema/peppol.cedarschema";

pub(super) fn compared(args: &DiffArgs) -> Result<ComparedSets, Exit> {
    let old = sources(&args.old, args)?;
    let new = sources(&args.new, args)?;
    let bundle = |sources: &Sources| load(sources).map(Arc::new).map_err(invalid);
    let (before, after): (Arc<Bundle>, _) = (bundle(&old)?, bundle(&new)?);
    let old_under_new = if old.schema.text == new.schema.text {
        Arc::clone(&before)
    } else {
        let sources = Sources {
            schema: Arc::clone(&new.schema),
            ..old
        };
        bundle(&sources).inspect_err(|_| {
            complain_of(format_args!(
                "the policies of `{}` do not fit the schema of `{}`, and cannot be compared under it",
                args.old, args.new
            ));
        })?
    };
    Ok(ComparedSets {
        old: before,
        old_under_new,
        new: after,
    })
}

fn sources(named: &str, args: &DiffArgs) -> Result<Sources, Exit> {
    let directory = Path::new(named);
    let usual = || {
        args.schema
            .clone()
            .or_else(|| existing(PathBuf::from(SCHEMA)))
    };
    if directory.is_dir() {
        let (own, beside) = (directory.join(POLICIES), directory.join(SCHEMA));
        let (policies, schema) = if own.is_dir() {
            (own, existing(beside).or_else(usual))
        } else {
            (directory.to_owned(), usual())
        };
        return read(Some(&policies), schema.as_deref());
    }
    let schema = args.schema.clone().unwrap_or_else(|| PathBuf::from(SCHEMA));
    let places = SourcePlaces {
        policies: &args.policies,
        schema: &schema,
    };
    let (mut sources, own) = sources_at(named, &places).map_err(failed)?;
    if own.is_none() {
        sources.schema = read(None, usual().as_deref())?.schema;
    }
    Ok(sources)
}

/// Reads policies and schema without routes, which decide nothing by themselves.
fn read(policies: Option<&Path>, schema: Option<&Path>) -> Result<Sources, Exit> {
    let sources = Sources::read(policies, schema, None).map_err(failed)?;
    // Their decisions are compared. Warnings are a matter of the program that serves them.
    Ok(Sources {
        routes: None,
        warnings: Warnings::LOG,
        ..sources
    })
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    Some(path).filter(|path| path.exists())
}
