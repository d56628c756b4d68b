//! The end of a log.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use peppol_authz_server::decision_log::is_act;
use peppol_authz_server::http::Problem;

/// The most bytes that are read.
const MOST: u64 = 4 << 20;

/// The newest lines of a log.
pub(super) struct Tail(String);

impl Tail {
    /// Reads it, beside the workers.
    pub(super) async fn read(path: PathBuf) -> Result<Self, Problem> {
        let read = tokio::task::spawn_blocking(move || {
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            let begin = length.saturating_sub(MOST);
            file.seek(SeekFrom::Start(begin))?;
            let mut bytes = Vec::new();
            file.take(MOST).read_to_end(&mut bytes)?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            // The first one may have begun before.
            Ok::<_, std::io::Error>(match begin {
                0 => text,
                _ => text
                    .split_once('\n')
                    .map(|(_, rest)| rest.to_owned())
                    .unwrap_or_default(),
            })
        });
        let internal =
            |error: &dyn std::fmt::Display| Problem::Internal(format!("the decision log: {error}"));
        let read = read.await.map_err(|error| internal(&error))?;
        Ok(Self(read.map_err(|error| internal(&error))?))
    }

    /// Its lines, the oldest first, but those of acts.
    pub(super) fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        let is_of_act =
            |line: &str| line.contains("\"administration\":") && is_act(line.as_bytes());
        let lines = self.0.lines().filter(|line| !line.trim().is_empty());
        lines.filter(move |line| !is_of_act(line))
    }
}
