//! The commands: parse, dispatch, a typed exit status.

mod args;
mod asking;
mod authorize;
mod check;
mod convert;
mod diff;
mod doctor;
mod entity_argument;
mod exit;
mod explain;
mod export;
mod health;
mod import;
mod init;
mod input;
mod key;
mod logged;
mod manual;
mod migrate;
mod output;
mod parts;
mod plan;
mod policies;
mod prove;
mod reasons;
mod replay;
mod review;
mod route;
mod search;
mod serve;
mod source;
mod test;
mod whole_file;
mod worker;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Arguments, Command};
use exit::Exit;

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
            let printed = error.print();
            if asked {
                output::note(printed);
                return output::all_written(Exit::Done);
            }
            // If even this cannot be written, nothing is left to tell.
            return Exit::Usage;
        }
    };
    let ended = match arguments.command {
        Command::Serve(args) => serve::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Authorize(args) => authorize::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Route(args) => route::run(&args),
        Command::Prove(args) => prove::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Review(args) => review::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    };
    output::all_written(ended.unwrap_or_else(|stopped| stopped))
}
