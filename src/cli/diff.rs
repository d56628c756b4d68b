//! `diff`: finds the requests that other policies allow or deny.

mod logged;
mod report;
mod side;

use serde_json::json;

use super::args::DiffArgs;
use super::exit::{Ended, Exit};
use super::logged::LogTally;
use super::output::{complain_of, failed, say};
use super::worker::in_worker;
use peppol_authz_author::proof::{KindDifference, ProofOptions, Prover, diff};
use report::report;

pub(super) fn run(args: &DiffArgs) -> Ended {
    let compared = side::compared(args)?;
    let recorded = logged::recorded(args)?;
    let options = ProofOptions {
        timeout: args.solver.timeout,
    };
    let logs = args.log.clone();
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
    let is_wider = differences.iter().any(KindDifference::may_be_wider)
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
