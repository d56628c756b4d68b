//! `diff`: finds the requests that other policies allow or deny.

mod logged;
mod report;
mod side;

use serde_json::json;

use super::args::DiffArgs;
use super::exit::{Ended, Exit};
use super::logged::LogTally;
use super::output::{complain_of, failed, remark, say};
use super::worker::in_worker;
use peppol_authz_author::proof::{ComparedSets, KindDifference, ProofOptions, Prover, diff};
use peppol_authz_engine::policy::Bundle;
use report::report;

pub(super) fn run(args: &DiffArgs) -> Ended {
    let compared = side::compared(args)?;
    let recorded = logged::recorded(args)?;
    let options = ProofOptions {
        timeout: args.solver.timeout,
    };
    let logs = args.log.clone();
    let stored = stored_templates(&compared);
    let found = in_worker(async move {
        let mut prover = Prover::start(options)?;
        let differences = diff(&mut prover, &compared).await?;
        let tally = logged::decide(&compared, &recorded, &logs).await?;
        Ok((differences, tally))
    });
    let (differences, tally) = found.map_err(failed)?;
    report(&differences, args.json);
    if let Some(tally) = &tally {
        if args.json {
            say(json!({"log": tally}));
        } else {
            tally.say("logged decisions: ", "not decided");
        }
    }
    if let Some(stored) = &stored {
        remark(stored.sentence());
    }
    let is_wider = differences.iter().any(KindDifference::may_be_wider)
        || matches!(stored, Some(StoredTemplates::Differ))
        || tally.as_ref().is_some_and(logged::is_wider);
    let is_settled = differences.iter().all(KindDifference::is_settled)
        && tally.as_ref().is_none_or(LogTally::is_settled);
    if args.no_wider && is_wider {
        complain_of("something may be allowed that was not");
        Ok(Exit::TestFailed)
    } else if is_settled {
        Ok(Exit::Done)
    } else {
        Ok(Exit::Failed)
    }
}

/// The templates whose links the store holds: nobody compares what such links make of them.
enum StoredTemplates {
    /// Both sets have the same.
    Same,
    /// They have others.
    Differ,
}

impl StoredTemplates {
    fn sentence(&self) -> &'static str {
        match self {
            Self::Same => "note: links of templates in the store are left out of the comparison",
            Self::Differ => {
                "note: the store holds links of templates, and templates differ: whatever such a link allows may be \
                 more or less than it was"
            }
        }
    }
}

fn stored_templates(compared: &ComparedSets) -> Option<StoredTemplates> {
    let (old, new) = (&compared.old, &compared.new);
    if !old.reads_links() && !new.reads_links() {
        return None;
    }
    let texts = |bundle: &Bundle| {
        let templates = bundle.templates.iter().map(|template| &template.info);
        let mut texts: Vec<_> = templates
            .map(|info| (info.id.to_string(), info.source().to_owned()))
            .collect();
        texts.sort();
        texts
    };
    let is_same = old.reads_links() == new.reads_links() && texts(old) == texts(new);
    Some(match is_same {
        true => StoredTemplates::Same,
        false => StoredTemplates::Differ,
    })
}
