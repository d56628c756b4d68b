//! The decision logs that tell when rights were used.

use std::io::{BufReader, Read};
use std::path::PathBuf;

use super::progress::Progress;
use crate::cli::args::ReviewArgs;
use crate::cli::exit::Exit;
use crate::cli::input::open;
use crate::cli::logged::key_named;
use crate::cli::output::{AnyError, failed, remark};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_server::config::Config;
use peppol_authz_server::decision_log::Pseudonyms;
use peppol_authz_server::review::{FoundReview, LastUses};

/// Lines of a log that are named where they cannot be read.
const NAMED: usize = 5;

/// Decision logs, with the key of their hashes.
pub(super) struct Logs {
    paths: Vec<PathBuf>,
    key: Option<Pseudonyms>,
}

impl Logs {
    /// Those that flags and settings name; `None` where there are none.
    pub(super) fn named(args: &ReviewArgs, config: &Config) -> Result<Option<Self>, Exit> {
        if args.decision_log.is_empty() {
            return Ok(None);
        }
        for path in &args.decision_log {
            if path.as_os_str() != "-" {
                // Before anything takes long.
                open(path).map_err(|error| failed(format!("`{}`: {error}", path.display())))?;
            }
        }
        Ok(Some(Self {
            paths: args.decision_log.clone(),
            key: key_named(config, args.key_file.as_deref())?,
        }))
    }

    /// The last use of each right.
    pub(super) fn uses(&self, found: &FoundReview, bundle: &Bundle) -> Result<LastUses, AnyError> {
        let mut uses = LastUses::of_review(found, bundle, self.key.as_ref())?;
        let progress = Progress::new("bytes of decision logs");
        for path in &self.paths {
            let name = path.display().to_string();
            let log = open(path).map_err(|error| format!("`{name}`: {error}"))?;
            let counted = CountedLog {
                log,
                progress: &progress,
            };
            let mut told = 0;
            uses.read_log(BufReader::new(counted), &mut |unread| {
                if told < NAMED {
                    remark(format_args!("{name}:{}: {}", unread.number, unread.problem));
                }
                told += 1;
            });
        }
        progress.end();
        Ok(uses)
    }
}

/// A log, of which the bytes are counted.
struct CountedLog<'a, R> {
    log: R,
    progress: &'a Progress,
}

impl<R: Read> Read for CountedLog<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.log.read(buffer)?;
        self.progress.read(read as u64);
        Ok(read)
    }
}
