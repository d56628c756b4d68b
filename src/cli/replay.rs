//! `replay`: decisions of a log, decided again.

pub(super) mod report;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::Exit;
use super::args::{ReplayArgs, SourceArgs};
use super::asking::{AnyError, prepare};
use super::output::{complain, complain_of};
use super::policies::runtime;
use super::source::open;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::Store;
use peppol_authz_server::config::{Config, MIN_WORKER_STACK_BYTES, Source};
use peppol_authz_server::decision_log::{Pseudonyms, Replay, Undecided, lines};
use report::Report;

pub(super) fn run(args: &ReplayArgs) -> Exit {
    let (config, bundle) = match prepare(&args.source, &args.policy) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let recorded = match Recorded::named(&config, args.key_file.as_deref(), &args.source) {
        Ok(recorded) => recorded,
        Err(exit) => return exit,
    };
    let logs = args.logs.clone();
    let replayed = runtime(1, MIN_WORKER_STACK_BYTES)
        .map_err(AnyError::from)
        .and_then(|runtime| {
            // On a worker, whose stack is as large as a server's.
            let replayed = async move { replay(bundle, &recorded, &logs).await };
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
    recorded: &Recorded,
    logs: &[std::path::PathBuf],
) -> Result<Report, AnyError> {
    let mut report = Report::new(&bundle);
    let mut replay = recorded.replay(bundle).await?;
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

/// What lines that hold no entities are decided from.
pub(super) struct Recorded {
    store: Option<Arc<dyn Store>>,
    key: Option<Pseudonyms>,
}

impl Recorded {
    /// The store and the key that flags or settings name, as far as they do. The default store is
    /// one where it is there.
    pub(super) fn named(
        config: &Config,
        key_file: Option<&Path>,
        source: &SourceArgs,
    ) -> Result<Self, Exit> {
        let key = match (key_file, &config.decision_log.key_file) {
            (Some(path), _) => Some(("--key-file", path)),
            (None, Some(path)) => Some(("decision_log.key_file", path.as_path())),
            (None, None) => None,
        };
        let key = key.map(|(name, path)| {
            Pseudonyms::by_file(path).map_err(|error| {
                complain_of(format_args!("`{name}`: {error}"));
                Exit::Usage
            })
        });
        let key = key.transpose()?;
        let defaults = Config::defaults().map_err(|error| {
            complain(&error);
            Exit::Failed
        })?;
        let is_named = source.tenancy.is_some() || config.tenancy != defaults.tenancy;
        let is_there = match &config.tenancy {
            Source::Sqlite(path) => path.exists(),
            Source::Postgres(_) | Source::Entities(_) => true,
        };
        // A database that is not there would be made, and nobody would be in it.
        if is_named && !is_there {
            complain_of(format_args!("`{}`: there is no such file", config.tenancy));
            return Err(Exit::Failed);
        }
        let store = is_there
            .then(|| open(config))
            .transpose()
            .map_err(|error| {
                complain(&error);
                Exit::Failed
            })?;
        let store = store.map(|(store, _)| store);
        Ok(Self { store, key })
    }

    /// Decides lines again by these policies.
    pub(super) async fn replay(&self, bundle: Arc<Bundle>) -> Result<Replay, AnyError> {
        let replay = Replay::new(bundle)?;
        Ok(match &self.store {
            Some(store) => replay.over(Arc::clone(store), self.key.as_ref()).await?,
            None => replay,
        })
    }
}

/// A log; `-` is standard input.
pub(super) fn log(path: &Path) -> std::io::Result<Box<dyn BufRead + Send>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    Ok(Box::new(BufReader::new(std::fs::File::open(path)?)))
}
