//! `serve --check`: a start that ends before anything is made or listened on.

use std::sync::Arc;

use super::assemble::parts;
use crate::cli::doctor::{State, checks};
use crate::cli::exit::{Ended, Exit};
use crate::cli::output::{complain_of, failed, remark, say};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_server::config::Config;

/// Checks what a start needs beside its policies, which are loaded already.
pub(super) fn run(config: &Config, bundle: &Bundle, callers: Arc<Bundle>) -> Ended {
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
    parts(config, bundle, callers).map_err(failed)?;
    if end == Exit::Done {
        say("ok: the start would be ready");
    }
    Ok(end)
}
