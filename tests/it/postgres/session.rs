//! A session on a database that stays open, as a writer's.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::server::Database;

/// A line that is no statement's answer.
const DONE: &str = "-- done --";

/// `psql`, fed through a pipe: much faster than one process for each statement, and
/// a transaction may stay open.
pub(crate) struct PsqlSession {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl PsqlSession {
    pub(crate) fn on(database: &Database) -> Self {
        let mut child = database
            .psql()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Runs statements, and returns the lines that they answer.
    pub(crate) fn run(&mut self, sql: &str) -> String {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{sql};\n\\echo {DONE}").unwrap();
        input.flush().unwrap();
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended: {sql}");
            if line.trim_end() == DONE {
                return answer.trim_end().to_owned();
            }
            answer += &line;
        }
    }
}

impl Drop for PsqlSession {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
