//! `replay`: decisions of a log, decided again.

mod report;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::Exit;
use super::args::ReplayArgs;
use super::asking::{AnyError, prepare};
use super::output::{complain, complain_of};
use super::policies::runtime;
use super::source::open;
use crate::config::{Config, MIN_WORKER_STACK_BYTES};
use crate::decision_log::{Pseudonyms, Replay, Undecided, lines};
use crate::policy::Bundle;
use crate::store::Store;
use report::Report;

pub(super) fn run(args: &ReplayArgs) -> Exit {
    let (config, bundle) = match prepare(&args.source, &args.policy) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let key = args
        .key_file
        .as_ref()
        .or(config.decision_log.key_file.as_ref());
    let key = match key.map(|path| Pseudonyms::by_file(path)).transpose() {
        Ok(key) => key,
        Err(error) => {
            complain_of(format_args!("`--key-file`: {error}"));
            return Exit::Usage;
        }
    };
    // Not the default: a database of that name would be made.
    let is_named = args.source.tenancy.is_some() || config.tenancy != Config::default().tenancy;
    let store = match is_named.then(|| open(&config)).transpose() {
        Ok(store) => store.map(|(store, _)| store),
        Err(error) => {
            complain(&error);
            return Exit::Failed;
        }
    };
    let logs = args.logs.clone();
    let replayed = runtime(1, MIN_WORKER_STACK_BYTES)
        .map_err(AnyError::from)
        .and_then(|runtime| {
            // On a worker, whose stack is as large as a server's.
            let replayed = async move { replay(bundle, store, key, &logs).await };
            runtime.block_on(runtime.spawn(replayed))?
        });
    match replayed {
        Ok(report) => {
            report.show(args.json);
            report.exit()
        }
        Err(error) => {
            complain(&*error);
            Exit::Failed
        }
    }
}

async fn replay(
    bundle: Arc<Bundle>,
    store: Option<Arc<dyn Store>>,
    key: Option<Pseudonyms>,
    logs: &[std::path::PathBuf],
) -> Result<Report, AnyError> {
    let mut report = Report::new(&bundle);
    let mut replay = Replay::new(bundle)?;
    if let Some(store) = store {
        replay = replay.over(store, key.as_ref()).await?;
    }
    for path in logs {
        let shown = path.display().to_string();
        let log = log(path).map_err(|error| format!("`{shown}`: {error}"))?;
        for line in lines(log) {
            let line = match line {
                Ok(line) => line,
                Err(unreadable) => {
                    report.unreadable(&shown, &unreadable);
                    continue;
                }
            };
            match replay.decide(&line).await {
                Ok(again) => report.decided(&shown, &line, &again),
                Err(Undecided::NoQuestion) => report.unasked(),
                Err(undecided) => report.undecided(&shown, &line, &undecided),
            }
        }
    }
    Ok(report)
}

/// A log; `-` is standard input.
fn log(path: &Path) -> std::io::Result<Box<dyn BufRead + Send>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    Ok(Box::new(BufReader::new(std::fs::File::open(path)?)))
}
