//! `review`: who may do what, on what, by which policies.

mod csv;
mod found;
mod html;
mod json;
mod scope;
mod since;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{ReviewArgs, ReviewFormat};
use super::asking::{engine_over, prepare};
use super::exit::{Ended, Exit};
use super::output::{AnyError, failed, misused, remark};
use super::source::{FileUse, open, patient};
use super::whole_file::WholeFile;
use super::worker::in_worker;
use found::{FoundRights, ReviewHead};
use peppol_authz_engine::ReviewScope;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::HeldStore;
use peppol_authz_server::config::Config;
use since::Since;

/// Memory for the entities that a review looks at again and again.
const CACHE_BYTES: u64 = 256 << 20;

pub(super) fn run(args: &ReviewArgs) -> Ended {
    let (config, bundle) = prepare(&args.source, &args.policy)?;
    let config = patient(config);
    let scope = scope::read(args, &bundle, config.limits.json_depth).map_err(misused)?;
    let before = args.since.as_deref().map(Since::open).transpose();
    let before = before.map_err(misused)?;
    let shown = scope::shown(&scope);
    if let Some(before) = &before {
        before.is_of(&shown).map_err(misused)?;
    }
    let (head, rights) = find(&config, bundle, scope, shown).map_err(failed)?;
    let rights = rights.end().map_err(failed)?;
    let since = before.map(|before| before.compare(&rights)).transpose();
    let since = since.map_err(failed)?;
    let target = args.output.display();
    let unwritten = |error: std::io::Error| failed(format!("`{target}`: {error}"));
    let mut file = WholeFile::create(&args.output).map_err(unwritten)?;
    let written = match args.format {
        ReviewFormat::Csv => csv::write(&head, &rights, since.as_ref(), &mut file),
        ReviewFormat::Json => json::write(&head, &rights, since.as_ref(), &mut file),
        ReviewFormat::Html => html::write(&head, &rights, since.as_ref(), &mut file),
    };
    written.and_then(|()| file.keep()).map_err(unwritten)?;
    remark(format_args!("reviewed {} rights", rights.count));
    if let Some(since) = &since {
        remark(format_args!(
            "since then {} wider, {} narrower",
            since.wider.count, since.narrower.count
        ));
    }
    let open = head.reviewed.open.iter().filter(|it| it.required).count();
    if open > 0 {
        remark(format_args!(
            "{open} actions depend on their context, and are named as open"
        ));
    }
    remark(format_args!(
        "tenancyRevision {}",
        head.reviewed.tenancy_revision
    ));
    Ok(Exit::Done)
}

/// Finds all rights, over one state of the store.
fn find(
    config: &Config,
    bundle: Arc<Bundle>,
    scope: ReviewScope,
    shown: serde_json::Value,
) -> Result<(ReviewHead, FoundRights), AnyError> {
    let (store, _) = open(config, FileUse::ReadOnce)?;
    let schema = Arc::clone(&bundle.schema);
    // One runtime for both: the state is held by a connection that lives in it.
    in_worker(async move {
        let held = HeldStore::of(store, &schema).await?;
        let engine = engine_over(Arc::new(held), bundle, CACHE_BYTES)?;
        let mut rights = FoundRights::new()?;
        let progress = Progress::new();
        let mut take = |right| {
            progress.more();
            rights.add(&right).map_err(|error| error.to_string())
        };
        let reviewed = scope.review(&engine.session(), &mut take).await?;
        progress.end();
        let head = ReviewHead {
            scope: shown,
            reviewed,
        };
        Ok((head, rights))
    })
}

/// How many rights were found, on a terminal.
struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {pos} rights {elapsed}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = ProgressBar::new_spinner().with_style(style);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar }
    }

    fn more(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
