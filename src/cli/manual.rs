//! `completions` and `man`: what a shell and `man` know of the commands, made from the same text as `--help`.

use std::io::Write as _;

use clap::CommandFactory as _;

use super::args::{Arguments, CompletionsArgs, ManArgs};
use super::exit::{Ended, Exit};
use super::output::{failed, standard_output};

pub(super) fn completions(args: &CompletionsArgs) -> Ended {
    // It takes a writer that cannot fail.
    let mut script = Vec::new();
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    let written = standard_output().write_all(&script);
    written.map_err(|error| failed(format!("standard output: {error}")))?;
    Ok(Exit::Done)
}

pub(super) fn man(args: &ManArgs) -> Ended {
    let directory = &args.directory;
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), directory));
    written.map_err(|error| failed(format!("`{}`: {error}", directory.display())))?;
    Ok(Exit::Done)
}
