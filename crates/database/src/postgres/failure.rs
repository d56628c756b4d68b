//! Why a read fails.

use std::future::Future;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::tls_advice::tls_advice;
use peppol_authz_engine::store::StoreError;
use peppol_authz_engine::text::causes;

/// Why a read did not begin.
pub(super) struct BeginFailure {
    pub(super) error: StoreError,
    /// True if the connection was dead before anything was asked, or led to another database than
    /// was described or to another session: another try may work.
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

impl BeginFailure {
    /// The connection has another session than before: a read that is begun anew prepares nothing.
    pub(super) fn swapped() -> Self {
        Self {
            error: StoreError::Unavailable(SWAPPED.to_owned()),
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
            stale: error.is_closed() || is_of_session(&error),
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

const SWAPPED: &str = "the connection has another session of the server than before";

/// Returns true if the session lacks a statement that was prepared on the connection, or has one of somebody
/// else under its name.
pub(super) fn is_of_session(error: &tokio_postgres::Error) -> bool {
    let codes = [
        SqlState::INVALID_SQL_STATEMENT_NAME,
        SqlState::DUPLICATE_PSTATEMENT,
    ];
    error.code().is_some_and(|code| codes.contains(code))
}

/// An error in words, with what to do about it where that is known.
pub(super) fn said(error: &tokio_postgres::Error) -> String {
    let text = match error.as_db_error() {
        Some(refused) => format!("the server says: {}", refused.message()),
        None => causes(error),
    };
    let advice = error.code().and_then(advice);
    match advice.or_else(|| tls_advice(error)) {
        Some(advice) => format!("{text}; {advice}"),
        None => text,
    }
}

fn advice(code: &SqlState) -> Option<&'static str> {
    let known = [
        (
            SqlState::INVALID_PASSWORD,
            "the tenancy URL, `PGPASSWORD` or the file of passwords has another user or password than the server",
        ),
        (
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            "see the user of the tenancy URL, and the server's `pg_hba.conf`",
        ),
        (
            SqlState::INVALID_CATALOG_NAME,
            "create the database, or correct its name in the tenancy URL",
        ),
        (
            SqlState::TOO_MANY_CONNECTIONS,
            "lower `store.readers`, or raise the server's `max_connections`",
        ),
        (
            SqlState::INSUFFICIENT_PRIVILEGE,
            "GRANT the role of the tenancy URL what it lacks: schema/README.md lists the rights",
        ),
        (
            SqlState::READ_ONLY_SQL_TRANSACTION,
            "it is a replica, or takes no writes: use the address of the primary",
        ),
    ];
    let found = known.into_iter().find(|(known, _)| known == code);
    found.map(|(_, advice)| advice)
}

/// The error of a store that an error of the server is.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the argument of `map_err`"
)]
pub(super) fn store_error(error: tokio_postgres::Error) -> StoreError {
    let text = said(&error);
    match error.code() {
        Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => {
            StoreError::Misfit(AFTER_A_REFUSAL.to_owned())
        }
        _ if is_of_session(&error) => StoreError::Moved(SWAPPED.to_owned()),
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
