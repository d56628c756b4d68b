//! `serve --check`: a start that ends before anything is made or listened on.

use crate::cli::doctor::{State, checks};
use crate::cli::exit::{Ended, Exit};
use crate::cli::output::{complain_of, remark, say};
use peppol_authz_server::config::Config;

/// Checks what a start needs beside its policies, which are loaded already.
pub(super) fn run(config: &Config) -> Ended {
    let mut end = Exit::Done;
    for check in checks(config) {
        match check.state {
            State::Ok => {}
            State::Warning => remark(format_args!("warning: {check}")),
            State::Wrong => {
                complain_of(&check);
                end = Exit::Failed;
            }
        }
    }
    if end == Exit::Done {
        say("ok: the start would be ready");
    }
    Ok(end)
}
