//! `review`: who may do what, on what, by which policies and values.

mod logs;
mod progress;
mod scope;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use super::args::{ReviewArgs, ReviewFormat};
use super::asking::prepare;
use super::exit::{Ended, Exit};
use super::output::{AnyError, failed, misused, remark};
use super::source::{FileUse, open, patient};
use super::whole_file::WholeFile;
use super::worker::in_workers;
use logs::Logs;
use peppol_authz_engine::ReviewScope;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::text::counted;
use peppol_authz_server::config::Config;
use peppol_authz_server::review::{AccessReview, FoundReview, ReviewForm, Since, scope_json};
use progress::Progress;

pub(super) fn run(args: &ReviewArgs) -> Ended {
    let (config, bundle) = prepare(&args.source, &args.policy)?;
    let config = patient(config);
    let scope = scope::read(args, &bundle, config.limits.json_depth).map_err(misused)?;
    let before = args.since.as_deref().map(Since::open).transpose();
    let before = before.map_err(misused)?;
    if let Some(before) = &before {
        before.is_of(&scope_json(&scope)).map_err(misused)?;
    }
    let logs = Logs::named(args, &config)?;
    let found = find(&config, Arc::clone(&bundle), scope).map_err(failed)?;
    let since = before
        .map(|before| before.compare(&found.rights))
        .transpose();
    let since = since.map_err(failed)?;
    let uses = logs.map(|logs| logs.uses(&found, &bundle)).transpose();
    let review = AccessReview {
        uses: uses.map_err(failed)?,
        found,
        since,
    };
    let target = args.output.display();
    let unwritten = |error: std::io::Error| failed(format!("`{target}`: {error}"));
    let mut file = WholeFile::create(&args.output).map_err(unwritten)?;
    let form = match args.format {
        ReviewFormat::Csv => ReviewForm::Csv,
        ReviewFormat::Json => ReviewForm::Json,
        ReviewFormat::Html => ReviewForm::Html,
    };
    let written = review.write(form, &mut file);
    written.and_then(|()| file.keep()).map_err(unwritten)?;
    say(&review);
    Ok(Exit::Done)
}

/// Says beside the review what it holds.
fn say(review: &AccessReview) {
    let AccessReview { found, since, uses } = review;
    let rights = counted(found.rights.count, "right", "rights");
    remark(format_args!("reviewed {rights}"));
    if let Some(since) = since {
        remark(format_args!(
            "since then {} wider, {} narrower",
            since.wider.count, since.narrower.count
        ));
    }
    if let Some(uses) = uses {
        let read = &uses.read;
        let decisions = counted(read.lines, "decision", "decisions");
        let used = read.uses;
        remark(format_args!("of {decisions} {used} used one of them"));
        let missed = [
            (
                read.unread,
                "line of the log cannot be read",
                "lines of the log cannot be read",
            ),
            (
                read.hidden,
                "line has hashes of ids, and `--key-file` names no such key",
                "lines have hashes of ids, and `--key-file` names no such key",
            ),
        ];
        for (count, one, many) in missed {
            if count > 0 {
                let problem = counted(count, one, many);
                remark(format_args!("{problem}: uses may be missing"));
            }
        }
    }
    let open = &found.reviewed.open;
    let open = open.iter().filter(|it| it.required).count();
    if open > 0 {
        remark(counted(
            open,
            "action depends on its context, and is named as open",
            "actions depend on their context, and are named as open",
        ));
    }
    let revision = &found.reviewed.tenancy_revision;
    remark(format_args!("tenancyRevision {revision}"));
}

/// Finds all rights, over one state of the store.
fn find(config: &Config, bundle: Arc<Bundle>, scope: ReviewScope) -> Result<FoundReview, AnyError> {
    let (store, _) = open(config, FileUse::ReadOnce)?;
    let workers = available_parallelism().map_or(1, NonZeroUsize::get);
    // One runtime for both: the state is held by a connection that lives in it.
    in_workers(workers, async move {
        let progress = Progress::new("rights");
        let mut some = |found: &_| {
            progress.more(found);
            Ok(())
        };
        let found = FoundReview::of(store, bundle, &scope, workers, &mut some).await;
        progress.end();
        Ok(found?)
    })
}
