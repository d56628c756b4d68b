//! Why a read fails.

use std::future::Future;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use peppol_authz_engine::store::StoreError;
use peppol_authz_engine::text::causes;

/// Why a read did not begin.
pub(super) struct BeginFailure {
    pub(super) error: StoreError,
    /// True if the connection was dead before anything was asked, or led to another database than
    /// was described: another try may work.
    pub(super) stale: bool,
}

impl BeginFailure {
    /// The database is not the one that was described: a read that is begun anew describes it.
    pub(super) fn moved() -> Self {
        Self {
            error: StoreError::Unavailable("the database is another one by now".to_owned()),
            stale: true,
        }
    }
}

impl From<StoreError> for BeginFailure {
    fn from(error: StoreError) -> Self {
        Self {
            error,
            stale: false,
        }
    }
}

impl From<tokio_postgres::Error> for BeginFailure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self {
            stale: error.is_closed(),
            error: store_error(error),
        }
    }
}

/// Waits for a query, at most for a time.
pub(super) async fn limited<T>(
    timeout: Duration,
    query: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, BeginFailure> {
    match tokio::time::timeout(timeout, query).await {
        Ok(result) => result.map_err(BeginFailure::from),
        Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned()).into()),
    }
}

/// The text for a statement that follows a refused one in the same transaction.
pub(super) const AFTER_A_REFUSAL: &str = "an earlier statement was refused";

/// The error of a store that an error of the server is.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the argument of `map_err`"
)]
pub(super) fn store_error(error: tokio_postgres::Error) -> StoreError {
    let text = causes(&error);
    match error.code() {
        Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => {
            StoreError::Misfit(AFTER_A_REFUSAL.to_owned())
        }
        // The views are not as they were described, or a right is missing.
        Some(code)
            if [
                &SqlState::UNDEFINED_TABLE,
                &SqlState::UNDEFINED_COLUMN,
                &SqlState::UNDEFINED_FUNCTION,
                &SqlState::INSUFFICIENT_PRIVILEGE,
                &SqlState::DATATYPE_MISMATCH,
            ]
            .contains(&code) =>
        {
            StoreError::Misfit(text)
        }
        _ => StoreError::Unavailable(text),
    }
}
