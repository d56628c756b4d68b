//! How errors of SQLite are told.

use std::path::Path;

use rusqlite::ErrorCode;

use peppol_authz_engine::store::StoreError;

/// The error of the database at a path, with what to do about it.
pub(super) fn unavailable(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(format!("`{}`: {}", path.display(), said(error)))
}

/// An error, with what to do about it.
pub(super) fn said(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; the file and its directory have to be writable"
        }
        Some(ErrorCode::SystemIoFailure) => "; its disk may be full, or failing",
        _ => "",
    };
    format!("{error}{advice}")
}
