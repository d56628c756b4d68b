//! The additions for one kind of database.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use peppol_authz_engine::policy::SourceFile;
use peppol_authz_engine::text::hex;

use super::view::AddedView;

/// The additions for one kind of database.
#[derive(Debug, Default)]
pub(crate) struct DialectAdditions {
    /// In the order of their versions.
    pub(crate) migrations: Vec<AddedMigration>,
    pub(crate) views: Vec<AddedView>,
    /// The file of the views.
    pub(crate) views_file: Option<Arc<SourceFile>>,
    /// The statements of an import.
    pub(crate) import: Option<Arc<SourceFile>>,
    /// The statements of an export.
    pub(crate) export: Option<Arc<SourceFile>>,
}

/// A migration.
#[derive(Debug)]
pub(crate) struct AddedMigration {
    pub(crate) version: u32,
    /// Of its file, without the ending.
    pub(crate) name: String,
    pub(crate) file: Arc<SourceFile>,
    pub(crate) digest: String,
}

impl DialectAdditions {
    /// Returns true if nothing is made by it.
    pub(crate) fn is_empty(&self) -> bool {
        self.migrations.is_empty() && self.views.is_empty()
    }

    /// The digest of a view over the tables of a shipped version: with another version it is
    /// made anew.
    pub(super) fn view_digest(view: &AddedView, shipped: i32) -> String {
        digest(&format!("{shipped}\n{}", view.sql))
    }
}

/// The digest of a text, however its lines end.
pub(super) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.replace("\r\n", "\n")), 32)
}
