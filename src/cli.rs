//! The commands: parse, dispatch, a typed exit status.

mod args;
mod asking;
mod authorize;
mod check;
mod diff;
mod explain;
mod import;
mod migrate;
mod output;
mod policies;
mod prove;
mod replay;
mod route;
mod search;
mod serve;
mod source;
mod test;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Arguments, Command};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or allowed.
    Done,
    /// Failed.
    Failed,
    /// Denied.
    Denied,
    /// Policies or schema are not valid.
    Invalid,
    /// A policy test failed, something is not proved, or decisions changed.
    TestFailed,
    /// Wrong usage.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0_u8,
            Exit::Failed => 1,
            Exit::Denied => 2,
            Exit::Invalid => 3,
            Exit::TestFailed => 4,
            Exit::Usage => 64,
        })
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub(crate) fn run() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let asked = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            // Nothing is left to be said where even this cannot be written.
            let _ = error.print();
            return if asked { Exit::Done } else { Exit::Usage };
        }
    };
    match arguments.command {
        Command::Serve(args) => serve::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Authorize(args) => authorize::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Route(args) => route::run(&args),
        Command::Prove(args) => prove::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Replay(args) => replay::run(&args),
    }
}
