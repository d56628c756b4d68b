//! The command `peppol-authz`.

use std::process::ExitCode;

fn main() -> ExitCode {
    peppol_authz::cli::run().into()
}
