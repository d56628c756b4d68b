//! Additions: an operator's own migrations, views and documents, beside those that are inside the program.
//!
//! They are files in a directory. Each is read whole, so that the text that is checked is the text that
//! is used. A database notes those that were applied to it, with their digests.

mod dialect;
mod plan;
mod read;
mod view;

use std::sync::Arc;

use peppol_authz_engine::policy::{Fault, SourceFile};

pub(crate) use dialect::DialectAdditions;
pub(crate) use plan::{Applied, MAKE_TABLE, Plan, TABLE, plan};

/// The additions of a directory.
#[derive(Debug)]
pub struct Additions {
    /// The members of documents, if there is a file of them.
    pub(crate) documents: Option<Arc<SourceFile>>,
    pub(crate) sqlite: DialectAdditions,
    pub(crate) postgres: DialectAdditions,
}

/// Additions that cannot be used.
#[derive(Debug)]
pub struct AdditionsError(pub Vec<Fault>);

impl std::fmt::Display for AdditionsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            let ((line, _), file) = (fault.place(), &fault.file.name);
            let before = if number > 0 { "; " } else { "" };
            match fault.labels.is_empty() {
                // It names its file.
                true => write!(f, "{before}{fault}")?,
                false => write!(f, "{before}{file}:{line}: {fault}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for AdditionsError {}
