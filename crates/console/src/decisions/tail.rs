//! The end of a log.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use peppol_authz_server::decision_log::{LogFiles, is_act};
use peppol_authz_server::http::Problem;

/// The most bytes that are read.
const MOST: u64 = 4 << 20;

/// The last lines of a file, so many bytes at most.
fn end(mut file: File, length: u64, most: u64) -> std::io::Result<String> {
    let begin = length.saturating_sub(most);
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first one may have begun before.
    Ok(match begin {
        0 => text,
        _ => text
            .split_once('\n')
            .map(|(_, rest)| rest.to_owned())
            .unwrap_or_default(),
    })
}

/// The newest lines of a log, also of files that rotations have left.
pub(super) struct Tail(String);

impl Tail {
    /// Reads it, beside the workers.
    pub(super) async fn read(path: PathBuf) -> Result<Self, Problem> {
        let read = tokio::task::spawn_blocking(move || {
            let (mut texts, mut left) = (Vec::new(), MOST);
            // The one that is written may just have been begun.
            for file in LogFiles::of(&path)? {
                let file = file?;
                let length = file.metadata()?.len();
                texts.push(end(file, length, left)?);
                left = left.saturating_sub(length);
                if left == 0 {
                    break;
                }
            }
            texts.reverse();
            Ok::<_, std::io::Error>(texts.concat())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_lines_are_also_those_before_a_rotation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("d.log");
        std::fs::write(&path, "4\n5\n").unwrap();
        std::fs::write(directory.path().join("d.log.1"), "2\n3\n").unwrap();
        let long = "x".repeat(usize::try_from(MOST).unwrap());
        let oldest = format!("0\n{long}\n1\n");
        std::fs::write(directory.path().join("d.log.2"), oldest).unwrap();
        std::fs::write(directory.path().join("d.log.3"), "before\n").unwrap();
        let tail = Tail::read(path).await.unwrap();
        assert_eq!(tail.lines().collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    }
}
